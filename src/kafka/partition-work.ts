import { NEVER_REPEATED } from '../event.ts'
import type { CustomerEvent, InvalidEvent } from '../event.ts'
import { Checkpoint } from './checkpoint.ts'
import { Lanes } from './lanes.ts'
import { sizeOf } from './record.ts'
import type { KafkaRecord } from './record.ts'

/** Attempts so far: kept across a rebalance while the partition stays here. Times are wall-clock ms, `dueAt` is monotonic ms. */
export interface AttemptState {
  attempts: number
  firstFailureAt: number | undefined
  lastFailureAt: number | undefined
  dueAt: number
}

/** One record on its way. */
export interface Item extends AttemptState {
  readonly record: KafkaRecord
  readonly event: CustomerEvent | InvalidEvent
  readonly lane: string
  readonly bytes: number
  readonly work: PartitionWork
}

/** What is known of records beyond the committed offset, for the time after a rebalance. Keyed by offset and record time, so that a topic made anew matches nothing. */
export interface Memory {
  readonly done: ReadonlySet<string>
  readonly attempts: ReadonlyMap<string, AttemptState>
}

export interface PartitionWorkOptions {
  readonly partition: number
  /** First offset that is not done. */
  readonly start: number
  readonly most: { readonly records: number; readonly bytes: number }
  readonly memory: Memory | undefined
  /** The item is at the head of its lane: work on it. */
  readonly onReady: (item: Item) => void
  /** A record that must be committed before its lane goes on is done. */
  readonly onBarrier: () => void
}

const keyOf = (record: KafkaRecord): string => `${record.offset}@${record.timestamp}`

/** One partition while it is assigned: its lanes, its checkpoint, and the bound on what is pending. */
export class PartitionWork {
  readonly partition: number
  readonly #options: PartitionWorkOptions
  readonly #lanes = new Lanes<Item>()
  readonly #checkpoint: Checkpoint
  readonly #open = new Map<number, Item>()
  /** Final outcomes beyond the commit, by offset: for the memory. */
  readonly #done = new Map<number, string>()
  #barriers: Item[] = []
  #bytes = 0
  #committed: number
  skipped = 0

  constructor(options: PartitionWorkOptions) {
    this.partition = options.partition
    this.#options = options
    this.#checkpoint = new Checkpoint(options.start)
    this.#committed = options.start
  }

  /** Offset of the next record to take. */
  get position(): number {
    return this.#checkpoint.end
  }

  /** The offset to commit. */
  get progress(): number {
    return this.#checkpoint.position
  }

  get committed(): number {
    return this.#committed
  }

  get pending(): number {
    return this.#open.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Timestamp (ms since the epoch) of the oldest record that is not done. */
  get oldest(): number | undefined {
    return this.#open.get(this.#checkpoint.position)?.record.timestamp
  }

  /** One record always fits. What is done behind one that is not counts too: the memory is bounded with it. */
  hasRoom(): boolean {
    const { records, bytes } = this.#options.most
    return this.#open.size === 0 || (this.#open.size + this.#done.size < records && this.#bytes < bytes)
  }

  /** Half of the room is free again. */
  hasMuchRoom(): boolean {
    const { records, bytes } = this.#options.most
    return this.#open.size === 0 || (this.#open.size + this.#done.size <= records / 2 && this.#bytes <= bytes / 2)
  }

  take(record: KafkaRecord, event: CustomerEvent | InvalidEvent): void {
    this.#checkpoint.admit(record.offset)
    const key = keyOf(record)
    if (this.#options.memory?.done.has(key)) {
      this.skipped += 1
      this.#resolve(record)
      return
    }
    const known = this.#options.memory?.attempts.get(key)
    const lane = event.kind === 'event' ? event.person : (record.key?.toString('latin1') ?? `offset ${record.offset}`)
    const state = known ?? { attempts: 0, firstFailureAt: undefined, lastFailureAt: undefined, dueAt: -Infinity }
    const item: Item = { ...state, record, event, lane, bytes: sizeOf(record), work: this }
    this.#open.set(record.offset, item)
    this.#bytes += item.bytes
    if (this.#lanes.push(lane, item)) this.#options.onReady(item)
  }

  /** All records before `end` have been taken or don't exist. */
  reached(end: number): void {
    this.#checkpoint.advance(end)
  }

  /** The one place where a record becomes done: it was delivered, or its dead letter was acknowledged. */
  settle(item: Item, delivered: boolean): void {
    this.#open.delete(item.record.offset)
    this.#bytes -= item.bytes
    this.#resolve(item.record)
    if (delivered && item.event.kind === 'event' && NEVER_REPEATED.has(item.event.type)) {
      // a repeat of it would hit newer data, so the lane goes on only after the commit
      this.#barriers.push(item)
      this.#options.onBarrier()
    } else this.#next(item)
  }

  /** The broker acknowledged a commit of `offset`. */
  commitDone(offset: number): void {
    this.#committed = Math.max(this.#committed, offset)
    const passed = this.#barriers.filter((item) => item.record.offset < offset)
    if (passed.length === 0) return
    this.#barriers = this.#barriers.filter((item) => item.record.offset >= offset)
    for (const item of passed) this.#next(item)
  }

  memory(): Memory {
    const attempts = new Map<string, AttemptState>()
    for (const { record, attempts: count, firstFailureAt, lastFailureAt, dueAt } of this.#open.values()) {
      if (count > 0) attempts.set(keyOf(record), { attempts: count, firstFailureAt, lastFailureAt, dueAt })
    }
    const done = new Set(this.#done.values())
    // its lane must still wait for the commit, so it is done once more there; nothing newer of its lane has been sent
    for (const { record } of this.#barriers) done.delete(keyOf(record))
    return { done, attempts }
  }

  #resolve(record: KafkaRecord): void {
    this.#done.set(record.offset, keyOf(record))
    if (!this.#checkpoint.resolve(record.offset)) return
    const { position } = this.#checkpoint
    // in offset order only up to the first gap, so all are looked at; they are few
    for (const offset of this.#done.keys()) if (offset < position) this.#done.delete(offset)
  }

  #next(item: Item): void {
    const next = this.#lanes.shift(item.lane, item)
    if (next) this.#options.onReady(next)
  }
}
