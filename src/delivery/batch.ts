import type { AttemptState, Item } from '../kafka/partition-work.ts'
import type { Carrier } from './operations.ts'

/**
 * Events that share a request, mostly as many as waited for its slot; one alone is a batch of one. After a failure they stay together, apart from
 * others: so an event that makes every request fail that it is in harms nobody else, and halving the batch finds it.
 */
export interface Batch {
  /** At least one; of different people. */
  readonly items: readonly Item[]
  readonly carrier: Carrier
  /** What health knows it by: the same at each attempt. */
  readonly name: string
  /** Where it comes from: halves of halves share it. One batch that fails again and again says nothing of the server. */
  readonly origin: string
  /** A part of a batch that was halved: it must not meet others again. */
  readonly parted: boolean
  /** The event's own if it is alone: kept across a rebalance. Of several it is only of the attempts that these made together. */
  readonly tally: AttemptState
}

let formed = 0

/** @param origin that of the batch that these were a part of, if any */
export function batchOf(items: readonly Item[], carrier: Carrier, origin?: string): Batch {
  const [first] = items
  if (!first) throw new RangeError('a batch of no events')
  if (items.length === 1) {
    const name = `${first.record.partition}:${first.record.offset}`
    return { items, carrier, name, origin: origin ?? first.lane, parted: origin !== undefined, tally: first }
  }
  formed += 1
  const name = `batch ${formed}`
  return { items, carrier, name, origin: origin ?? name, parted: origin !== undefined, tally: { attempts: 0, excused: 0, firstFailureAt: undefined, lastFailureAt: undefined, dueAt: -Infinity } }
}

/** Whether these go apart from others: an event that failed, or a part of what did, would make others fail with it. */
export function isApart({ parted, tally }: Batch): boolean {
  return parted || tally.attempts > tally.excused
}

/** The two halves of a batch of several. */
export function halvesOf({ items, carrier, origin }: Batch): Batch[] {
  const middle = Math.ceil(items.length / 2)
  return [items.slice(0, middle), items.slice(middle)].map((half) => batchOf(half, carrier, origin))
}

/**
 * Counts a failed attempt. Of several it is not known whose fault it was: it counts for these together, not for each of them.
 * @param now wall-clock ms
 */
export function countFailure({ items, tally }: Batch, now: number): void {
  tally.attempts += 1
  for (const item of items) {
    item.firstFailureAt ??= now
    item.lastFailureAt = now
  }
}
