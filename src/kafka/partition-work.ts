import { COMMITTED_ONE_BY_ONE, NEVER_REPEATED } from '../event.ts'
import type { CustomerEvent, InvalidEvent } from '../event.ts'
import { Checkpoint } from './checkpoint.ts'
import { Done, encodeDone } from './done-marks.ts'
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

/** What is known of records from the acknowledged commit on, for the time after a rebalance. */
export interface Memory {
  readonly done: Done
  /** By offset. */
  readonly attempts: ReadonlyMap<number, AttemptState>
}

/** How far a partition is, as it is committed. */
export interface Progress {
  readonly work: PartitionWork
  readonly offset: number
  /** What is done beyond it, in the form of done-marks.ts. */
  readonly metadata: string
  /** What is done from here on is not in the metadata. */
  readonly marksEnd: number
  /** Counts the outcomes, to tell whether something has moved. */
  readonly version: number
}

export interface PartitionWorkOptions {
  readonly partition: number
  /** First offset that is not done. */
  readonly start: number
  readonly most: { readonly records: number; readonly bytes: number }
  /** What is known from before. */
  readonly memory: Memory | undefined
  /** The item is at the head of its lane: work on it. */
  readonly onReady: (item: Item) => void
  /** A lane goes on only after a commit: commit soon. */
  readonly onBarrier: () => void
  /** There had been no room for a record, and half of it is free again. */
  readonly onRoom: (partition: number) => void
}

/** Goes on only after a commit that has everything done by `version`, up to the item. */
interface Barrier {
  readonly item: Item
  readonly version: number
  readonly goOn: () => void
}

/**
 * One partition while it is assigned: its lanes, its checkpoint, and the bound on what is pending.
 *
 * What is kept follows what is open, in records and bytes. What is done is known as all the rest, so it takes no room, however far it is ahead of
 * the position: one event that fails for an hour holds up nobody. What of it outlives a crash is bounded by the metadata of a commit.
 */
export class PartitionWork {
  readonly partition: number
  readonly #options: PartitionWorkOptions
  readonly #lanes = new Lanes<Item>()
  readonly #checkpoint: Checkpoint
  readonly #known: Memory | undefined
  readonly #open = new Map<number, Item>()
  #barriers: Barrier[] = []
  /** Done, and held all the same: their lanes go on only after a commit. */
  #held = 0
  #bytes = 0
  /** A record had no room, and half of the room has not been free since. */
  #full = false
  #version = 0
  #committedVersion = 0
  /** Offset of the last acknowledged commit. */
  #committed: number
  /** What is done from here on is not in the marks of that commit. */
  #marksEnd = Infinity
  #closed = false

  constructor(options: PartitionWorkOptions) {
    this.partition = options.partition
    this.#options = options
    this.#known = options.memory
    this.#committed = options.start
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
    const { metadata, end } = encodeDone(offset, this.#notDone(), this.#knownEnd, mostMetadata)
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

  /** Of the records that are held. */
  get bytes(): number {
    return this.#bytes
  }

  /** Timestamp (ms since the epoch) of the oldest record that is not done. */
  get oldest(): number | undefined {
    return this.#open.get(this.#checkpoint.position)?.record.timestamp
  }

  /** One record always fits. */
  hasRoom(): boolean {
    const { records, bytes } = this.#options.most
    const held = this.#open.size + this.#held
    const fits = held === 0 || (held < records && this.#bytes < bytes)
    if (!fits) this.#full = true
    return fits
  }

  /** @returns whether the record at `offset`, the next one, is known to be done. Then it counts as taken. */
  skip(offset: number): boolean {
    if (!this.#known?.done.has(offset)) return false
    this.#checkpoint.advance(offset + 1)
    // the commit that had it may have failed: what must not be repeated waits for the next one
    this.#version += 1
    return true
  }

  take(record: KafkaRecord, event: CustomerEvent | InvalidEvent): void {
    // offsets that do not exist may move the position, too
    if (record.offset > this.#checkpoint.end) this.reached(record.offset)
    this.#checkpoint.admit(record.offset)
    const known = this.#known?.attempts.get(record.offset)
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
    this.#version += 1
    this.#checkpoint.resolve(item.record.offset)
    this.#open.delete(item.record.offset)
    // a repeat of it would hit newer data, or send a message twice: the lane goes on only after the commit
    if ((delivered && neverRepeated(item)) || committedOneByOne(item)) {
      this.#held += 1
      this.#afterCommit(item, () => {
        this.#held -= 1
        this.#letGo(item)
      })
    } else {
      this.#letGo(item)
    }
  }

  /** The broker acknowledged a commit. */
  commitDone(progress: Progress): void {
    if (this.#closed) return
    this.#committedVersion = Math.max(this.#committedVersion, progress.version)
    this.#committed = progress.offset
    this.#marksEnd = progress.marksEnd
    const isPassed = ({ version, item }: Barrier): boolean => version <= progress.version && item.record.offset < progress.marksEnd
    const passed = this.#barriers.filter(isPassed)
    if (passed.length === 0) return
    this.#barriers = this.#barriers.filter((barrier) => !isPassed(barrier))
    for (const { goOn } of passed) goOn()
  }

  memory(): Memory {
    const { end } = this.#checkpoint
    const attempts = new Map([...this.#known?.attempts ?? []].filter(([offset]) => offset >= end))
    for (const { record, attempts: count, excused, firstFailureAt, lastFailureAt, dueAt } of this.#open.values()) {
      if (count > 0) attempts.set(record.offset, { attempts: count, excused, firstFailureAt, lastFailureAt, dueAt })
    }
    const open = new Set(this.#notDone())
    // a lane that waits for a commit must go on waiting: its head is rather done again, with nothing newer sent yet
    for (const { item } of this.#barriers) if (neverRepeated(item)) open.add(item.record.offset)
    return { done: new Done(this.#committed, [...open].toSorted((a, b) => a - b), this.#knownEnd), attempts }
  }

  /** Offsets in order: what is open, and of what is not taken yet what was not done before. The next commit must not say less than the last one. */
  * #notDone(): Generator<number, void> {
    yield* this.#checkpoint.open()
    for (const offset of this.#known?.done.open ?? []) if (offset >= this.#checkpoint.end) yield offset
  }

  /** Nothing is known of what is from here on. */
  get #knownEnd(): number {
    return Math.max(this.#checkpoint.end, this.#known?.done.end ?? 0)
  }

  /** Not for each record that has room again, or there would be a fetch for each. */
  #tellRoom(): void {
    const { most: { records, bytes }, onRoom } = this.#options
    const held = this.#open.size + this.#held
    if (held > 0 && (held > records / 2 || this.#bytes > bytes / 2)) return
    this.#full = false
    onRoom(this.partition)
  }

  /** The record is held no more, and its lane goes on. */
  #letGo(item: Item): void {
    this.#bytes -= item.bytes
    if (this.#full) this.#tellRoom()
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
