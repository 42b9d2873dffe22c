// One process in fake time: it always has something to send, through the real limiter, share and fence, wired as in src/worker.ts.

import type { Part } from '../../../src/budget.ts'
import { withMargin } from '../../../src/clock.ts'
import { Fence } from '../../../src/kafka/fence.ts'
import { SlotLimiter, type SlotUse } from '../../../src/limiter/limiter.ts'
import { PartitionShare } from '../../../src/limiter/partitions.ts'
import { FixedShare } from '../../../src/limiter/share.ts'
import type { Random } from '../../support/random.ts'
import type { Group, Member } from './group.ts'

/** All in ms of the server's clock. */
export interface Times {
  readonly windowMs: number
  /** Longest time from the check to the arrival of a request. */
  readonly latestArrivalMs: number
  readonly requestTimeoutMs: number
  readonly heartbeatMs: number
  readonly fenceMs: number
}

/** One rule left out, to show that the rule is needed and that the search finds it. */
export type Flaw =
  | 'slot free at the response' | 'slot free at the timeout' | 'no wait when assigned' | 'no drain when revoked' | 'no fence' | 'no quarantine'

export interface SenderOptions {
  readonly times: Times
  /** The largest limit that a process ever reads. */
  readonly limit: number
  readonly concurrency: number
  readonly group: Group | undefined
  /** Processes that divide the limit, if there is no group. */
  readonly divisor: number
  readonly random: Random
  /** One-way delays, and the answer time of the server. */
  readonly delay: () => number
  /** Part of the requests that are never answered. */
  readonly unanswered: number
  readonly flaw: Flaw | undefined
  readonly onArrival: () => void
}

export class Sender implements Member {
  readonly #options: SenderOptions
  readonly #limiter: SlotLimiter
  readonly #byPartitions: PartitionShare
  readonly #fence: Fence
  /** Its clock runs up to 0.1 % fast or slow, and began at some other time. */
  readonly #rate: number
  readonly #offset: number
  /** As this process reads it now. */
  #limit: number
  #generation: number | undefined
  #open = false
  #inFlight = 0
  #frozenUntil = -Infinity
  #cutUntil = -Infinity
  #rejoining = false
  readonly #tellLimit: () => void
  dead = false

