// One round: a plan played on real parts, and judged by what arrived.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { Arrival } from '../stand-in/account.ts'
import { openCluster } from '../support/kafka/cluster.ts'
import { readTopic, type TopicRecord } from '../support/read-topic.ts'
import { openScenario, type Scenario } from '../support/scenario.ts'
import type { TrafficItem } from '../support/traffic.ts'
import type { Verdict } from '../support/verdict.ts'
import { recoveryMs } from '../support/window.ts'
import { createAnswers } from './answers.ts'
import type { Stage } from './disturbance.ts'
import { createFleet } from './fleet.ts'
import type { Plan, Step } from './plan.ts'
import { placesOf, type Places } from './published.ts'
import type { Seat } from './setup.ts'
import { createStory, type Story } from './story.ts'
import { trafficOf } from './traffic.ts'

/** What is known at the end of a round. */
export interface RoundResult {
  story: Story
  /** Undefined if it did not come so far. */
  judged: Judged | undefined
  /** What kept the round from being played or judged, or what its end brought to light (such as private data in a log). */
  troubles: string[]
}

export interface Judged {
  published: readonly TrafficItem[]
  arrivals: readonly Arrival[]
  letters: readonly TopicRecord[]
  places: Places
  verdict: Verdict
  /** What the limit counts. */
  unit: Plan['unit']
  /** Clocks at the beginning of the story: the stand-in's, and this machine's (ms since 1970). */
  zero: { standIn: number; wall: number }
  /** ms from the end of the last disturbance until as much was accepted in a second as is usual; null if there was too little left to do. */
  recoveryMs: number | null
  /** ms from when all is well and published until everything had its outcome. */
  doneMs: number
  /** Longest that this process, and so the proxies, did not look at its sockets, ms. */
  longestPauseMs: number
  endedByThemselves: number
  /** When a pause that was longer than is covered ended; ms of the story. */
  longPausesEndedAt: number[]
}

/** Kafka may have just come back; breaker, backoffs and sessions take their time. */
const OUTCOMES_WITHIN_MS = 180_000
const READY_WITHIN_MS = 60_000
/** Part of what is published a second that must be accepted in one. */
const RECOVERED = 0.8
/** A disturbance that does not come to its end by then never will. */
const ACT_WITHIN_MS = 150_000
const MOST_BEYOND_LENGTH_MS = 600_000

/** @param logFolder gets the workers' logs */
export async function playRound(plan: Plan, logFolder: string, workerEnv: Record<string, string>): Promise<RoundResult> {
  const story = createStory()
  const result: RoundResult = { story, judged: undefined, troubles: [] }
  const closing: (() => Promise<unknown>)[] = []
  try {
    result.judged = await within(plan.lengthMs + MOST_BEYOND_LENGTH_MS, 'the round', play(plan, story, logFolder, workerEnv, closing))
  } catch (error) {
    result.troubles.push(messageOf(error))
  }
  for (const close of closing.toReversed()) await close().catch((error: unknown) => result.troubles.push(messageOf(error)))
  for (const trouble of result.troubles) story.tell(`TROUBLE: ${trouble}`)
  return result
}

