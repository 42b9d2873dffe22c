// What the programs about sharing the limit have in common as processes: they say what happens and when, end on a signal or when their
// time is over, and leave nothing behind.

import { SettingsError } from '../support/settings.ts'

export interface Program {
  /** A line, with the seconds since the start. */
  say(text: string): void
  /** The program is to end now. */
  signal: AbortSignal
  /** Registers what has to be done at the end, whatever the end is; done in reverse order. */
  atEnd(step: () => Promise<unknown>): void
}

/**
 * Runs `main` and ends the process: with the exit code that it resolves with, or 1 if it failed, was interrupted or took longer than
 * `withinMs`. Children end with the process.
 */
export async function runProgram(withinMs: number, main: (program: Program) => Promise<number>): Promise<never> {
  const over = new AbortController()
  const steps: (() => Promise<unknown>)[] = []
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // the second one means now
      if (over.signal.aborted) process.exit(1)
      over.abort(new Error(`ended by ${signal}`))
    })
  }
  setTimeout(() => over.abort(new Error(`not finished within ${Math.round(withinMs / 60_000)} minutes`)), withinMs).unref()
  const say = (text: string) => void process.stdout.write(`${String(Math.round(performance.now() / 1_000)).padStart(4)} s  ${text}\n`)
  const aborted = new Promise<never>((_, reject) => over.signal.addEventListener('abort', () => reject(over.signal.reason as Error)))
  let code = 1
  try {
    code = await Promise.race([main({ say, signal: over.signal, atEnd: (step) => void steps.push(step) }), aborted])
  } catch (error) {
    console.error(over.signal.aborted || error instanceof SettingsError ? (error as Error).message : error)
  }
  aborted.catch(() => undefined)
  over.abort(new Error('ended'))
  for (const step of steps.toReversed()) await step().catch((error: unknown) => console.error('While tidying up:', error))
  process.exit(code)
}
