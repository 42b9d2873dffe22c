import type { Api, ApiLimit } from '../api-limits.ts'
import type { MonotonicClock, WallClock } from '../clock.ts'
import type { CustomerEvent } from '../event.ts'
import type { DeadLetters, Refusal } from '../kafka/dead-letter.ts'
import type { Item } from '../kafka/partition-work.ts'
import type { Send, SlotLimiter } from '../limiter/limiter.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { Account } from './account.ts'
import { retryAfterMs } from './backoff.ts'
import { batchOf, halvesOf, isApart } from './batch.ts'
import type { Batch } from './batch.ts'
import { Batcher } from './batcher.ts'
import type { DeliveryMode } from './batcher.ts'
import type { Breaker } from './breaker.ts'
import type { CustomerIo } from './customerio.ts'
import type { Gate } from './gate.ts'
import type { Health } from './health.ts'
import { Judge } from './judge.ts'
import type { Attempted } from './judge.ts'
import type { Outcome, PolicyOptions } from './policy.ts'
import type { Quota } from './quota.ts'
import type { States } from './states.ts'
import { isAnswered, summaryOf, TOO_LARGE, verdictOfOperation } from './verdict.ts'
import type { Verdict } from './verdict.ts'
import { Waiting } from './waiting.ts'

export interface DeliveryOptions {
  readonly api: Api
  readonly mode: DeliveryMode
  /** What a slot is for: a request, or one operation in it. */
  readonly unit: ApiLimit['unit']
  readonly customerIo: CustomerIo
  readonly limiter: SlotLimiter
  readonly gate: Gate
  readonly breaker: Breaker
  readonly health: Health
  readonly quota: Quota
  readonly states: States
  readonly deadLetters: DeadLetters
  readonly policy: PolicyOptions
  readonly concurrency: number
  readonly clock: MonotonicClock
  readonly wall: WallClock
  readonly random: () => number
  readonly metrics: Metrics
  readonly logger: Logger
  /** The fence: whether this process may act for its partitions now. */
  readonly maySend: () => boolean
}

/** What Customer.io last answered an attempt with that was not accepted. */
export interface LastError {
  /** The status, or timeout, or network and a code. */
  readonly what: string
  /** Monotonic ms. */
  readonly at: number
}

