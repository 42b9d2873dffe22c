import kafkajs from 'kafkajs'
import Connection from 'kafkajs/src/network/connection.js'

/** A connection that is being closed waits so long for what it has asked, ms. */
const LAST_ANSWERS_MS = 1_000

/**
 * kafkajs closes a connection by waiting until all its requests have been answered. But it has stopped to look at their time-outs by then, and
 * connects again with the same object meanwhile: the close then ends the new connection, login and all, and tells nobody. A request that is
 * never answered nor refused holds the lock of its broker for ever, and the worker reaches that broker no more. So a close ends all requests.
 */
export function patchDisconnect(): void {
  const prototype = Connection.prototype
  const original = prototype.disconnect
  prototype.disconnect = async function patched(this: typeof prototype) {
    const end = (): void => this.rejectRequests(new kafkajs.KafkaJSConnectionError('Closed connection', { broker: `${this.host}:${this.port}` }))
    const late = setTimeout(end, LAST_ANSWERS_MS)
    try {
      return await original.call(this)
    } finally {
      clearTimeout(late)
      end()
    }
  }
}
