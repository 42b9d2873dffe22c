import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'

/**
 * kafkajs 2.2.4 re-arms a timer with a negative delay on every idle connection, some thousand times a second, and Node 24 warns of each
 * (its issue 1704). With nothing pending and no throttling there is nothing to check.
 */
export function patchRequestQueue(): void {
  const prototype = RequestQueue.prototype
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function patched(this: typeof prototype) {
    if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return
    original.call(this)
  }
}
