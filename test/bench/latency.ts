// How long an event takes from publishing to being accepted, at a fifth of the load that is possible. Floors at the same pace show what
// broker, publisher and machine add by themselves.

import { setTimeout as wait } from 'node:timers/promises'
import { Partitioners, type Producer } from 'kafkajs'
import { aligned } from '../load/lines.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { seededChoices } from '../support/random.ts'
import { CONTESTANTS, DEFAULT_LIMIT, LIMIT_LIFTED, startWorkerWith, type Contender, type Reach } from './contestants.ts'
import { PEOPLE, purchase } from './events.ts'
import { count, fixed, median, quantile } from './figures.ts'
import type { Part, PartContext } from './part.ts'
import { now } from './shared-clock.ts'
import type { Arrival } from './sink.ts'
import { lastRateOf } from './throughput.ts'
import { beforeEnd } from './watching.ts'

export const SERVER_MS = 20
const GOAL_MS = 25
/** Of the load that is possible. */
const LOAD = 0.2
/** What comes before is not counted: connections are made, code is compiled. */
const WARM_UP_MS = 2_000
/** Least time between two sends of the publisher. */
const PACE_MS = 5
/** Events/s with the limit lifted, if nothing was measured. */
const ASSUMED_RATE = 50_000

interface Pace {
  readonly perSecond: number
  readonly measureMs: number
}

interface Load extends Pace {
  readonly name: string
  readonly start: (reach: Reach) => Promise<Contender>
  readonly isFloor: boolean
}

interface LatencyRun {
  readonly load: string
  readonly round: number
  readonly events: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
}

export const latency: Part = async (context) => {
  const { results } = context
  const slow = { perSecond: LOAD * DEFAULT_LIMIT.left, measureMs: 10_000 }
  const fast = { perSecond: Math.round(LOAD * (lastRateOf('worker-batch') ?? ASSUMED_RATE)), measureMs: 4_000 }
  const loads: readonly Load[] = [
    floorAt('requests', slow),
    workerAt('worker, batch mode, default limit', { DELIVERY_MODE: 'batch' }, slow),
    workerAt('worker, single mode, default limit', { DELIVERY_MODE: 'single' }, slow),
    floorAt('batches', fast),
    workerAt('worker, batch mode, limit lifted', { ...LIMIT_LIFTED, DELIVERY_MODE: 'batch' }, fast),
  ]
  const runs: LatencyRun[] = []
  for (const load of loads) runs.push(...await runsOf(context, load))
  results.save('latency', runs)
  results.table('latency', `Publish to accepted, at ${LOAD * 100} % load, answers after ${SERVER_MS} ms`, table(loads, runs))
  results.goals(loads.filter(({ isFloor }) => !isFloor).map(({ name }) => {
    const p99 = median(runs.filter(({ load }) => load === name).map(({ p99Ms }) => p99Ms))
    return { what: `${name}: p99 publish to accepted, ms`, figure: fixed(p99, 1), goal: `at most ${SERVER_MS + GOAL_MS}`, met: p99 <= SERVER_MS + GOAL_MS }
  }))
}

function workerAt(name: string, env: Record<string, string>, pace: Pace): Load {
  return { name, ...pace, isFloor: false, start: async (reach) => startWorkerWith(env, reach) }
}

function floorAt(id: string, pace: Pace): Load {
  const { name, start } = CONTESTANTS.find((contestant) => contestant.id === id)!
  return { name, ...pace, isFloor: true, start: async (reach) => start(reach) }
}

/** One process on an empty topic, and so many rounds of publishing. */
async function runsOf(context: PartContext, { name, start, perSecond, measureMs }: Load): Promise<LatencyRun[]> {
  const { settings, program } = context
  const stage = await context.stage()
  const topic = await stage.opened()
  const contender = await start({ ...topic, brokers: stage.brokers, url: stage.sink.url })
  const producer = kafkaClient(stage.brokers, 'bench-publisher').producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false })
  await producer.connect()
  const runs: LatencyRun[] = []
  try {
    for (let round = 0; round <= settings.runs; round += 1) {
      // the first round only warms up
      const events = Math.round(perSecond * (round === 0 ? WARM_UP_MS : measureMs) / 1_000)
      const watch = await stage.sink.watch(events, { latencyMs: SERVER_MS, keep: true })
      await publishSteadily(producer, topic.topic, { events, perSecond, signal: program.signal })
      await beforeEnd(watch.ended, { contender, name, signal: program.signal, withinMs: settings.withinMs })
      const arrivals = await stage.sink.arrivals()
      if (arrivals.length !== events) throw new Error(`${name} sent ${arrivals.length} of ${events} events`)
      if (round > 0) runs.push({ load: name, round, events, ...latenciesOf(arrivals) })
    }
    program.say(`latency: ${name}: done`)
    return runs
  } finally {
    await producer.disconnect()
    await contender.stop()
  }
}

/** Each event carries the moment at which it was handed to the producer. */
async function publishSteadily(producer: Producer, topic: string, { events, perSecond, signal }: { events: number; perSecond: number; signal: AbortSignal }): Promise<void> {
  const random = seededChoices(1)
  const began = now()
  const sends: Promise<unknown>[] = []
  for (let sent = 0; sent < events;) {
    signal.throwIfAborted()
    const due = Math.min(events, Math.floor((now() - began) * perSecond / 1_000) + 1)
    const messages = Array.from({ length: due - sent }, (_, index) => purchase(`user-${10_000 + random.below(PEOPLE)}`, sent + index, { sentAt: Number(now().toFixed(3)) }))
    if (messages.length > 0) sends.push(producer.send({ topic, acks: -1, messages }))
    sent = due
    await wait(Math.max(PACE_MS, began + sent * 1_000 / perSecond - now()))
  }
  await Promise.all(sends)
}

/** Accepted is when the answer leaves, so the server's own time counts. */
function latenciesOf(arrivals: readonly Arrival[]): Pick<LatencyRun, 'p50Ms' | 'p99Ms' | 'mostMs'> {
  const took = arrivals.map(([sentAt, arrivedAt]) => arrivedAt + SERVER_MS - sentAt)
  return { p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99), mostMs: quantile(took, 1) }
}

function table(loads: readonly Load[], runs: readonly LatencyRun[]): string[] {
  const rows = loads.map(({ name, perSecond }) => {
    const mine = runs.filter(({ load }) => load === name)
    const of = (figure: 'p50Ms' | 'p99Ms' | 'mostMs'): string => fixed(median(mine.map((run) => run[figure])), 1)
    return [name, count(perSecond), count(mine[0]?.events ?? NaN), of('p50Ms'), of('p99Ms'), of('mostMs')]
  })
  return aligned([['', 'events/s', 'events a run', 'p50 ms', 'p99 ms', 'most ms'], ...rows])
}
