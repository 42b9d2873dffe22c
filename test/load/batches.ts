// Random runs of batch mode, one after the other: requests that fail, operations that fail, a kill -9 under load; and what of the promises held.
// Started by `node test/load/batches.ts`, from the root of the repository. RUNS, EVENTS (of a run) and SEED (of the first) change it.

import { startTestKafka } from '../support/kafka/index.ts'
import { wholeNumber } from '../support/settings.ts'
import { playBatchRun, type BatchRun } from './batch-run.ts'
import { openEvidence } from './evidence.ts'
import { runProgram, type Program } from './program.ts'

const RANGES = { RUNS: { min: 1, max: 10_000 }, EVENTS: { min: 1_000, max: 50_000 }, SEED: { min: 0, max: 2 ** 32 - 1 } } as const
const read = (name: keyof typeof RANGES, otherwise: number) => wholeNumber(process.env, name, RANGES[name]) ?? otherwise

await runProgram(12 * 60 * 60_000, run)

/** @returns the exit code: 0 if all promises were kept in all runs */
async function run({ say, signal, atEnd }: Program): Promise<number> {
  const [runs, events, firstSeed] = [read('RUNS', 20), read('EVENTS', 20_000), read('SEED', 1)]
  const kafka = await startTestKafka({ log: say })
  atEnd(kafka.stop)
  const { brokers } = kafka
  say(`${runs} runs with ${events} events each, in batches; 5 % of the requests fail, 2 % of the operations in them, and one worker ends by kill -9.`)
  const played: BatchRun[] = []
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    signal.throwIfAborted()
    const evidence = await openEvidence(`batches-${seed}`)
    const result = await playBatchRun({ seed, events, cluster: { direct: brokers, addresses: brokers }, logFolder: evidence.folder })
    say(result.line)
    if (result.broken.length === 0) await evidence.remove()
    else {
      for (const sentence of result.broken) say(`  BROKEN: ${sentence}`)
      const { published, arrivals, letters } = result.evidence
      await evidence.add('published', published)
      await evidence.add('arrivals', arrivals)
      await evidence.add('letters', letters.map(({ headers }) => headers))
      say(`  kept: ${evidence.folder} (SEED=${seed} RUNS=1 plays it again)`)
    }
    played.push(result)
  }
  return report(played, say)
}

function report(played: readonly BatchRun[], say: Program['say']): number {
  const sum = (name: Exclude<keyof BatchRun['figures'], 'mostInWindow' | 'limit'>) => played.reduce((all, { figures }) => all + figures[name], 0)
  const over = played.filter(({ figures: { mostInWindow, limit } }) => mostInWindow > limit).length
  const fullest = Math.max(...played.map(({ figures: { mostInWindow, limit } }) => mostInWindow / limit))
  const broken = played.filter((one) => one.broken.length > 0).length
  say(`${played.length} runs, ${sum('events')} events, ${sum('requests')} requests: lost ${sum('lost')}, inversions ${sum('inversions')}, runs over the limit ${over} `
    + `(fullest second ${Math.round(fullest * 100)} % of it), repeats ${sum('covered') + sum('uncovered')} (uncovered ${sum('uncovered')}), `
    + `dead letters ${sum('letters')}, forms twice ${sum('repeatedForms')}`)
  say(broken === 0 ? 'All promises were kept.' : `A promise was broken in ${broken} of ${played.length} runs.`)
  return broken === 0 ? 0 : 1
}
