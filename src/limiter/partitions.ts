import type { MonotonicClock } from '../clock.ts'
import type { ShareSource } from './share.ts'

/**
 * Slots that ride on one partition of `count`: dealt evenly, they add up to `limit`.
 * slots(p) = floor((p+1)*L/P) - floor(p*L/P)
 */
export function slotsOfPartition(partition: number, count: number, limit: number): number {
  return Math.floor(((partition + 1) * limit) / count) - Math.floor((partition * limit) / count)
}

/**
 * The budget rides on partition ownership, which Kafka keeps exclusive, so scaling, surges and crashes need no other coordination.
 *
 *   none ──assigned──► waiting (one window) ──► using ──revoke or fence──► none
 *
 * - Revoke: the caller drains before it joins again: every request of the old assignment has been answered, or can't arrive any more.
 * - Assigned: nothing is sent for one window, so whatever a previous owner sent has left it. The wait counts from the moment at which the
 *   assignment was received, which is after every other member's drain.
 * - Fence: without an acknowledged heartbeat the partitions may belong to somebody else, so the slots are gone until there is one.
 * - The number of partitions travels in the assignment: members that see different counts would deal different shares.
 */
export class PartitionShare implements ShareSource {
  readonly name = 'partitions'
  readonly #limit: number
  readonly #windowMs: number
  readonly #clock: MonotonicClock
  readonly #after: (ms: number, run: () => void) => void
  readonly #fenced: () => boolean
  readonly #listeners: (() => void)[] = []
  #owned = 0
  #usableFrom = Infinity

  /** @param windowMs window of the limit, with its margin for clock drift */
  constructor(options: { limit: number; windowMs: number; clock: MonotonicClock; after: (ms: number, run: () => void) => void; fenced: () => boolean }) {
    this.#limit = options.limit
    this.#windowMs = options.windowMs
    this.#clock = options.clock
    this.#after = options.after
    this.#fenced = options.fenced
  }

  slots(): number {
    return this.#clock() >= this.#usableFrom && !this.#fenced() ? this.#owned : 0
  }

  assigned(partitions: readonly number[], count: number): void {
    this.#owned = partitions.reduce((sum, partition) => sum + slotsOfPartition(partition, count, this.#limit), 0)
    this.#usableFrom = this.#clock() + this.#windowMs
    this.#after(this.#windowMs, () => this.#changed())
    this.#changed()
  }

  revoked(): void {
    this.#owned = 0
    this.#usableFrom = Infinity
    this.#changed()
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
