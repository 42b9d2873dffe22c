// A run of batch mode, drawn from its seed: some workers, a low limit, requests and parts of them that fail, and a kill -9 under load.

import { setTimeout as wait } from 'node:timers/promises'
import { metric, until } from '../faults/looks.ts'
import type { Arrival } from '../stand-in/account.ts'
import type { FaultRule } from '../stand-in/faults.ts'
import { findInversions, type Inversion } from '../support/inversions.ts'
import { matchUp, type Outcome } from '../support/matching.ts'
import { seededChoices, type Random } from '../support/random.ts'
import type { TopicRecord } from '../support/read-topic.ts'
import { openScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import type { TrafficItem } from '../support/traffic.ts'
import type { Verdict } from '../support/verdict.ts'
import { batchTraffic } from './batch-traffic.ts'

/** In which way operations fail: for good, so that they become dead letters; or for now, so that they are sent again. */
const KINDS = ['refused', 'passing'] as const

export interface BatchRunOptions {
  seed: number
  /** To be published, while the workers run. */
  events: number
  /** Default: that of an even seed is the first, of an odd one the other. */
  kind?: typeof KINDS[number]
  cluster?: ScenarioOptions['cluster']
  logFolder?: string
}

export interface BatchRun {
  /** The run and its figures. */
  line: string
  /** One sentence a broken promise, and what kept the run from showing anything. */
  broken: string[]
  figures: Record<'events' | 'requests' | 'lost' | 'inversions' | 'mostInWindow' | 'limit' | 'uncovered' | 'covered' | 'letters' | 'repeatedForms', number>
  evidence: { published: readonly TrafficItem[]; arrivals: readonly Arrival[]; letters: readonly TopicRecord[] }
}

/** Of all requests, and of the operations of each batch. */
const UNAVAILABLE = 0.05
const PARTLY = 0.02
const DONE_WITHIN_MS = 240_000
const WINDOW_MS = 1_000

export async function playBatchRun(options: BatchRunOptions): Promise<BatchRun> {
  const { seed, events, kind = KINDS[seed % 2] as typeof KINDS[number], cluster, logFolder } = options
  const random = seededChoices(seed)
  const between = (min: number, max: number) => min + random.below(max - min + 1)
  const [count, limit, people, seconds, slowestMs] = [between(2, 3), between(20, 50), between(200, 600), between(12, 20), between(50, 250)]
  const killAt = Math.floor(events * (0.15 + random.next() * 0.4))
  const { items, refused } = batchTraffic({ events, people, seed, refusedShare: kind === 'refused' ? PARTLY : 0 })
  const scenario = await openScenario({
    unit: 'request', limit, seed, faults: { latencyMs: [20, slowestMs], rules: rulesOf(kind, refused) }, env: { DELIVERY_MODE: 'batch' },
    ...(cluster && { cluster }), ...(logFolder && { logFolder }),
  })
  const over = new AbortController()
  let publishing: Promise<void> | undefined
  try {
    const workers = await Promise.all(Array.from({ length: count }, async () => scenario.addWorker()))
    publishing = scenario.publishItems(items, { ratePerSecond: items.length / seconds, signal: over.signal })
    const killed = await killOne(scenario, workers, killAt, random)
    await Promise.all([publishing, scenario.addWorker()])
    await scenario.done(DONE_WITHIN_MS)
    const ends = await Promise.all(scenario.workers.filter((worker) => worker !== killed.worker).map(async (worker) => worker.stop()))
    return await judge(scenario, `seed ${seed}, ${kind}, ${count} workers, limit ${limit}`, killed, ends.map(({ code }) => code))
  } finally {
    over.abort()
    await publishing?.catch(() => undefined)
    await scenario.close()
  }
}

function rulesOf(kind: typeof KINDS[number], refused: string[]): FaultRule[] {
  const partial = kind === 'refused' ? { person: refused } : { ratio: PARTLY, reason: 'internal_error' }
  return [{ name: 'unavailable', match: { ratio: UNAVAILABLE }, effect: { status: 503 } }, { name: kind, match: { operation: ['batch'] }, effect: { partial } }]
}

interface Killed {
  worker: Scenario['workers'][number] | undefined
  /** Operations accepted by then. */
  accepted: number
}

async function killOne(scenario: Scenario, workers: Scenario['workers'], at: number, random: Random): Promise<Killed> {
  const worker = random.pick(workers)
  const isUnderWay = random.chance(0.7)
  await scenario.delivered(at)
  if (!isUnderWay) await wait(random.below(WINDOW_MS))
  const accepted = await scenario.accepted()
  // slots come back all at once, and for most of a second nothing may be under way
  if (isUnderWay) await until('a request is under way', async () => (await metric(worker, 'in_flight_requests')) > 0)
  await worker.kill()
  return { worker, accepted }
}

async function judge(scenario: Scenario, name: string, killed: Killed, codes: (number | null)[]): Promise<BatchRun> {
  const verdict = await scenario.verdict()
  const [arrivals, letters] = [await scenario.standIn.arrivals(), await scenario.letters()]
  const { published, limit } = scenario
  const { outcomes } = matchUp(published, arrivals, [])
  const [inversions, changed] = [inversionsOf(outcomes), outcomes.filter(hasChanged)]
  const good = published.filter(({ expect }) => expect === 'delivered').length
  const partly = arrivals.filter(({ fault, status }) => fault !== null && status === 400)
  const unavailable = new Set(arrivals.flatMap(({ status, request }) => (status === 503 ? [request] : []))).size
  const cutOff = arrivals.filter(({ status }) => status === null).length
  const broken = [
    ...verdict.failures,
    ...(inversions.length > verdict.inversions.count ? [`${inversions.length} times an event overtook an earlier one, refused ones included (first: ${overtaken(inversions)}).`] : []),
    ...(changed.length > 0 ? [`${changed.length} events were sent again with another id or time (first: ${changed[0]?.item.marker}).`] : []),
    ...(codes.every((code) => code === 0) ? [] : [`workers ended with codes ${codes.join(', ')}.`]),
    ...(killed.accepted < good * 0.9 ? [] : [`the kill came too late: ${killed.accepted} of ${good} had been accepted.`]),
    ...(partly.length > 0 && unavailable > 0 ? [] : ['nothing failed on the way.']),
  ]
  const copies = letters.length - verdict.deadLettered
  return {
    line: `${name}: ${lineOf(verdict, { inversions: inversions.length, limit, partly: partly.length, unavailable, cutOff, copies, killed })}`,
    broken,
    figures: {
      events: verdict.published, requests: verdict.requests, lost: verdict.lost.count, inversions: inversions.length, mostInWindow: verdict.mostInWindow, limit,
      uncovered: verdict.duplicates.uncovered, covered: verdict.duplicates.covered, letters: verdict.deadLettered, repeatedForms: verdict.repeatedSends,
    },
    evidence: { published, arrivals, letters },
  }
}

interface Seen { inversions: number; limit: number; partly: number; unavailable: number; cutOff: number; copies: number; killed: Killed }

function lineOf(verdict: Verdict, { inversions, limit, partly, unavailable, cutOff, copies, killed }: Seen): string {
  const { published, requests, operations, lost, deadLettered, duplicates, repeatedSends, mostInWindow } = verdict
  return `${published} events, ${requests} requests with ${operations} operations (${unavailable} times 503, ${partly} operations failed in a batch), `
    + `kill -9 at ${killed.accepted} with ${cutOff} under way; `
    + `lost ${lost.count}, inversions ${inversions}, most in 1 s ${mostInWindow} of ${limit}, letters ${deadLettered} (${copies} twice), `
    + `repeats ${duplicates.received} (uncovered ${duplicates.uncovered}), forms twice ${repeatedSends}`
}

/** An event that was refused is done when the first such answer has left: its letter then follows, and the person's next event. */
function inversionsOf(outcomes: readonly Outcome[]): Inversion[] {
  return findInversions(outcomes.map((outcome) => {
    const refusals = outcome.arrivals.filter(({ fault, status }) => fault === 'refused' && status === 400)
    return refusals.length === 0 ? outcome : { ...outcome, item: { ...outcome.item, expect: 'delivered' }, accepted: refusals }
  }))
}

/** Whether an event was not the same each time it was sent: the verdict looks at accepted ones only, and one without an answer may have taken effect. */
function hasChanged({ arrivals: [first, ...others] }: Outcome): boolean {
  return others.some(({ eventId, timestamp }) => eventId !== first?.eventId || timestamp !== first?.timestamp)
}

const overtaken = ([first]: Inversion[]): string => (first === undefined ? 'none' : `${first.after} overtook ${first.before}`)
