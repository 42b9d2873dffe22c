import { COMMITTED_ONE_BY_ONE, NEVER_REPEATED } from '../event.ts'
import type { CustomerEvent, InvalidEvent } from '../event.ts'
import { Checkpoint } from './checkpoint.ts'
import { encodeDone } from './done-marks.ts'
import { Lanes } from './lanes.ts'
import { sizeOf } from './record.ts'
import type { KafkaRecord } from './record.ts'

/** Attempts so far: kept across a rebalance while the partition stays here. Times are wall-clock ms, `dueAt` is monotonic ms. */
export interface AttemptState {
  attempts: number
  /** Those of the attempts that failed on a bad day, and do not count against the event. */
  excused: number
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
  /** Since when it could be sent (monotonic ms). */
  readySince: number
}

/** What is known of records from the acknowledged commit on, by offset, for the time after a rebalance. */
export interface Memory {
  readonly done: ReadonlySet<number>
  readonly attempts: ReadonlyMap<number, AttemptState>
}

/** How far a partition is, as it is committed. */
export interface Progress {
  readonly work: PartitionWork
  readonly offset: number
  /** What is done beyond it, in the form of done-marks.ts. */
  readonly metadata: string
  /** Offsets from here on are not in the metadata. */
  readonly marksEnd: number
  /** Counts the outcomes, to tell whether something has moved. */
  readonly version: number
}

export interface PartitionWorkOptions {
  readonly partition: number
  /** First offset that is not done. */
  readonly start: number
  readonly most: { readonly records: number; readonly bytes: number }
  readonly memory: Memory | undefined
  /** The item is at the head of its lane: work on it. */
  readonly onReady: (item: Item) => void
  /** A lane goes on only after a commit: commit soon. */
  readonly onBarrier: () => void
  /** There had been no room for a record, and half of it is free again. */
  readonly onRoom: (partition: number) => void
}

/** One partition while it is assigned: its lanes, its checkpoint, and the bound on what is pending. */
export class PartitionWork {
  readonly partition: number
  readonly #options: PartitionWorkOptions
  readonly #lanes = new Lanes<Item>()
  readonly #checkpoint: Checkpoint
  readonly #open = new Map<number, Item>()
  /** Final outcomes within the prefix that no commit has been acknowledged for, in order. */
  #passed: number[] = []
  /** What goes on only after a commit that has everything done by now, up to `offset`. */
  #barriers: { readonly item: Item; readonly version: number; readonly goOn: () => void }[] = []
  #bytes = 0
  /** A record had no room, and half of the room has not been free since. */
  #full = false
  #version = 0
  #committedVersion = 0
  /** Offsets from here on are not in the marks of the last acknowledged commit. */
  #marksEnd = Infinity
  #closed = false
  skipped = 0

  constructor(options: PartitionWorkOptions) {
    this.partition = options.partition
    this.#options = options
    this.#checkpoint = new Checkpoint(options.start)
  }

  /** Offset of the next record to take. */
  get position(): number {
    return this.#checkpoint.end
  }

  /** First offset that is not done. */
  get done(): number {
    return this.#checkpoint.position
  }

