// Delivery with everything around it real (limiter, lanes, dead letters, gate, breaker, health, quota, metrics) except for the two ends:
// Customer.io answers as a test says, and dead letters are kept in a list.

import { Announcer } from '../../../src/announcer.ts'
import { Breaker } from '../../../src/delivery/breaker.ts'
import { Delivery } from '../../../src/delivery/delivery.ts'
import { Gate } from '../../../src/delivery/gate.ts'
import { Health } from '../../../src/delivery/health.ts'
import { Quota } from '../../../src/delivery/quota.ts'
import { States } from '../../../src/delivery/states.ts'
import type { DeliveryMode } from '../../../src/delivery/batcher.ts'
import type { Carrier } from '../../../src/delivery/operations.ts'
import { verdictOfOperation } from '../../../src/delivery/verdict.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'
import { decodeEvent, type CustomerEvent } from '../../../src/event.ts'
import type { OutgoingRecord } from '../../../src/kafka/client/producer.ts'
import { DeadLetters, LETTER_HEADERS } from '../../../src/kafka/dead-letter.ts'
import { PartitionWork, type Item, type Memory } from '../../../src/kafka/partition-work.ts'
import { SlotLimiter } from '../../../src/limiter/limiter.ts'
import { createLogger } from '../../../src/logger.ts'
import { createMetrics } from '../../../src/metrics.ts'

export const accepted: Verdict = { kind: 'accepted', status: 200 }
export const failed: Verdict = { kind: 'unavailable', status: 500, cause: 'status 500', answered: true }
export const refused: Verdict = { kind: 'unauthorised', status: 401 }
export const rejected: Verdict = { kind: 'rejected', status: 400, message: 'no such attribute' }
export const throttled = (retryAfter?: string): Verdict => ({ kind: 'throttled', status: 429, retryAfter })

/** An event in a request: those of one request share its number. */
export interface Attempt { readonly at: number; readonly request: number; readonly carrier: Carrier; readonly name: string; readonly person: string; verdict: Verdict | undefined }

export interface PostOptions {
  /** What comes of an attempt of `event`, its `nth` from 1. Default: accepted. */
  attempt?: (event: CustomerEvent, nth: number) => Verdict | Promise<Verdict>
  /** What comes of a request with several events, or of any in batch mode. Default: what `attempt` says, if it is the same of all; accepted otherwise. */
  request?: (events: readonly CustomerEvent[], carrier: Carrier) => Verdict
  mode?: DeliveryMode
  unit?: 'request' | 'operation'
  unconfirmed?: 'retry' | 'dead-letter'
  /** What comes of the question about the credentials. Default: accepted. */
  account?: () => Verdict
  accountMs?: number
  answerMs?: number
  slots?: number
  concurrency?: number
  quota?: number
  /** Whether the broker takes the next dead letter, and how long that takes it. Default: always, 50 ms. */
  takesLetter?: () => boolean
  letterMs?: number
  memory?: Memory
  /** Of backoffs. Default: always in the middle. */
  random?: () => number
}

const wait = async (ms: number): Promise<void> => { await new Promise((resolve) => { setTimeout(resolve, ms) }) }

