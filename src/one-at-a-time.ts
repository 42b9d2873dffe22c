/**
 * Wraps `run` so that at most one call is under way, and at most one more waits for it: that one begins after everything that was asked
 * before it. Resolves (or rejects) with the call that covers the asking.
 */
export function oneAtATime(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let waiting: Promise<void> | undefined
  const ask = async (): Promise<void> => {
    if (!running) {
      running = run().finally(() => { running = undefined })
      return running
    }
    waiting ??= running.catch(() => {}).then(async () => {
      waiting = undefined
      return ask()
    })
    return waiting
  }
  return ask
}
