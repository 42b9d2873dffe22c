// Started by `node test/demo/main.ts`, from the root of the repository. EVENTS, WORKERS and LIMIT change its size, MODE its way.

import { runDemo } from './run.ts'
import { SettingsError } from '../support/settings.ts'
import { readSettings } from './settings.ts'

const steps: (() => Promise<unknown>)[] = []
let ending: Promise<void> | null = null

/** Undoes everything, newest first, and ends the process. What fails is said, and does not keep the rest from being undone. */
function end(code: number): Promise<void> {
  ending ??= (async () => {
    for (const step of steps.toReversed()) {
      await step().catch((error: unknown) => console.error(`While tidying up: ${error instanceof Error ? error.message : error}`))
    }
    process.exit(code)
  })()
  return ending
}

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.on(signal, () => {
    // The second Ctrl-C means now: what the demo started ends with it.
    if (ending !== null) process.exit(128 + number)
    console.log('\nStopping the workers, the stand-in and Kafka ...')
    void end(128 + number)
  })
}

try {
  const code = await runDemo(readSettings(process.env), (step) => void steps.push(step))
  await end(code)
} catch (error) {
  if (ending === null) console.error(error instanceof SettingsError ? error.message : error)
  await end(1)
}