export function postOf(options: PostOptions = {}) {
  const { answerMs = 20, letterMs = 50, slots = 50, concurrency = 10 } = options
  const clock = () => performance.now()
  const attempts: Attempt[] = []
  const nths = new Map<string, number>()
  const questions: { at: number; verdict: Verdict }[] = []
  const letters: { at: number; name: string; reason: string; headers: Record<string, string> }[] = []
  const logged: Record<string, unknown>[] = []
  /** What a test changes on the way. */
  const state = { maySend: true, attempt: options.attempt, account: options.account }
  let requests = 0
  const customerIo = {
    attempt: async (events: readonly CustomerEvent[], carrier: Carrier): Promise<Verdict> => {
      requests += 1
      const made: Attempt[] = events.map(({ name, person }) => ({ at: clock(), request: requests, carrier, name, person, verdict: undefined }))
      attempts.push(...made)
      const [event] = events as [CustomerEvent]
      const nth = (nths.get(event.name) ?? 0) + 1
      for (const { name } of events) nths.set(name, (nths.get(name) ?? 0) + 1)
      await wait(answerMs)
      const verdict = options.request?.(events, carrier) ?? await (state.attempt?.(event, nth) ?? accepted)
      for (const [index, attempt] of made.entries()) {
        const fault = verdict.kind === 'partly' ? verdict.failed.get(index) : undefined
        attempt.verdict = fault ? verdictOfOperation(fault, 207) : verdict.kind === 'partly' ? accepted : verdict
      }
      return verdict
    },
    probe: async (): Promise<Verdict> => {
      const question = { at: clock(), verdict: state.account?.() ?? accepted }
      questions.push(question)
      await wait(options.accountMs ?? answerMs)
      return question.verdict
    },
    close: async () => {},
  }
  const share = { name: 'test', slots: () => slots, onChange: (listener: () => void) => { setTimeout(listener, 0) }, follow: () => {} }
  const limiter = new SlotLimiter({ share, windowMs: 1_000, latestArrivalMs: 15_000, concurrency, clock, after: (ms, run) => { setTimeout(run, Math.ceil(ms)) } })
  const backoff = { baseMs: 1_000, capMs: 60_000, jitter: 0.25 }
  const metrics = createMetrics()
  const logger = createLogger('debug', undefined, { write: (line) => { logged.push(JSON.parse(line) as Record<string, unknown>) } })
  const announcer = new Announcer(logger, clock)
  const producer = {
    send: async (_topic: string, record: OutgoingRecord): Promise<void> => {
      const headers = record.headers as Record<string, string>
      await wait(letterMs)
      if (options.takesLetter?.() === false) throw new Error('broker not available')
      letters.push({ at: clock(), name: String(headers['name']), reason: headers[LETTER_HEADERS.reason] ?? '', headers })
    },
    stop: async () => {},
  }
  const deadLetters = new DeadLetters({ producer, topic: 'dlq', workerVersion: '1.2.3', logger, announcer, onFailure: () => {} })
  const [gate, breaker, health] = [new Gate(backoff), new Breaker(backoff), new Health()]
  const quota = new Quota(options.quota ?? 60)
  const delivery = new Delivery({
    api: 'track', mode: options.mode ?? 'single', unit: options.unit ?? 'request',
    customerIo, limiter, gate, breaker, deadLetters, health, quota, states: new States({ api: 'track', breaker, gate, quota, announcer, clock }),
    policy: { ...backoff, retries: 4, unconfirmed: options.unconfirmed ?? 'retry' }, concurrency,
    clock, wall: () => Date.now(), random: options.random ?? (() => 0.5), metrics, logger, maySend: () => state.maySend,
  })
  const onReady = (item: Item): void => delivery.add(item)
  const commit = (work: PartitionWork): void => {
    const progress = work.progress()
    if (progress) work.commitDone(progress)
  }
  const partition = (number: number, memory?: Memory): PartitionWork => {
    const work: PartitionWork = new PartitionWork({
      partition: number, start: 0, most: { records: 10_000, bytes: 1e9 }, memory, onReady, onBarrier: () => { setTimeout(() => commit(work), 1) }, onRoom: () => {},
    })
    return work
  }
  const works = [partition(0, options.memory), partition(1)] as const

  /** The next record of a partition: a track event of `person`, named `name`. */
  const publish = (person: string, name: string, given: { partition?: 0 | 1; value?: Record<string, unknown> } = {}): void => {
    const work = works[given.partition ?? 0]
    const value = Buffer.from(JSON.stringify(given.value ?? { type: 'track', userId: person, payload: { event: name } }))
    const record = { topic: 'events', partition: work.partition, offset: work.position, timestamp: Date.now(), key: Buffer.from(person), value, headers: { name: Buffer.from(name) } }
    work.take(record, decodeEvent(record, undefined, 'test'))
  }
  delivery.start()
  return {
    delivery, deadLetters, limiter, gate, breaker, quota, announcer, metrics, attempts, questions, letters, logged, state, works, publish,
    names: () => attempts.map(({ name }) => name),
    /** The events of each request, in order. */
    requests: () => [...Map.groupBy(attempts, ({ request }) => request).values()].map((events) => events.map(({ name }) => name)),
    delivered: () => attempts.filter(({ verdict }) => verdict?.kind === 'accepted').map(({ name }) => name),
    pending: () => works.reduce((sum, work) => sum + work.pending, 0),
  }
}
