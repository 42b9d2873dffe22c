import type { MonotonicClock } from '../clock.ts'
import { RecentPeak } from './peak.ts'
import { Reservoir } from './reservoir.ts'
import type { Demand, ShareSource } from './share.ts'
import { Slots, type SlotTimes, type SlotUse } from './slots.ts'

export type { SlotUse } from './slots.ts'

/** What slots are for: sends one request and settles when there is a verdict. Must not reject. */
export interface Send {
  (): Promise<SlotUse>
  /** Slots that the request uses, from 1 to the free ones; 1 if it does not say. A batch whose operations count has one for each. */
  readonly slots?: number
}

/**
 * Chooses what to send.
 * @param free slots that are free now, at least 1
 */
export type Picker = (free: number) => Send | undefined

export interface LimiterOptions extends SlotTimes {
  readonly share: ShareSource
  /** Most requests in flight. */
  readonly concurrency: number
  readonly clock: MonotonicClock
  /** Runs `run` no earlier than `ms` from now. */
  readonly after: (ms: number, run: () => void) => void
  readonly onDepleted?: () => void
  readonly onError?: (error: unknown) => void
}

export interface LimiterStats {
  readonly share: string
  readonly owned: number
  readonly held: number
  readonly free: number
  readonly queued: number
  readonly running: number
  readonly done: number
}

interface Take {
  readonly pick: Picker
  readonly settled: () => void
}

/** ms; the peak that `demand` tells is of the last one or two of them. */
const PEAK_HALF_MS = 5_000

/**
 * The limit, as integer slots (see slots.ts) over Bottleneck, whose reservoir is the number of free slots.
 *
 *   take ──► waiting ──slots are free: handed to Bottleneck as a group──► begins: pick──► in flight ──answer──► one window later: slots back
 *               ▲                                                            │
 *               └────────────────── no slot is free now ─────────────────────┘
 *
 * A group is as many as slots are free for, while fewer than `concurrency` are in flight; one group at a time: what comes while it waits for
 * Bottleneck's timers goes with the next, so the rate has no ceiling, and Bottleneck's work is for groups, not for requests.
 * `Slots` has the last word: a group begins some ms after it was handed over, and by then the share may have shrunk, or a batch used more.
 * Bottleneck counts one for each request, however many slots that uses, so it never lacks what `Slots` has.
 */
export class SlotLimiter {
  readonly #options: LimiterOptions
  readonly #slots: Slots
  readonly #reservoir: Reservoir
  readonly #peak = new RecentPeak(PEAK_HALF_MS)
  readonly #waiting: Take[] = []
  /** The group that was handed to Bottleneck and has not begun. */
  #handed = 0
  #running = 0
  #unsettled = 0
  #done = 0
  #part = 1
  #idle: (() => void)[] = []

  constructor(options: LimiterOptions) {
    this.#options = options
    this.#slots = new Slots(options)
    this.#reservoir = new Reservoir((error) => options.onError?.(error))
    options.share.onChange(() => this.#handOver())
    options.share.follow(() => this.demand())
  }

  /**
   * Asks for a slot. When it is there, `pick` chooses what to send at the last moment; if it has nothing any more, the slot is free again.
   * @param settled called after each use, and after each slot that was not used
   */
  take(pick: Picker, settled: () => void): void {
    this.#waiting.push({ pick, settled })
    this.#handOver()
  }

  /**
   * Uses only a part (0..1] of the owned slots from now on, at least one. To be called before slots are asked for: a fence opens and shuts
   * the share without a word.
   */
  usePart(part: number): void {
    this.#part = part
    this.#handOver()
  }

  /** Slots that may be held now. */
  usable(): number {
    const owned = this.#options.share.slots()
    return owned === 0 ? 0 : Math.max(1, Math.floor(owned * this.#part))
  }

  /** Attempts that were asked for and have not begun. */
  queued(): number {
    return this.#waiting.length
  }

  stats(): LimiterStats {
    const { share } = this.#options
    const { held } = this.#slots
    return {
      share: share.name, owned: share.slots(), held, free: Math.max(0, this.usable() - held),
      queued: this.queued(), running: this.#running, done: this.#done,
    }
  }

  /** More slots are no help while Customer.io itself wants fewer requests, nor while it is the concurrency that holds up the queue. */
  demand(): Demand {
    const { held } = this.#slots
    // some of those that wait may be on their way to slots that are free
    const short = this.#waiting.length > Math.max(0, this.usable() - held) && this.#running < this.#options.concurrency
    if (short) return { held, wanted: this.#part === 1 ? Infinity : held }
    const peak = this.#peak.at(this.#options.clock())
    return { held, wanted: peak === 0 ? 0 : peak + 1 }
  }

  /** Resolves when no request is under way that could still arrive at the server: answered, or sent longer ago than the latest arrival. */
  async quiet(): Promise<void> {
    if (this.#unsettled === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** To be called after every change of what it looks at. */
  #handOver(): void {
    const usable = this.usable()
    this.#reservoir.resize(usable)
    if (this.#handed > 0) return
    this.#handed = Math.max(0, Math.min(this.#waiting.length, this.#options.concurrency - this.#running, usable - this.#slots.held))
    if (this.#handed > 0) this.#reservoir.start(this.#handed, () => this.#begin(this.#handed))
  }

  #begin(count: number): void {
    // asked once: between two looks a lease may lapse, and what was picked would be lost
    const usable = this.usable()
    let used = 0
    for (let served = 0; served < count; served += 1) {
      const free = usable - this.#slots.held
      const take = free > 0 ? this.#waiting.shift() : undefined
      if (!take) break
      const send = take.pick(free)
      if (!send) take.settled()
      else {
        used += 1
        this.#use(take, send, usable).catch((error: unknown) => this.#options.onError?.(error))
      }
    }
    this.#reservoir.giveBack(count - used)
    this.#handed = 0
    this.#handOver()
  }

  async #use(take: Take, send: Send, usable: number): Promise<void> {
    const { clock, after, onDepleted } = this.#options
    const count = send.slots ?? 1
    if (count < 1 || !this.#slots.take(usable, count)) throw new RangeError(`${count} slots for a request, of ${usable - this.#slots.held}`)
    this.#peak.note(this.#slots.held, clock())
    if (this.#slots.held === usable) onDepleted?.()
    this.#running += 1
    this.#unsettled += 1
    const use = await send()
    this.#running -= 1
    this.#done += 1
    const { quietMs, freeMs } = this.#slots.ended(use, clock())
    if (quietMs === 0) this.#settle()
    else after(quietMs, () => this.#settle())
    after(freeMs, () => {
      this.#slots.giveBack(count)
      this.#peak.note(this.#slots.held, clock())
      this.#reservoir.giveBack(1)
      this.#handOver()
    })
    take.settled()
    this.#handOver()
  }

  #settle(): void {
    this.#unsettled -= 1
    if (this.#unsettled > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