  /**
   * What to commit; undefined if nothing has moved since the last commit.
   * @param mostMetadata see encodeDone
   */
  progress(mostMetadata?: number): Progress | undefined {
    if (this.#version === this.#committedVersion) return undefined
    const offset = this.#checkpoint.position
    const { metadata, end } = encodeDone(offset, this.#checkpoint.beyond, mostMetadata)
    return { work: this, offset, metadata, marksEnd: end, version: this.#version }
  }

  /** The assignment is over: nothing that comes late has an effect any more. */
  get closed(): boolean {
    return this.#closed
  }

  /** Ends the work, and drops its records: whoever still holds on to an item does not keep the others in memory. */
  close(): void {
    this.#closed = true
    this.#open.clear()
    this.#lanes.clear()
    this.#barriers = []
  }

  /** What was committed may have been overwritten: commit again. */
  recommit(): void {
    this.#version += 1
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
    const fits = this.#open.size === 0 || (this.#open.size + this.#checkpoint.beyond.size < records && this.#bytes < bytes)
    if (!fits) this.#full = true
    return fits
  }

  take(record: KafkaRecord, event: CustomerEvent | InvalidEvent): void {
    this.#checkpoint.admit(record.offset)
    if (this.#options.memory?.done.has(record.offset)) {
      this.skipped += 1
      this.#resolve(record)
      return
    }
    const known = this.#options.memory?.attempts.get(record.offset)
    const lane = event.kind === 'event' ? event.person : (record.key?.toString() ?? `offset ${record.offset}`)
    const item: Item = {
      record, event, lane, bytes: sizeOf(record), work: this, readySince: 0,
      attempts: 0, excused: 0, firstFailureAt: undefined, lastFailureAt: undefined, dueAt: -Infinity,
    }
    if (known) Object.assign(item, known)
    this.#open.set(record.offset, item)
    this.#bytes += item.bytes
    if (this.#lanes.push(lane, item)) this.#begin(item)
  }

  /** All records before `end` have been taken or don't exist. */
  reached(end: number): void {
    const before = this.#checkpoint.position
    this.#checkpoint.advance(end)
    if (this.#checkpoint.position > before) this.#version += 1
  }

  /** The one place where a record becomes done: it was delivered, or its dead letter was acknowledged. */
  settle(item: Item, delivered: boolean): void {
    if (this.#closed) return
    this.#open.delete(item.record.offset)
    this.#bytes -= item.bytes
    this.#resolve(item.record)
    if (this.#full) this.#tellRoom()
    // a repeat of it would hit newer data, or send a message twice: the lane goes on only after the commit
    if ((delivered && neverRepeated(item)) || committedOneByOne(item)) this.#afterCommit(item, () => this.#next(item))
    else this.#next(item)
  }

  /** The broker acknowledged a commit. */
  commitDone(progress: Progress): void {
    if (this.#closed) return
    this.#committedVersion = Math.max(this.#committedVersion, progress.version)
    this.#marksEnd = progress.marksEnd
    this.#passed = this.#passed.filter((offset) => offset >= progress.offset)
    const passed = this.#barriers.filter(({ version, item }) => version <= progress.version && item.record.offset < progress.marksEnd)
    if (passed.length === 0) return
    this.#barriers = this.#barriers.filter((barrier) => !passed.includes(barrier))
    for (const { goOn } of passed) goOn()
  }

  memory(): Memory {
    const attempts = new Map<number, AttemptState>()
    for (const { record, attempts: count, excused, firstFailureAt, lastFailureAt, dueAt } of this.#open.values()) {
      if (count > 0) attempts.set(record.offset, { attempts: count, excused, firstFailureAt, lastFailureAt, dueAt })
    }
    const done = new Set(this.#passed).union(this.#checkpoint.beyond)
    // a lane that waits for a commit must go on waiting: its head is rather done again, with nothing newer sent yet
    for (const { item } of this.#barriers) if (neverRepeated(item)) done.delete(item.record.offset)
    return { done, attempts }
  }

  #resolve({ offset }: KafkaRecord): void {
    this.#version += 1
    this.#checkpoint.resolve(offset, this.#passed)
  }

  /** Not for each record that has room again, or there would be a fetch for each. */
  #tellRoom(): void {
    const { most: { records, bytes }, onRoom } = this.#options
    if (this.#open.size > 0 && (this.#open.size + this.#checkpoint.beyond.size > records / 2 || this.#bytes > bytes / 2)) return
    this.#full = false
    onRoom(this.partition)
  }

  #next(item: Item): void {
    const next = this.#lanes.shift(item.lane, item)
    if (next) this.#begin(next)
  }

  /** What must not be repeated over newer data must not be followed by a repeat of older data either, which would undo it for a while. */
  #begin(item: Item): void {
    const allCommitted = this.#version === this.#committedVersion && item.record.offset < this.#marksEnd
    if (neverRepeated(item) && !allCommitted) this.#afterCommit(item, () => this.#options.onReady(item))
    else this.#options.onReady(item)
  }

  #afterCommit(item: Item, goOn: () => void): void {
    this.#barriers.push({ item, version: this.#version, goOn })
    this.#options.onBarrier()
  }
}

function neverRepeated({ event }: Item): boolean {
  return event.kind === 'event' && NEVER_REPEATED.has(event.type)
}

function committedOneByOne({ event }: Item): boolean {
  return event.kind === 'event' && COMMITTED_ONE_BY_ONE.has(event.type)
}
