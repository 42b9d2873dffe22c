// The worker on a real cluster, as the chart installs it: steps that happen to it under load, one after the other, and the promises over all of them.
// Started by `node test/e2e/main.ts`, from the root of the repository. docs/e2e.md says what it needs.

import { runProgram, type Program } from '../load/program.ts'
import { readTopic } from '../support/read-topic.ts'
import { computeVerdict } from '../support/verdict.ts'
import { WINDOW_MS } from './outside.ts'
import { promises, replicasTable, stepsTable, type Played } from './report.ts'
import { readSettings, type Settings } from './settings.ts'
import { openStage, type Stage } from './stage.ts'
import type { Step } from './step.ts'
import { apiRestart } from './steps/api-restart.ts'
import { backlog } from './steps/backlog.ts'
import { drain } from './steps/drain.ts'
import { forceDelete } from './steps/force-delete.ts'
import { hpa } from './steps/hpa.ts'
import { install } from './steps/install.ts'
import { keda } from './steps/keda.ts'
import { limitChanged } from './steps/limit.ts'
import { outOfMemory } from './steps/out-of-memory.ts'
import { rollout } from './steps/rollout.ts'
import { until } from './until.ts'

const STEPS: Step[] = [backlog, rollout, drain, forceDelete, outOfMemory, limitChanged, apiRestart, hpa, keda]
const LONGEST_MS = 20 * 60_000
const DRAINED_WITHIN_MS = 120_000

await runProgram(LONGEST_MS, async (program) => runSteps(readSettings(process.env), program))

async function runSteps(settings: Settings, program: Program): Promise<number> {
  const stage = await openStage(settings, program)
  const played = [await play(install, stage)]
  // without workers there is nothing to look at
  if (played[0]!.outcome === 'ok') {
    const chosen = STEPS.filter(({ name }) => settings.steps.length === 0 || settings.steps.includes(name))
    for (const step of chosen) played.push(await play(step, stage))
  }
  return conclude(stage, played)
}

async function play(step: Step, stage: Stage): Promise<Played> {
  const { say } = stage.program
  const { title } = step
  const from = performance.now()
  const done = (outcome: Played['outcome'], text: string): Played => {
    say(`${title}: ${outcome === 'ok' ? '' : `${outcome}: `}${text}`)
    return { title, from, to: performance.now(), outcome, text }
  }
  try {
    const missing = await step.missing?.(stage)
    if (missing !== undefined) return done('skipped', missing)
    say(`${title} ...`)
    return done('ok', await step.run(stage))
  } catch (error) {
    return done('failed', (error as Error).message)
  }
}

async function conclude(stage: Stage, played: readonly Played[]): Promise<number> {
  const { settings: { limit }, outside: { brokers, letterTopic }, standIn, feed, progress, release, watch, program } = stage
  await feed.stop()
  program.say('Nothing more is published: the workers finish what is waiting.')
  await until('everything is done', DRAINED_WITHIN_MS, async () => (await progress.lag()) === 0).catch((error: Error) => program.say(error.message))
  const logs = await logsOf(stage)
  await release.remove()
  const [arrivals, letters] = await Promise.all([standIn.arrivals(), readTopic(brokers, letterTopic)])
  const verdict = computeVerdict({ published: feed.published, arrivals, letters, limit, windowMs: WINDOW_MS })
  const troubles = [
    ...verdict.failures,
    ...(verdict.refused429 > 0 ? [`${verdict.refused429} requests were refused with 429.`] : []),
    ...played.filter(({ outcome }) => outcome === 'failed').map(({ title, text }) => `${title}: ${text}`),
  ]
  console.log(`\n${[...stepsTable(played), '', ...replicasTable(watch.samples, played), '', ...promises(verdict, limit)].join('\n')}\n`)
  for (const sentence of troubles) console.log(`BROKEN: ${sentence}`)
  if (troubles.length === 0) {
    console.log('Every promise was kept.')
    return 0
  }
  const folder = await stage.keepEvidence({
    'arrivals.ndjson': arrivals.map((arrival) => JSON.stringify(arrival)).join('\n'), 'verdict.json': JSON.stringify(verdict, null, 2), 'pods.log': logs,
  })
  console.log(`To trace it: ${folder} has all requests, and the logs of the pods that were there at the end.`)
  return 1
}

async function logsOf({ cluster: { kubectl, namespace } }: Stage): Promise<string> {
  return kubectl(['logs', '--namespace', namespace, '--selector', 'app.kubernetes.io/name=customerio-worker', '--prefix', '--tail=-1']).catch(String)
}
