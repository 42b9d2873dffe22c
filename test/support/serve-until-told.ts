import { fstatSync } from 'node:fs'

/** Keeps a program that serves by hand alive until SIGTERM, SIGINT or, when stdin is a pipe, the end of stdin; then stops what it serves, and ends. */
export function serveUntilTold(stop: () => Promise<unknown>): void {
  const end = async (): Promise<void> => {
    await stop()
    process.exit(0)
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)

  // Not for a terminal (reading from it would stop a background job) nor for /dev/null (which is always at its end).
  const stdin = fstatSync(0)
  if (stdin.isFIFO() || stdin.isSocket()) process.stdin.on('end', end).resume()

  // What runs elsewhere (a broker in Docker, a cluster) is nothing that Node waits for, and neither is a signal.
  setInterval(() => {}, 60_000)
}
