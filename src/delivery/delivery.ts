import type { MonotonicClock, WallClock } from '../clock.ts'
import type { DeadLetters, Refusal } from '../kafka/dead-letter.ts'
import type { Item } from '../kafka/partition-work.ts'
import type { Send, SlotLimiter } from '../limiter/limiter.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { Account } from './account.ts'
import { retryAfterMs } from './backoff.ts'
import type { Breaker } from './breaker.ts'
import type { CustomerIo } from './customerio.ts'
import type { Gate } from './gate.ts'
import type { Health } from './health.ts'
import { Judge } from './judge.ts'
import type { Outcome, PolicyOptions } from './policy.ts'
import type { Quota } from './quota.ts'
import { ReadyQueue } from './ready.ts'
import type { Placed } from './ready.ts'
import type { States } from './states.ts'
import { isAnswered, summaryOf } from './verdict.ts'
import type { Verdict } from './verdict.ts'
import { Waiting } from './waiting.ts'

export interface DeliveryOptions {
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

/** An item that can be sent, and since when (monotonic ms). */
interface Ready extends Placed {
  readonly item: Item
  readonly since: number
}

/** What Customer.io last answered an attempt with that was not accepted. */
export interface LastError {
  /** The status, or timeout, or network and a code. */
  readonly what: string
  /** Monotonic ms. */
  readonly at: number
}

/**
 * The way of an event that is at the head of its lane, to its final outcome. Every attempt takes a slot, and what is sent is chosen only when
 * the slot is there. One person's next event is not known here until the present one is settled.
 *
 *   ready ──slot──► attempt ──verdict──► delivered | dead letter ──► settled
 *     ▲                          │
 *     └──backoff, gate, breaker──┘
 */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #ready = new ReadyQueue<Ready>()
  readonly #waiting = new Waiting((item) => this.add(item))
  /** Its calls go before events. */
  readonly #account: Account
  readonly #judge: Judge
  #inFlight = 0
  #writing = 0
  #open = false
  /** Counts the starts. What was begun under an earlier one belongs to an assignment that is over: its partition may be somebody else's now. */
  #run = 0
  #wakeUp: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []
  #lastError: LastError | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#account = new Account({ ...options, onVerdict: (verdict, sentAt) => {
      this.#observe(verdict, sentAt)
      options.metrics.probes.inc({ result: verdict.kind })
      this.look()
    } })
    this.#judge = new Judge({ ...options, account: this.#account })
  }

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
    return this.#ready.size
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
    this.#ready.clear()
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
    const left = item.dueAt - this.#options.clock()
    if (left > 0) this.#waiting.add(item, left)
    else {
      this.#makeReady(item)
      this.pump()
    }
  }

  /** Other credentials are in use from now on: what the old ones were refused for is tried again, at once. */
  credentialsChanged(): void {
    this.#account.credentialsChanged()
    this.pump()
  }

  /** Tells what has changed, by time alone too. When the breaker closes, nobody waits out the longest backoff of the bad time. */
  look(): void {
    if (!this.#options.states.look(this.#lastError?.what)) return
    for (const item of this.#waiting.clear()) {
      item.dueAt = -Infinity
      this.#makeReady(item)
    }
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
    const events = Math.min(this.#ready.size, breaker.allowed(now) - this.#inFlight, concurrency - this.#inFlight)
    const wanted = Math.max(0, events) + (this.#account.wanted ? 1 : 0)
    for (let queued = limiter.queued(); queued < wanted; queued += 1) limiter.take(() => this.#pick(), () => this.pump())
  }

  /** What to send with a slot that is free now. */
  #pick(): Send | undefined {
    const { clock, gate, breaker, metrics } = this.#options
    const now = clock()
    if (!this.#open || !this.#options.maySend() || gate.closedFor(now) > 0) return undefined
    if (this.#account.wanted) return async () => this.#account.call()
    if (this.#inFlight >= breaker.allowed(now)) return undefined
    let next = this.#ready.shift()
    while (next?.item.work.closed) next = this.#ready.shift()
    if (!next) return undefined
    metrics.limiterWait.observe((now - next.since) / 1000)
    return async () => this.#attempt(next.item)
  }

  async #attempt(item: Item): ReturnType<Send> {
    const { clock, customerIo } = this.#options
    const { event } = item
    if (event.kind !== 'event') throw new Error('only valid events are attempted')
    const [run, { credentials }] = [this.#run, this.#account]
    const sentAt = clock()
    this.#inFlight += 1
    const verdict = await customerIo.attempt(event)
    this.#inFlight -= 1
    this.#observe(verdict, sentAt)
    if (run === this.#run) {
      const attempted = { item, verdict, credentials, stillOurs: () => run === this.#run }
      this.#judge.note(attempted)
      this.look()
      this.#judge.judge(attempted, (outcome) => this.#carryOut(item, verdict, outcome))
    }
    this.#settleIdle()
    return { answered: isAnswered(verdict), sentAt }
  }

  #observe(verdict: Verdict, sentAt: number): void {
    const { clock, wall, gate, metrics, random, policy } = this.#options
    const now = clock()
    metrics.attempts.inc({ status: verdict.kind === 'unavailable' && verdict.status === undefined ? (verdict.cause === 'timeout' ? 'timeout' : 'network') : String(verdict.status) })
    metrics.attemptDuration.observe((now - sentAt) / 1000)
    if (verdict.kind !== 'accepted') this.#lastError = { what: summaryOf(verdict), at: now }
    if (verdict.kind !== 'throttled') return
    metrics.throttled.inc()
    gate.throttled(now, retryAfterMs(verdict.retryAfter, wall(), policy.capMs), random())
    this.look()
  }

  #carryOut(item: Item, verdict: Verdict, outcome: Outcome): void {
    const { metrics, logger, wall, clock } = this.#options
    if (item.event.kind !== 'event' || item.work.closed) return
    const where = { partition: item.record.partition, offset: item.record.offset, type: item.event.type }
    switch (outcome.kind) {
      case 'delivered':
        metrics.events.inc({ type: item.event.type, outcome: 'delivered' })
        if (item.record.timestamp > 0) metrics.eventAge.observe(Math.max(0, wall() - item.record.timestamp) / 1000)
        logger.debug({ ...where, attempts: item.attempts + 1 }, 'delivered')
        item.work.settle(item, true)
        return
      case 'dead-letter':
        void this.#deadLetter(item, { reason: outcome.reason, message: outcome.message, httpStatus: verdict.status })
        return
      case 'retry':
        metrics.retries.inc({ cause: outcome.cause })
        logger.debug({ ...where, attempts: item.attempts, cause: outcome.cause, afterMs: Math.round(outcome.afterMs) }, 'put off')
        item.dueAt = clock() + outcome.afterMs
        if (outcome.badDay) item.excused = item.attempts
        if (!this.#open) return
        if (outcome.afterMs > 0) this.#waiting.add(item, outcome.afterMs)
        else {
          this.#makeReady(item)
          this.pump()
        }
    }
  }

  async #deadLetter(item: Item, refusal: Refusal): Promise<void> {
    const { deadLetters, metrics, logger } = this.#options
    const run = this.#run
    this.#writing += 1
    const written = await deadLetters.send(item, refusal, () => !this.#open || run !== this.#run || item.work.closed)
    this.#writing -= 1
    if (written && run === this.#run) {
      metrics.deadLetters.inc({ reason: refusal.reason })
      metrics.events.inc({ type: item.event.kind === 'event' ? item.event.type : 'invalid', outcome: 'dead_letter' })
      logger.debug({ partition: item.record.partition, offset: item.record.offset, reason: refusal.reason }, 'dead letter')
      item.work.settle(item, false)
    }
    this.#settleIdle()
  }

  #makeReady(item: Item): void {
    this.#ready.push({ item, work: item.work, record: item.record, since: this.#options.clock() })
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