  constructor(options: SenderOptions) {
    const { times, random, flaw } = options
    this.#options = options
    this.#limit = options.limit
    this.#rate = 1 + (random.next() - 0.5) / 500
    this.#offset = random.below(1_000_000)
    this.#fence = new Fence(flaw === 'no fence' ? Infinity : times.fenceMs)
    const windowMs = withMargin(times.windowMs)
    const latestArrivalMs = withMargin(times.latestArrivalMs)
    const limit = () => this.#limit
    const clock = () => this.#clock()
    const after = (ms: number, run: () => void) => this.#after(ms, run)
    this.#byPartitions = new PartitionShare({ limit, windowMs: flaw === 'no wait when assigned' ? 0 : windowMs, clock, after, fenced: () => this.#fenced() })
    const share = options.group
      ? this.#byPartitions
      : new FixedShare({ limit, divisor: options.divisor, quarantineMs: flaw === 'no quarantine' ? 0 : latestArrivalMs + windowMs, clock, after })
    this.#limiter = new SlotLimiter({
      share, clock, after, concurrency: options.concurrency,
      windowMs: flaw === 'slot free at the response' ? 0 : windowMs,
      latestArrivalMs: flaw === 'slot free at the timeout' ? 0 : latestArrivalMs,
      onError: (error) => { throw error },
    })
    // it could always use more, but what it says of that must not matter
    share.follow(() => ({ held: 0, wanted: random.pick([0, random.below(options.limit), Infinity]) }))
    share.onChange(() => this.#pump())
    this.#tellLimit = () => share.limitChanged()
    if (options.group) {
      void this.#rejoin()
      this.#beat()
    } else this.#open = true
  }

  /** Nothing runs for so long, as in a collection or a stall of the machine. */
  freeze(ms: number): void {
    this.#frozenUntil = performance.now() + ms
    this.#after(0, () => this.#pump())
  }

  /** The group is out of reach; the server is not. */
  cutOff(ms: number): void {
    this.#cutUntil = performance.now() + ms
  }

  /** Ends at once. What it has written still arrives. */
  crash(): void {
    this.dead = true
  }

  async leave(): Promise<void> {
    await this.#revoke()
    this.dead = true
    this.#options.group?.leave(this)
  }

  /** Wants a new deal of the group. */
  ask(): void {
    if (this.#generation !== undefined) void this.#rejoin()
  }

  /** Finds another limit in its settings; the other processes may find it sooner or later. */
  read(limit: number): void {
    this.#limit = limit
    this.#tellLimit()
  }

  assigned(part: Part | undefined, generation: number): void {
    this.#message(() => {
      this.#rejoining = false
      this.#generation = generation
      this.#fence.shut()
      this.#byPartitions.assigned(part)
      this.#open = true
      this.#heartbeat()
    })
  }

  #clock(): number {
    return performance.now() * this.#rate + this.#offset
  }

  /** Runs no earlier than `ms` from now by its own clock, once it is awake, unless it is dead. */
  #after(ms: number, run: () => void): void {
    const due = this.#clock() + ms
    setTimeout(() => {
      if (this.dead) return
      const left = Math.max(due - this.#clock(), this.#frozenUntil - performance.now())
      if (left > 0) this.#after(left, run)
      else run()
    }, Math.ceil(ms / this.#rate))
  }

  #message(run: () => void): void {
    this.#after(this.#options.delay(), run)
  }

  #fenced(): boolean {
    return this.#options.group !== undefined && !this.#fence.isOpen(this.#clock())
  }

  #maySend(): boolean {
    return this.#open && !this.dead && !this.#fenced() && performance.now() >= this.#frozenUntil
  }

  #pump(): void {
    if (!this.#maySend()) return
    this.#limiter.usePart(1)
    if (this.#limiter.usable() === 0) return
    const wanted = this.#options.concurrency - this.#inFlight
    for (let queued = this.#limiter.queued(); queued < wanted; queued += 1) {
      this.#limiter.take(() => (this.#maySend() ? async () => this.#send() : undefined), () => this.#pump())
    }
  }

  async #send(): Promise<SlotUse> {
    const { times, random, delay, unanswered, onArrival } = this.#options
    const sentAt = this.#clock()
    this.#inFlight += 1
    const lost = random.chance(unanswered)
    const arrivesAfter = lost ? random.below(times.latestArrivalMs) : delay()
    setTimeout(onArrival, arrivesAfter)
    await new Promise<void>((resolve) => {
      this.#after(lost ? times.requestTimeoutMs : arrivesAfter + delay(), resolve)
    })
    this.#inFlight -= 1
    return { answered: !lost, sentAt }
  }

  #beat(): void {
    this.#after(this.#options.times.heartbeatMs, () => {
      this.#heartbeat()
      this.#beat()
    })
  }

  #heartbeat(): void {
    const generation = this.#generation
    if (generation === undefined || performance.now() < this.#cutUntil) return
    const sentAt = this.#clock()
    setTimeout(() => {
      const mine = this.#options.group?.heartbeat(this, generation) ?? false
      this.#message(() => {
        if (generation !== this.#generation || performance.now() < this.#cutUntil) return
        if (!mine) {
          void this.#rejoin()
          return
        }
        const wasFenced = this.#fenced()
        this.#fence.acknowledged(sentAt)
        if (wasFenced) this.#pump()
      })
    }, this.#options.delay())
  }

  async #rejoin(): Promise<void> {
    if (this.#rejoining) return
    this.#rejoining = true
    await this.#revoke()
    const ask = () => {
      if (performance.now() < this.#cutUntil) this.#after(10, ask)
      else this.#options.group?.join(this, this.#byPartitions.budget())
    }
    this.#message(ask)
  }

  async #revoke(): Promise<void> {
    this.#byPartitions.revoked()
    this.#open = false
    this.#generation = undefined
    if (this.#options.flaw !== 'no drain when revoked') {
      await Promise.race([this.#limiter.quiet(), new Promise<void>((resolve) => { this.#after(withMargin(this.#options.times.latestArrivalMs), resolve) })])
    }
    this.#fence.shut()
  }
}