async function play(plan: Plan, story: Story, logFolder: string, workerEnv: Record<string, string>, closing: (() => Promise<unknown>)[]): Promise<Judged> {
  const { limit, unit, partitions, everyday, seats, spare, traffic: { rate, backlog } } = plan
  const cluster = await openCluster({ brokers: plan.brokers, proxied: true, log: story.tell })
  closing.push(cluster.stop)
  const scenario = await openScenario({ limit, unit, partitions, faults: everyday, env: { ...plan.env, ...workerEnv }, cluster, proxied: true, logFolder })
  closing.push(scenario.close)
  const items = trafficOf(plan)
  await scenario.publishItems(items.slice(0, backlog))

  const fleet = createFleet(async (name) => scenario.addWorker(envOf([...seats, spare].find((seat) => seat.name === name)!, scenario), { readyWithinMs: READY_WITHIN_MS }), story.tell)
  closing.push(fleet.close)
  for (const { name } of seats) fleet.up(name)
  await fleet.ready()
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  closing.push(async () => delay.disable())
  const zero = { standIn: (await scenario.standIn.account()).now, wall: Date.now() }
  story.zero()
  const publishing = scenario.publishItems(items.slice(backlog), { ratePerSecond: rate })
  publishing.catch(() => {}) // seen below
  const answers = createAnswers(everyday, scenario.standIn.faults)
  const stage: Stage = { answers, toCustomerIo: scenario.toStandIn, toKafka: cluster.brokers.map(({ proxy }) => proxy!), brokers: cluster.brokers, fleet }
  const longPausesEndedAt = await disturb(plan, stage, story)

  await fleet.ready()
  const healedAt = (await scenario.standIn.account()).now
  story.tell('all is well again')
  await publishing
  const publishedAt = performance.now()
  story.tell(`${items.length} events are published`)
  const places = placesOf(items, await readTopic(scenario.brokers, scenario.topic))
  const verdict = await outcomes(scenario, story)
  const doneMs = performance.now() - publishedAt
  story.tell('the verdict')
  const arrivals = await scenario.standIn.arrivals()
  return {
    published: items, arrivals, letters: await scenario.letters(), places, verdict, unit, zero, doneMs,
    recoveryMs: recoveryMs(arrivals, { from: healedAt, perSecond: Math.floor(rate * RECOVERED), unit: 'operation' }), longestPauseMs: delay.max / 1e6, endedByThemselves: fleet.endedByThemselves, longPausesEndedAt,
  }
}

function envOf({ kafkaProxied, customerIoProxied }: Seat, { brokers, standIn }: Scenario): Record<string, string> {
  return { ...(!kafkaProxied && { KAFKA_BROKERS: brokers.join(',') }), ...(!customerIoProxied && { CUSTOMERIO_URL: standIn.url }) }
}

/** Plays all steps, each at its time; resolves when the last one is undone, with the ends of pauses longer than the promises cover. */
async function disturb({ steps, longestPauseMs }: Plan, stage: Stage, story: Story): Promise<number[]> {
  const started = performance.now()
  const longPausesEndedAt: number[] = []
  const held = new Map<string, Promise<void>>()
  const until = async (ms: number) => wait(Math.max(0, started + ms - performance.now()))
  const playStep = async ({ at, until: end, disturbance }: Step) => {
    await until(at)
    story.tell(disturbance.name)
    await within(ACT_WITHIN_MS, `"${disturbance.name}"`, disturbance.begin(stage))
    await until(end)
    await within(ACT_WITHIN_MS, `"${disturbance.name}"`, disturbance.end(stage))
    if (disturbance.over) story.tell(disturbance.over)
    if ((disturbance.pausesMs ?? 0) > longestPauseMs) longPausesEndedAt.push(performance.now() - started)
  }
  await Promise.all(steps.map(async (step) => {
    // one that took longer than planned holds up the next one on the same thing
    const before = step.disturbance.claims.map((claim) => held.get(claim))
    const mine = Promise.all(before).then(async () => playStep(step))
    for (const claim of step.disturbance.claims) held.set(claim, mine)
    await mine
  }))
  return longPausesEndedAt
}

/** @throws Error if it takes longer */
async function within<T>(ms: number, what: string, act: Promise<T> | T): Promise<T> {
  const over = new AbortController()
  const late = wait(ms, undefined, { signal: over.signal }).then(() => { throw new Error(`${what} did not come to an end`) })
  try {
    return await Promise.race([act, late])
  } finally {
    over.abort()
  }
}

/** The topics may not be readable yet: Kafka has just come back. */
async function outcomes(scenario: Scenario, story: Story): Promise<Verdict> {
  const deadline = performance.now() + OUTCOMES_WITHIN_MS
  for (;;) {
    try {
      return await scenario.done(Math.max(0, deadline - performance.now()))
    } catch (error) {
      if (performance.now() > deadline) throw error
      story.tell(`looking at the outcome failed, once more: ${messageOf(error)}`)
      await wait(1_000)
    }
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
