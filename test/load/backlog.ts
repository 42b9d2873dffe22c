// A backlog of a million events, each of a person of its own, and one worker with the settings of production, but for one event a request, so that
// the backlog lasts: memory over time, CPU, pace. Batches drain it: test/bench/drain.ts.
// Started by `node test/load/backlog.ts`, from the root of the repository. EVENTS, MINUTES, LIMIT and FAULT (slow, down) change it.

import { setTimeout as wait } from 'node:timers/promises'
import { startTestKafka } from '../support/kafka/index.ts'
import { publish } from '../support/publish.ts'
import { SettingsError } from '../support/settings.ts'
import { credentials, openTopics, reachEnvironment } from '../support/stage.ts'
import { startStandIn, type StandInProcess } from '../support/stand-in.ts'
import { deleteGroups, deleteTopics } from '../support/topics.ts'
import { newcomers } from '../support/traffic.ts'
import { startWorker } from '../support/worker-process.ts'
import { sample, type Sample } from './sampler.ts'
import { readSettings, type Settings } from './settings.ts'
import { median, spent, table } from './table.ts'

const GOAL_MIB = 200
const PARTITIONS = 12
const MINUTE_MS = 60_000
const LATENCY_MS: [number, number] = [20, 50]

const say = (text: string) => void process.stdout.write(`${text}\n`)
const steps: (() => Promise<unknown>)[] = []
const over = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => over.abort(new Error(`ended by ${signal}`)))

try {
  process.exitCode = await run(readSettings(process.env))
} catch (error) {
  console.error(over.signal.aborted ? over.signal.reason.message : error instanceof SettingsError ? error.message : error)
  process.exitCode = 1
} finally {
  over.abort()
  for (const step of steps.toReversed()) await step().catch((error: unknown) => console.error('While tidying up:', error))
}

/** @returns the exit code: 0 if memory stayed below the goal and the limit held */
async function run({ events, minutes, limit, fault }: Settings): Promise<number> {
  const kafka = await startTestKafka({ log: say })
  steps.push(kafka.stop)
  const { brokers } = kafka
  const topics = await openTopics(brokers, PARTITIONS)
  steps.push(async () => {
    // one that was killed is a member until its session ends
    await deleteGroups(brokers, [topics.group]).catch(() => undefined)
    await deleteTopics(brokers, [topics.topic, topics.letterTopic])
  })
  const standIn = await startStandIn({ ...credentials, limit, windowMs: 1_000, seed: 1, faults: { latencyMs: LATENCY_MS } })
  steps.push(standIn.stop)

  say(`Publishing ${events} events of ${events} people ...`)
  await publish(brokers, topics.topic, newcomers(events, 1), { signal: over.signal })
  // only what has no default, and the limit: everything else as in production, but for the mode
  const worker = await startWorker({ name: 'worker', env: reachEnvironment({ brokers, ...topics, url: standIn.url, limit }) })
  steps.push(worker.kill)

  say(`One worker, ${minutes} minutes, at most ${limit} requests in any second${fault === 'none' ? '' : `, Customer.io ${fault} in the middle`} ...`)
  const aside = fault === 'none' ? Promise.resolve() : trouble(standIn, fault, minutes)
  const [samples] = await Promise.all([sample(worker, standIn, minutes * MINUTE_MS, over.signal), aside])
  const { code } = await worker.stop()
  return report(samples, await standIn.account(), { limit, leaks: worker.leaks.length, code })
}

/** Two minutes in the middle; of a run that is shorter than six a third. */
async function trouble(standIn: StandInProcess, fault: 'slow' | 'down', minutes: number): Promise<void> {
  const lengthMs = Math.min(2, minutes / 3) * MINUTE_MS
  await wait((minutes * MINUTE_MS - lengthMs) / 2, undefined, { signal: over.signal })
  const effect = fault === 'down' ? { status: 503 } : { delayMs: 2_000 }
  await standIn.faults({ latencyMs: LATENCY_MS, rules: [{ name: fault, effect }] })
  await wait(lengthMs, undefined, { signal: over.signal })
  await standIn.faults({ latencyMs: LATENCY_MS })
}

interface Rest {
  limit: number
  /** Lines of the worker's output that showed personal data or a secret. */
  leaks: number
  code: number | null
}

function report(samples: readonly Sample[], account: Awaited<ReturnType<StandInProcess['account']>>, { limit, leaks, code }: Rest): number {
  const { mostInWindow, refused, repeatedEventIds } = account
  const rss = samples.map(({ rssMiB }) => rssMiB).toSorted((a, b) => a - b)
  const most = rss.at(-1) ?? NaN
  const { delivered, perThousand } = spent(samples.flatMap(({ inside }) => inside ?? []))
  say(`\n${table(samples).join('\n')}\n`)
  say(`RSS                    ${(rss[0] ?? NaN).toFixed(0)} / ${median(rss).toFixed(0)} / ${most.toFixed(0)} MiB (min, median, max); the goal is < ${GOAL_MIB}`)
  say(`CPU                    ${perThousand} s per 1,000 events, ${delivered} delivered`)
  say(`most in any second     ${mostInWindow}; the limit is ${limit}; refused (429) ${refused}`)
  say(`received twice         ${repeatedEventIds}`)
  const troubles = [
    ...(most < GOAL_MIB ? [] : [`RSS reached ${most.toFixed(0)} MiB.`]),
    ...(mostInWindow <= limit ? [] : [`${mostInWindow} requests arrived in one second.`]),
    ...(leaks === 0 ? [] : [`${leaks} lines of output show personal data or a secret.`]),
    ...(code === 0 ? [] : [`The worker ended with code ${code}.`]),
  ]
  for (const sentence of troubles) say(`NOT MET: ${sentence}`)
  return troubles.length === 0 ? 0 : 1
}