/**
 * The way of events that are at the heads of their lanes, by one API, to their final outcome. Every attempt takes a slot, and what is sent is chosen
 * only when the slot is there. One person's next event is not known here until the present one is settled.
 *
 *   ready ──slot──► attempt ──verdict──► delivered | dead letter ──► settled
 *     ▲                          │
 *     ├──backoff, gate, breaker──┤
 *     └──halves of a batch───────┘
 */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #batcher: Batcher
  readonly #waiting = new Waiting((batch) => this.#makeReady(batch))
  /** Its calls go before events. */
  readonly #account: Account
  readonly #judge: Judge
  #inFlight = 0
  #writing = 0
  #open = false
  /** Counts the starts. What was begun under an earlier one belongs to an assignment that is over: its partition may be somebody else's now. */
  #run = 0
  #pumpAsked = false
  #wakeUp: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []
  #lastError: LastError | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#batcher = new Batcher(options.mode)
    this.#account = new Account({ ...options, onVerdict: (verdict, sentAt) => {
      this.#observe(verdict, sentAt)
      options.metrics.probes.inc({ api: options.api, result: verdict.kind })
      this.look()
    } })
    this.#judge = new Judge({ ...options, account: this.#account })
  }

  /** Requests in flight. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Events that wait for their next attempt. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** When the first of them is due (monotonic ms); undefined if there is none. */
  get firstDueAt(): number | undefined {
    return this.#waiting.firstDueAt
  }

  /** Events that could be sent now. */
  get ready(): number {
    return this.#batcher.events
  }

  /** Dead letters under way. */
  get writing(): number {
    return this.#writing
  }

  get lastError(): LastError | undefined {
    return this.#lastError
  }

  /** Begins (or goes on) to send. */
  start(): void {
    this.#open = true
    this.#run += 1
    this.pump()
  }

  /** Nothing new begins; what waits is forgotten (its partition's memory keeps the attempts). What is in flight goes on. */
  hold(): void {
    this.#open = false
    this.#batcher.clear()
    this.#account.forget()
    this.#waiting.clear()
    clearTimeout(this.#wakeUp)
    this.#wakeUp = undefined
    this.#settleIdle()
  }

  /** Resolves when no attempt and no dead letter is in flight. */
  async idle(): Promise<void> {
    if (this.#inFlight + this.#writing === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** The item is at the head of its lane. */
  add(item: Item): void {
    if (!this.#open || item.work.closed) return
    if (item.event.kind === 'invalid') {
      void this.#deadLetter(item, { reason: item.event.reason, message: item.event.message, httpStatus: undefined })
      return
    }
    const now = this.#options.clock()
    if (item.attempts === 0) {
      item.readySince = now
      this.#batcher.add(item)
      this.#pumpSoon()
    } else this.#putOff(batchOf([item], this.#batcher.carrierOf(item)), item.dueAt - now)
  }

  /** Other credentials are in use from now on: what the old ones were refused for is tried again, at once. */
  credentialsChanged(): void {
    this.#account.credentialsChanged()
    this.pump()
  }

  /** Tells what has changed, by time alone too. When the breaker closes, nobody waits out the longest backoff of the bad time. */
  look(): void {
    if (!this.#options.states.look(this.#lastError?.what)) return
    for (const batch of this.#waiting.clear()) this.#makeReady(batch)
    this.pump()
  }

  /** Asks the limiter for as many slots as can be used now. */
  pump(): void {
    const { clock, gate, breaker, limiter, concurrency } = this.#options
    if (!this.#open || !this.#options.maySend()) return
    const now = clock()
    this.look()
    // asked for without a slot, too: who asks for nothing is dealt nothing
    limiter.usePart(gate.part(now))
    const closedFor = Math.max(gate.closedFor(now), this.#account.busy ? 0 : breaker.waitMs(now))
    if (closedFor > 0) {
      this.#wakeIn(closedFor)
      return
    }
    if (breaker.state(now) === 'refused' && !this.#account.busy) this.#account.ask(() => {})
    const requests = this.#batcher.requests(Math.max(0, Math.min(breaker.allowed(now), concurrency) - this.#inFlight))
    const wanted = requests + (this.#account.wanted ? 1 : 0)
    for (let queued = limiter.queued(); queued < wanted; queued += 1) limiter.take(this.#pick, this.#goOn)
  }

  readonly #goOn = (): void => this.pump()

  /** What to send with slots that are free now. */
  readonly #pick = (free: number): Send | undefined => {
    const { clock, gate, breaker, metrics, unit, api } = this.#options
    const now = clock()
    if (!this.#open || !this.#options.maySend() || gate.closedFor(now) > 0) return undefined
    if (this.#account.wanted) return async () => this.#account.call()
    if (this.#inFlight >= breaker.allowed(now)) return undefined
    const batch = breaker.state(now) === 'half-open' ? this.#batcher.probe() : this.#batcher.next(unit === 'operation' ? free : Infinity)
    if (!batch) return undefined
    // what did not fit into the free slots needs others
    if (unit === 'operation' && this.#batcher.events > 0) this.#pumpSoon()
    // the first one has waited for longest
    metrics.limiterWait.observe({ api }, Math.max(0, now - (batch.items[0] as Item).readySince) / 1000)
    const send = async () => this.#attempt(batch)
    return unit === 'operation' ? Object.assign(send, { slots: batch.items.length }) : send
  }

  async #attempt(batch: Batch): ReturnType<Send> {
    const { clock, customerIo, metrics, api } = this.#options
    const [run, { credentials }] = [this.#run, this.#account]
    const sentAt = clock()
    this.#inFlight += 1
    metrics.requestEvents.observe({ api }, batch.items.length)
    const verdict = await customerIo.attempt(batch.items.map(eventOf), batch.carrier)
    this.#inFlight -= 1
    this.#observe(verdict, sentAt)
    if (run === this.#run) {
      const attempted = { batch, verdict, credentials, stillOurs: () => run === this.#run }
      this.#judge.note(attempted)
      this.look()
      if (verdict.kind === 'partly') this.#part(attempted, verdict)
      else if (isTooLarge(batch, verdict)) this.#putOff(batchOf(batch.items, 'alone', batch.origin), 0)
      else this.#judge.judge(attempted, (outcome) => this.#carryOut(batch, verdict, outcome))
    }
    this.#settleIdle()
    return { answered: isAnswered(verdict), sentAt }
  }

  /** Of a batch, some operations failed: each of them is judged as if it had been sent alone. */
  #part(attempted: Attempted, { failed, status }: Extract<Verdict, { kind: 'partly' }>): void {
    const { batch } = attempted
    this.#delivered(batch.items.filter((_, index) => !failed.has(index)))
    for (const [index, fault] of failed) {
      const alone = batchOf([batch.items[index] as Item], batch.carrier)
      const verdict = verdictOfOperation(fault, status)
      this.#judge.noteOperation(alone)
      this.#judge.judge({ ...attempted, batch: alone, verdict }, (outcome) => this.#carryOut(alone, verdict, outcome))
    }
  }

  #observe(verdict: Verdict, sentAt: number): void {
    const { clock, wall, gate, metrics, random, policy, api } = this.#options
    const now = clock()
    metrics.attempts.inc({ api, status: verdict.kind === 'unavailable' && verdict.status === undefined ? (verdict.cause === 'timeout' ? 'timeout' : 'network') : String(verdict.status) })
    metrics.attemptDuration.observe({ api }, (now - sentAt) / 1000)
    if (verdict.kind !== 'accepted') this.#lastError = { what: summaryOf(verdict), at: now }
    if (verdict.kind !== 'throttled') return
    metrics.throttled.inc({ api })
    gate.throttled(now, retryAfterMs(verdict.retryAfter, wall(), policy.capMs), random())
    this.look()
  }

  #carryOut(batch: Batch, verdict: Verdict, outcome: Outcome): void {
    const { metrics, api } = this.#options
    switch (outcome.kind) {
      case 'delivered':
        this.#delivered(batch.items)
        return
      case 'dead-letter': {
        const [item] = batch.items as [Item]
        if (!item.work.closed) void this.#deadLetter(item, { reason: outcome.reason, message: outcome.message, httpStatus: verdict.status })
        return
      }
      case 'halve':
        metrics.halved.inc({ api, cause: outcome.cause })
        for (const half of halvesOf(batch)) this.#putOff(half, outcome.afterMs)
        return
      case 'retry': {
        metrics.retries.inc({ api, cause: outcome.cause })
        if (outcome.badDay) for (const state of [batch.tally, ...batch.items]) state.excused = state.attempts
        this.#debug(batch.items, { cause: outcome.cause, afterMs: Math.round(outcome.afterMs) }, 'put off')
        this.#putOff(batch, outcome.afterMs)
      }
    }
  }

  #delivered(items: readonly Item[]): void {
    const { metrics, wall } = this.#options
    const now = wall()
    const counts = new Map<string, number>()
    this.#debug(items, {}, 'delivered')
    for (const item of items) {
      const { event, record, work } = item
      if (work.closed || event.kind !== 'event') continue
      counts.set(event.type, (counts.get(event.type) ?? 0) + 1)
      this.#noteAge(record.timestamp, 'delivered', now)
      work.settle(item, true)
    }
    for (const [type, count] of counts) metrics.events.inc({ type, outcome: 'delivered' }, count)
  }

  /** A record may be without a time. */
  #noteAge(timestamp: number, outcome: 'delivered' | 'dead_letter', now: number): void {
    if (timestamp > 0) this.#options.metrics.eventAge.observe({ outcome }, Math.max(0, now - timestamp) / 1000)
  }

  #putOff(batch: Batch, ms: number): void {
    const dueAt = this.#options.clock() + ms
    for (const state of [batch.tally, ...batch.items]) state.dueAt = dueAt
    if (!this.#open) return
    if (ms > 0) this.#waiting.add(batch, ms)
    else this.#makeReady(batch)
  }

  async #deadLetter(item: Item, refusal: Refusal): Promise<void> {
    const { deadLetters, metrics, logger } = this.#options
    const run = this.#run
    this.#writing += 1
    const written = await deadLetters.send(item, refusal, () => !this.#open || run !== this.#run || item.work.closed)
    this.#writing -= 1
    if (written && run === this.#run) {
      metrics.deadLetters.inc({ reason: refusal.reason })
      this.#noteAge(item.record.timestamp, 'dead_letter', this.#options.wall())
      metrics.events.inc({ type: item.event.kind === 'event' ? item.event.type : 'invalid', outcome: 'dead_letter' })
      logger.debug({ partition: item.record.partition, offset: item.record.offset, reason: refusal.reason }, 'dead letter')
      item.work.settle(item, false)
    }
    this.#settleIdle()
  }

  /** They can be sent now: with whatever others there are, or as they are. */
  #makeReady(batch: Batch): void {
    const now = this.#options.clock()
    for (const item of batch.items) [item.dueAt, item.readySince] = [-Infinity, now]
    const [first] = batch.items as [Item]
    // who goes alone anyway stands in line with all others
    const joins = !isApart(batch) || (batch.carrier === 'alone' && this.#batcher.carrierOf(first) === 'alone')
    if (!joins) this.#batcher.addFormed(batch)
    else for (const item of batch.items) this.#batcher.add(item)
    this.#pumpSoon()
  }

  /** Once for all that becomes ready in one go. */
  #pumpSoon(): void {
    if (this.#pumpAsked) return
    this.#pumpAsked = true
    queueMicrotask(() => {
      this.#pumpAsked = false
      this.pump()
    })
  }

  #debug(items: readonly Item[], fields: object, message: string): void {
    const { logger } = this.#options
    if (!logger.isLevelEnabled('debug')) return
    for (const { record: { partition, offset }, event, attempts } of items) {
      logger.debug({ partition, offset, type: event.kind === 'event' ? event.type : 'invalid', attempts, ...fields }, message)
    }
  }

  #wakeIn(ms: number): void {
    this.#wakeUp ??= setTimeout(() => {
      this.#wakeUp = undefined
      this.pump()
    }, Math.ceil(ms))
  }

  #settleIdle(): void {
    if (this.#inFlight + this.#writing > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}

function eventOf({ event }: Item): CustomerEvent {
  if (event.kind !== 'event') throw new Error('only valid events are attempted')
  return event
}

/** One operation alone is too large for a batch: the single call may take it. */
function isTooLarge({ items, carrier }: Batch, verdict: Verdict): boolean {
  return verdict.kind === 'rejected' && verdict.status === TOO_LARGE && carrier === 'batch' && items.length === 1
}
