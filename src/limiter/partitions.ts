import type { Budget, Part } from '../budget.ts'
import type { MonotonicClock } from '../clock.ts'
import type { Demand, ShareSource } from './share.ts'

/** How a member fares with what it was dealt. */
export interface Standing {
  /** Its slots, by the limit as it reads it now. */
  readonly slots: number
  /** The limit as it reads it now. */
  readonly limit: number
  /** As in `Demand`. */
  readonly wanted: number
  /** When the deal was received, monotonic ms: another one, another deal. */
  readonly since: number
}

export interface PartitionShareOptions {
  /** As it is now; its owner calls `limitChanged` after a change. */
  readonly limit: () => number
  /** ms in which the limit counts, with its margin for clock drift. */
  readonly windowMs: number
  readonly clock: MonotonicClock
  readonly after: (ms: number, run: () => void) => void
  /** Whether the partitions may belong to somebody else by now. */
  readonly fenced: () => boolean
}

/**
 * The limit of one API, dealt by the leader of the Kafka group to the members that own partitions. A deal belongs to one generation of the
 * group, as ownership does, so scaling, surges and crashes need no other coordination.
 *
 *   none ──assigned──► waiting (one window) ──► using ──revoke or fence──► none
 *
 * - Revoke: the caller drains before it joins again: every request of the old generation has been answered, or can't arrive any more. The
 *   leader deals only when all members have joined again, or were given up after their fence.
 * - Assigned: nothing is sent for one window, so whatever was sent with slots of the generation before has left it. The wait counts from
 *   the moment at which the assignment was received, which is after every other member's drain.
 * - Fence: without an acknowledged heartbeat there may be a newer generation, so the slots are gone until there is one.
 * - The limit may change at any time, and members read it at different ones. Of s slots dealt of D, who reads L uses floor(s * L / D): as
 *   the dealt slots add up to D at most, what all use is never above the largest limit that one of them reads.
 */
export class PartitionShare implements ShareSource {
  readonly name = 'partitions'
  readonly #options: PartitionShareOptions
  readonly #listeners: (() => void)[] = []
  #part: Part | undefined
  #since = Infinity
  #demand: (() => Demand) | undefined
  /** As it was when the share was last of use. Infinity: it could not show yet what it can put to use. */
  #wanted = Infinity

  constructor(options: PartitionShareOptions) {
    this.#options = options
  }

  slots(): number {
    return this.#isUsable() ? this.#owned() : 0
  }

  /** @param part what the leader dealt; undefined = nothing */
  assigned(part: Part | undefined): void {
    const { clock, windowMs, after } = this.#options
    this.#part = part
    this.#since = clock()
    if (!part) this.#wanted = Infinity
    after(windowMs, () => this.#changed())
    this.#changed()
  }

  revoked(): void {
    // the leader is told after the drain: by then it can't be seen any more
    this.#wanted = this.standing()?.wanted ?? this.#wanted
    this.#part = undefined
    this.#since = Infinity
    this.#changed()
  }

  limitChanged(): void {
    this.#changed()
  }

  /**
   * What the leader is to know. It stays the same from a revoke until the share is of use again: of two joins in a row the second must
   * not look like news to Kafka, or it would begin one more rebalance.
   */
  budget(): Budget {
    return { limit: this.#options.limit(), wanted: this.#wanted }
  }

  /** @returns undefined while it could not tell: without a part, in the first window, behind the fence */
  standing(): Standing | undefined {
    if (!this.#part || !this.#demand || !this.#isUsable()) return undefined
    return { slots: this.#owned(), limit: this.#options.limit(), wanted: this.#demand().wanted, since: this.#since }
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  follow(demand: () => Demand): void {
    this.#demand = demand
  }

  #isUsable(): boolean {
    const { clock, windowMs, fenced } = this.#options
    return clock() >= this.#since + windowMs && !fenced()
  }

  #owned(): number {
    return this.#part ? Math.floor((this.#part.slots * this.#options.limit()) / this.#part.limit) : 0
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
