import type { Item } from '../kafka/partition-work.ts'
import { batchOf } from './batch.ts'
import type { Batch } from './batch.ts'
import { carrierOf, estimateOf } from './operations.ts'
import type { Carrier } from './operations.ts'
import { ReadyQueue } from './ready.ts'

/** `single`: one event a request. `batch`: as many as have waited for the slot. */
export type DeliveryMode = 'single' | 'batch'

/** Bytes of a batch. Customer.io takes 500 kB; its own clients stop at 480 KiB. What an estimate missed is found when the request is made. */
export const LARGEST_BATCH = 480_000
/** People that one call puts into a segment, or takes out of it. */
export const MOST_IN_SEGMENT_CALL = 1_000

/** Events that wait for a slot and go the same way. */
interface Line {
  readonly carrier: Carrier
  readonly ready: ReadyQueue<Item>
  /** Estimated, of all of them. */
  bytes: number
}

/**
 * What could be sent now, and what of it shares the next request: whatever waits when a slot is free. So a single event leaves at once, and under
 * a backlog requests fill up by themselves. Pure.
 *
 * - One person's events are never together in a request: nothing is promised about their order in it.
 * - Batches that were formed before (a retry, the half of one) go first, as they are.
 */
export class Batcher {
  readonly #mode: DeliveryMode
  readonly #lines = new Map<Carrier, Line>()
  readonly #formed: Batch[] = []
  #formedEvents = 0
  #events = 0

  constructor(mode: DeliveryMode) {
    this.#mode = mode
  }

  /** Events that wait for a slot. */
  get events(): number {
    return this.#events + this.#formedEvents
  }

  /** @returns about how many requests it would take to send everything now, but no more than `most` */
  requests(most: number): number {
    let count = this.#formed.length
    for (const line of this.#lines.values()) {
      if (count >= most) return most
      count += requestsOf(line)
    }
    return Math.min(count, most)
  }

  /** How the item travels. */
  carrierOf({ event }: Item): Carrier {
    if (event.kind !== 'event') throw new Error('only valid events are sent')
    return this.#mode === 'single' ? 'alone' : carrierOf(event)
  }

  /** The item could be sent now, with whatever others there are. */
  add(item: Item): void {
    const carrier = this.carrierOf(item)
    let line = this.#lines.get(carrier)
    if (!line) {
      line = { carrier, ready: new ReadyQueue(), bytes: 0 }
      this.#lines.set(carrier, line)
    }
    line.ready.push(item)
    line.bytes += sizeOf(item)
    this.#events += 1
  }

  /** These could be sent now, as they are. */
  addFormed(batch: Batch): void {
    this.#formed.push(batch)
    this.#formedEvents += batch.items.length
  }

  /**
   * Takes what is to be sent next.
   * @param most events
   */
  next(most: number): Batch | undefined {
    for (let batch = this.#formed.shift(); batch; batch = this.#formed.shift()) {
      this.#formedEvents -= batch.items.length
      const open = batch.items.filter(({ work }) => !work.closed)
      if (open.length > most) {
        this.#formed.unshift(batchOf(open.slice(most), batch.carrier, batch.origin))
        this.#formedEvents += open.length - most
        return batchOf(open.slice(0, most), batch.carrier, batch.origin)
      }
      if (open.length === batch.items.length) return batch
      if (open.length > 0) return batchOf(open, batch.carrier, batch.origin)
    }
    for (let line = this.#longestWaiting(); line; line = this.#longestWaiting()) {
      const items = this.#fill(line, line.carrier === 'alone' ? 1 : most)
      if (items.length > 0) return batchOf(items, line.carrier)
    }
    return undefined
  }

  /**
   * Takes one event to try with: the one that has been ready for longest. So all get their turn, and one that fails whenever it is tried goes
   * behind all others. Looks at all of them.
   */
  probe(): Batch | undefined {
    let line: Line | undefined
    let item: Item | undefined
    for (const other of this.#lines.values()) {
      const longest = other.ready.longest()
      if (longest && (!item || longest.readySince < item.readySince)) [line, item] = [other, longest]
    }
    const formed = this.#formed.toSorted((a, b) => sinceOf(a) - sinceOf(b))[0]
    if (formed && (!item || sinceOf(formed) <= item.readySince)) {
      this.#formed.splice(this.#formed.indexOf(formed), 1)
      this.#formed.unshift(formed)
      return this.next(1)
    }
    if (!line || !item) return undefined
    line.ready.remove(item)
    line.bytes -= sizeOf(item)
    this.#events -= 1
    return item.work.closed ? this.probe() : batchOf([item], line.carrier)
  }

  clear(): void {
    this.#lines.clear()
    this.#formed.length = 0
    this.#events = 0
    this.#formedEvents = 0
  }

  /** The line whose next event has waited for longest. Lines that have run dry are forgotten: there may be one for each segment. */
  #longestWaiting(): Line | undefined {
    let longest: Line | undefined
    let since = Infinity
    for (const line of this.#lines.values()) {
      const next = line.ready.peek()
      if (!next) this.#lines.delete(line.carrier)
      else if (next.readySince < since) [longest, since] = [line, next.readySince]
    }
    return longest
  }

  #fill(line: Line, most: number): Item[] {
    const items: Item[] = []
    const people = new Set<string>()
    const again: Item[] = []
    const room = roomOf(line.carrier)
    let bytes = 0
    for (let item = line.ready.peek(); item && items.length < Math.min(most, room.events); item = line.ready.peek()) {
      const size = sizeOf(item)
      if (items.length > 0 && bytes + size > room.bytes) break
      line.ready.shift()
      line.bytes -= size
      this.#events -= 1
      if (item.work.closed) continue
      if (people.has(item.lane)) {
        again.push(item)
        continue
      }
      people.add(item.lane)
      items.push(item)
      bytes += size
    }
    for (const item of again) this.add(item)
    return items
  }
}

const sinceOf = ({ items }: Batch): number => (items[0] as Item).readySince

function sizeOf({ event }: Item): number {
  return event.kind === 'event' ? estimateOf(event) : 0
}

function roomOf(carrier: Carrier): { bytes: number; events: number } {
  switch (carrier) {
    case 'alone': return { bytes: Infinity, events: 1 }
    case 'batch': return { bytes: LARGEST_BATCH, events: Infinity }
    default: return { bytes: Infinity, events: MOST_IN_SEGMENT_CALL }
  }
}

function requestsOf({ carrier, ready, bytes }: Line): number {
  const room = roomOf(carrier)
  return Math.max(Math.ceil(bytes / room.bytes), Math.ceil(ready.size / room.events), ready.size > 0 ? 1 : 0)
}
