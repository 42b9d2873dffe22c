import type { MonotonicClock, WallClock } from '../clock.ts'
import type { DeadLetters, Refusal } from '../kafka/dead-letter.ts'
import type { Item } from '../kafka/partition-work.ts'
import type { Send, SlotLimiter } from '../limiter/limiter.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { retryAfterMs } from './backoff.ts'
import type { Breaker, BreakerState } from './breaker.ts'
import type { CustomerIo } from './customerio.ts'
import type { Gate } from './gate.ts'
import type { Health } from './health.ts'
import { afterAsking, decide } from './policy.ts'
import { ReadyQueue } from './ready.ts'
import type { Placed } from './ready.ts'
import type { Evidence, Outcome, PolicyOptions } from './policy.ts'
import type { Quota } from './quota.ts'
import type { Verdict } from './verdict.ts'

/** Attempts that the breaker looks back on, and the part of them that must have failed for it to open. */
const BREAKER_ATTEMPTS = 20
const BREAKER_FAILED = 0.9

export interface DeliveryOptions {
  readonly customerIo: CustomerIo
  readonly limiter: SlotLimiter
  readonly gate: Gate
  readonly breaker: Breaker
  readonly health: Health
  readonly quota: Quota
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
  readonly #waiting = new Map<Item, NodeJS.Timeout>()
  /** Calls that ask whether the credentials work; they go before events. */
  #questions: ((account: Verdict) => void)[] = []
  #asking = false
  #inFlight = 0
  #writing = 0
  #open = false
  /** Counts the starts. What was begun under an earlier one belongs to an assignment that is over: its partition may be somebody else's now. */
  #run = 0
  #wakeUp: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []
  #lastState: BreakerState = 'closed'

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get waiting(): number {
    return this.#waiting.size
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
    this.#questions = []
    for (const timer of this.#waiting.values()) clearTimeout(timer)
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
    if (left > 0) this.#wait(item, left)
    else {
      this.#makeReady(item)
      this.pump()
    }
  }

  /** Asks the limiter for as many slots as can be used now. */
  pump(): void {
    const { clock, gate, breaker, limiter, concurrency } = this.#options
    if (!this.#open || !this.#options.maySend()) return
    const now = clock()
    this.#announce(breaker.state(now))
    limiter.usePart(gate.part(now))
    if (limiter.usable() === 0) return
    const closedFor = Math.max(gate.closedFor(now), this.#asking || this.#questions.length > 0 ? 0 : breaker.waitMs(now))
    if (closedFor > 0) {
      this.#wakeIn(closedFor)
      return
    }
    if (breaker.state(now) === 'refused' && this.#questions.length === 0 && !this.#asking) this.#ask(() => {})
    const events = Math.min(this.#ready.size, breaker.allowed(now) - this.#inFlight, concurrency - this.#inFlight)
    const questions = this.#questions.length > 0 && !this.#asking ? 1 : 0
    const wanted = Math.max(0, events) + questions
    for (let queued = limiter.queued(); queued < wanted; queued += 1) limiter.take(() => this.#pick(), () => this.pump())
  }

  /** What to send with a slot that is free now. */
  #pick(): Send | undefined {
    const { clock, gate, breaker, metrics } = this.#options
    const now = clock()
    if (!this.#open || !this.#options.maySend() || gate.closedFor(now) > 0) return undefined
    if (this.#questions.length > 0 && !this.#asking) return async () => this.#question()
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
    const run = this.#run
    const sentAt = clock()
    this.#inFlight += 1
    const verdict = await customerIo.attempt(event)
    this.#inFlight -= 1
    this.#observe(verdict, sentAt)
    if (run === this.#run) this.#judge(item, verdict)
    this.#settleIdle()
    return { answered: isAnswered(verdict), sentAt }
  }

  async #question(): ReturnType<Send> {
    const { clock, customerIo, breaker, random, metrics } = this.#options
    // only those who asked before the call began: its answer says nothing of a failure that came later
    const asked = this.#questions
    const run = this.#run
    this.#questions = []
    this.#asking = true
    const sentAt = clock()
    const verdict = await customerIo.probe()
    this.#asking = false
    this.#observe(verdict, sentAt)
    metrics.probes.inc({ result: verdict.kind })
    if (verdict.kind === 'accepted') {
      breaker.credentialsWork()
      this.#announce(breaker.state(clock()))
    } else if (verdict.kind === 'unauthorised' || breaker.state(clock()) === 'refused') {
      // whatever the answer was, the credentials are not known to work again: ask later, not at once
      breaker.refused(clock(), random())
    }
    if (run === this.#run) for (const answer of asked) answer(verdict)
    return { answered: isAnswered(verdict), sentAt }
  }

  #ask(answer: (account: Verdict) => void): void {
    this.#questions.push(answer)
  }

  #observe(verdict: Verdict, sentAt: number): void {
    const { clock, wall, gate, metrics, random, policy } = this.#options
    const now = clock()
    metrics.attempts.inc({ status: verdict.kind === 'unavailable' && verdict.status === undefined ? (verdict.cause === 'timeout' ? 'timeout' : 'network') : String(verdict.status) })
    metrics.attemptDuration.observe((now - sentAt) / 1000)
    if (verdict.kind !== 'throttled') return
    metrics.throttled.inc()
    gate.throttled(now, retryAfterMs(verdict.retryAfter, wall(), policy.capMs), random())
    this.#options.logger.warn({ closedForMs: Math.round(gate.closedFor(now)), partOfSlots: gate.part(now) }, 'throttled by Customer.io: the gate is closed')
  }

  #judge(item: Item, verdict: Verdict): void {
    const { clock, wall, health, breaker, policy, random } = this.#options
    const now = clock()
    if (verdict.kind === 'unavailable') {
      item.attempts += 1
      item.firstFailureAt ??= wall()
      item.lastFailureAt = wall()
      health.record(now, nameOf(item), false)
      breaker.failed(now, health.failureRatio(BREAKER_ATTEMPTS) >= BREAKER_FAILED, random())
    } else if (verdict.kind === 'accepted' || verdict.kind === 'rejected') {
      health.record(now, nameOf(item), true)
      breaker.succeeded()
    }
    this.#announce(breaker.state(now))
    const decision = decide(verdict, this.#evidence(item), policy, random())
    if (decision.kind === 'ask') {
      this.#ask((account) => this.#carryOut(item, verdict, afterAsking(verdict, account, this.#evidence(item), policy, random())))
      this.pump()
    } else this.#carryOut(item, verdict, decision)
  }

  #evidence(item: Item): Evidence {
    const { clock, health, breaker, quota } = this.#options
    const now = clock()
    // a breaker that is not closed has seen the others fail, even if that is longer ago than health looks back
    const others = breaker.state(now) === 'closed' ? health.others(now, nameOf(item)) : { attempts: 1, successRatio: 0 }
    return { failures: Math.max(1, item.attempts), others, takeQuota: () => quota.take(now) }
  }

  #carryOut(item: Item, verdict: Verdict, decision: Outcome): void {
    const { metrics, logger, wall, clock } = this.#options
    if (item.event.kind !== 'event' || item.work.closed) return
    const where = { partition: item.record.partition, offset: item.record.offset, type: item.event.type }
    switch (decision.kind) {
      case 'delivered':
        metrics.events.inc({ type: item.event.type, outcome: 'delivered' })
        if (item.record.timestamp > 0) metrics.eventAge.observe(Math.max(0, wall() - item.record.timestamp) / 1000)
        logger.debug({ ...where, attempts: item.attempts + 1 }, 'delivered')
        item.work.settle(item, true)
        return
      case 'dead-letter':
        if (verdict.kind !== 'unavailable') {
          item.attempts += 1
          item.firstFailureAt ??= wall()
          item.lastFailureAt = wall()
        }
        void this.#deadLetter(item, { reason: decision.reason, message: decision.message, httpStatus: verdict.status })
        return
      case 'retry':
        metrics.retries.inc({ cause: decision.cause })
        logger.debug({ ...where, attempts: item.attempts, cause: decision.cause, afterMs: Math.round(decision.afterMs) }, 'put off')
        item.dueAt = clock() + decision.afterMs
        if (!this.#open) return
        if (decision.afterMs > 0) this.#wait(item, decision.afterMs)
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

  #wait(item: Item, ms: number): void {
    this.#waiting.set(item, setTimeout(() => {
      this.#waiting.delete(item)
      this.add(item)
    }, Math.ceil(ms)))
  }

  #wakeIn(ms: number): void {
    this.#wakeUp ??= setTimeout(() => {
      this.#wakeUp = undefined
      this.pump()
    }, Math.ceil(ms))
  }

  /** One log line a change; when sending works again, nobody waits out the longest backoff of the bad time. */
  #announce(state: BreakerState): void {
    if (state === this.#lastState) return
    const { logger } = this.#options
    const wasShut = this.#lastState !== 'closed'
    logger[state === 'closed' ? 'info' : 'warn']({ from: this.#lastState, to: state },
      state === 'refused' ? 'breaker: Customer.io refuses the credentials, check CUSTOMERIO_SITE_ID, CUSTOMERIO_API_KEY and CUSTOMERIO_REGION' : 'breaker')
    this.#lastState = state
    if (state !== 'closed' || !wasShut) return
    for (const [item, timer] of this.#waiting) {
      clearTimeout(timer)
      item.dueAt = -Infinity
      this.#makeReady(item)
    }
    this.#waiting.clear()
    this.pump()
  }

  #settleIdle(): void {
    if (this.#inFlight + this.#writing > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}

function nameOf({ record }: Item): string {
  return `${record.partition}:${record.offset}`
}

function isAnswered(verdict: Verdict): boolean {
  return verdict.kind !== 'unavailable' || verdict.answered
}
