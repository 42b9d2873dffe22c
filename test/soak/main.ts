// `make soak`: random faults, seeded, round after round, on a real Kafka with real workers. Run from the root of the repository.
// MINUTES (10), SEED (random), ROUNDS, SECONDS (of a round), KEEP (a folder for all logs), WORKER_ENV (JSON: settings of all workers).

import { openEvidence } from './evidence.ts'
import { judgementOf } from './judgement.ts'
import { drawPlan, roundSeed } from './plan.ts'
import { add, fullStory, noSums, roundLine, sumLines } from './report.ts'
import { playRound } from './round.ts'
import { readSettings, type Settings } from './settings.ts'
import { SettingsError } from '../support/settings.ts'

const say = (lines: readonly string[]): void => void process.stdout.write(lines.map((line) => `${line}\n`).join(''))

async function soak(settings: Settings): Promise<number> {
  const { minutes, seed, rounds, seconds, keep, workerEnv } = settings
  const sums = noSums()
  const deadline = performance.now() + minutes * 60_000
  say([`Soak for ${minutes} minutes, SEED=${seed}`])
  for (let n = 0; n < rounds && performance.now() < deadline; n += 1) {
    const plan = drawPlan(roundSeed(seed, n), seconds)
    const folder = await openEvidence(plan.seed, keep)
    cleaners.add(folder.close)
    const result = await playRound(plan, folder.path, workerEnv)
    const judgement = judgementOf(result)
    add(sums, plan, result, judgement)
    say([roundLine(n + 1, plan, result, judgement)])
    if (keep !== undefined || judgement !== 'kept') await folder.keep(result)
    if (judgement !== 'kept') say(fullStory(plan, result, judgement, { settings, folder: folder.path }))
    await folder.close()
    cleaners.delete(folder.close)
  }
  say(sumLines(sums))
  return sums.failed === 0 ? 0 : 1
}

/** Folders of the round that is being played. */
const cleaners = new Set<() => Promise<void>>()

for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]] as const) {
  process.once(signal, () => {
    // workers, stand-in and brokers end with this process
    void Promise.all([...cleaners].map(async (clean) => clean())).finally(() => process.exit(128 + number))
  })
}

try {
  process.exit(await soak(readSettings(process.env)))
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(error instanceof SettingsError ? 2 : 1)
}
