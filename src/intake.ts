import type { WallClock } from './clock.ts'
import type { Config } from './config.ts'
import { apiOf } from './delivery/operations.ts'
import { decodeEvent } from './event.ts'
import type { CustomerEvent, InvalidEvent } from './event.ts'
import type { Assignment, PartitionStart } from './kafka/client/membership.ts'
import { UNDECODABLE_HEADER } from './kafka/client/undecodable.ts'
import { LETTER_HEADERS } from './kafka/dead-letter.ts'
import { decodeDone, MOST_METADATA_BYTES } from './kafka/done-marks.ts'
import { lagOf } from './kafka/lag.ts'
import type { PartitionLag } from './kafka/lag.ts'
import { PartitionWork } from './kafka/partition-work.ts'
import type { Item, Memory, Progress } from './kafka/partition-work.ts'
import { headerText } from './kafka/record.ts'
import type { KafkaRecord } from './kafka/record.ts'

export interface IntakeOptions {
  readonly config: Pick<Config, 'PREFETCH_RECORDS' | 'PREFETCH_BYTES' | 'EVENT_ID_NAMESPACE' | 'APIS'>
  readonly onReady: (item: Item) => void
  readonly onBarrier: () => void
  readonly pause: (partition: number) => void
  readonly resume: (partition: number) => void
}

/** ms; long enough for half of the room to be done, and short, since it holds up the fetches of all partitions of the same broker. */
const ROOM_WAIT_MS = 250

/** The partitions that this process owns: takes their records, keeps what is pending bounded, and knows how far each is done. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #works = new Map<number, PartitionWork>()
  readonly #paused = new Set<number>()
  /** Those who wait for room, by partition; told `false` when there is none in time, or when the partition is given up. */
  readonly #roomWanted = new Map<number, (free: boolean) => void>()
  #memories = new Map<number, Memory>()
  #oldest = new Map<number, { oldest: number }>()
  #most = { records: 0, bytes: 0 }
  #mostMetadata = MOST_METADATA_BYTES
  skipped = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  get pausedPartitions(): number {
    return this.#paused.size
  }

  get pending(): { records: number; bytes: number } {
    let [records, bytes] = [0, 0]
    for (const work of this.#works.values()) {
      records += work.pending
      bytes += work.bytes
    }
    return { records, bytes }
  }

  partitions(): number[] {
    return [...this.#works.keys()]
  }

  /** A new assignment: what is remembered of partitions that went elsewhere is forgotten. */
  open(assignment: Assignment): void {
    const { config } = this.#options
    const owned = Math.max(1, assignment.partitions.length)
    this.#most = { records: Math.max(1, Math.floor(config.PREFETCH_RECORDS / owned)), bytes: Math.floor(config.PREFETCH_BYTES / owned) }
    for (const [partition, start] of assignment.starts) this.#begin(partition, start)
    this.#memories.clear()
  }

  /** The assignment is over: what is not done is forgotten but for the memory. */
  close(): void {
    this.#memories = new Map([...this.#works].map(([partition, work]) => [partition, work.memory()]))
    for (const work of this.#works.values()) work.close()
    this.#works.clear()
    this.#paused.clear()
    for (const tell of this.#roomWanted.values()) tell(false)
    this.#oldest.clear()
  }

  /** The topic was made anew: what is remembered is of other records. */
  forget(): void {
    this.#memories.clear()
  }

  position(partition: number): number | undefined {
    return this.#works.get(partition)?.position
  }

  /** Whether one more record can be taken. */
  hasRoom(partition: number): boolean {
    return this.#works.get(partition)?.hasRoom() ?? false
  }

  /**
   * Waits a moment for half of the room to be free: while events are done as fast as they come, that costs less than a pause of the partition, after
   * which a fetch may take `maxWaitTimeInMs` to begin.
   * @returns false if there is no room: then the partition is paused until there is
   */
  async room(partition: number): Promise<boolean> {
    const free = await new Promise<boolean>((resolve) => {
      const tell = (isFree: boolean): void => {
        clearTimeout(timer)
        this.#roomWanted.delete(partition)
        resolve(isFree)
      }
      const timer = setTimeout(() => tell(false), ROOM_WAIT_MS)
      this.#roomWanted.set(partition, tell)
    })
    if (free || !this.#works.has(partition)) return free
    if (this.hasRoom(partition)) return true
    this.#paused.add(partition)
    this.#options.pause(partition)
    return false
  }

  take(record: KafkaRecord): void {
    const work = this.#works.get(record.partition)
    if (!work) return
    if (work.skip(record.offset)) this.skipped += 1
    else work.take(record, this.#decode(record))
  }

  reached(partition: number, end: number): void {
    this.#works.get(partition)?.reached(end)
  }

  /** Reading goes on elsewhere: forward (what is pending stays), or backward (the topic was made anew: begin again). */
  jump(partition: number, to: number): void {
    const work = this.#works.get(partition)
    if (!work) return
    if (to >= work.position) {
      work.reached(to)
      return
    }
    work.close()
    this.#begin(partition, { position: to, lost: 0, metadata: null })
  }

  /** Somebody else may have committed for the partition (kafkajs does when an offset is out of range): commit again. */
  recommit(partition: number): void {
    this.#works.get(partition)?.recommit()
  }

  /** What has moved since the last commit. */
  progress(): Map<number, Progress> {
    const moved = new Map<number, Progress>()
    for (const [partition, work] of this.#works) {
      const progress = work.progress(this.#mostMetadata)
      if (progress) moved.set(partition, progress)
    }
    return moved
  }

  /** The broker takes less metadata with a commit than its default: half of it from now on. */
  shrinkMarks(): void {
    this.#mostMetadata = Math.floor(this.#mostMetadata / 2)
  }

  /** The broker acknowledged a commit. */
  committed(moved: ReadonlyMap<number, Progress>): void {
    for (const progress of moved.values()) progress.work.commitDone(progress)
  }

  /** @param ends offset after the last record, by partition */
  lags(ends: ReadonlyMap<number, { end: number }>, wall: WallClock): PartitionLag[] {
    const lags: PartitionLag[] = []
    for (const [partition, work] of this.#works) {
      const end = ends.get(partition)?.end
      if (end === undefined) continue
      const { oldest } = work
      const lag = lagOf(partition, work.done, end, oldest, wall(), this.#oldest.get(partition))
      // once caught up, the age of the last record says nothing of the next one
      if (lag.records === 0) this.#oldest.delete(partition)
      else if (oldest !== undefined && oldest > 0) this.#oldest.set(partition, { oldest })
      lags.push(lag)
    }
    return lags
  }

  readonly #onRoom = (partition: number): void => {
    this.#roomWanted.get(partition)?.(true)
    if (this.#paused.delete(partition)) this.#options.resume(partition)
  }

  #decode(record: KafkaRecord): CustomerEvent | InvalidEvent {
    const { APIS, EVENT_ID_NAMESPACE } = this.#options.config
    const undecodable = headerText(record, UNDECODABLE_HEADER)
    if (undecodable !== undefined) return { kind: 'invalid', reason: 'undecodable', message: undecodable }
    const event = decodeEvent(record, headerText(record, LETTER_HEADERS.eventId) || undefined, EVENT_ID_NAMESPACE)
    if (event.kind === 'invalid' || APIS.includes(apiOf(event.type))) return event
    return { kind: 'invalid', reason: 'type_not_delivered', message: `type: ${event.type} goes by the API "${apiOf(event.type)}", and APIS does not name it` }
  }

  /** What was done here beyond the commit is known from the memory too, even if the last commit failed; both count only from the committed offset on. */
  #begin(partition: number, { position, metadata }: PartitionStart): void {
    const { onReady, onBarrier } = this.#options
    const known = metadata === null ? undefined : this.#memories.get(partition)
    const marked = decodeDone(position, metadata)
    const memory: Memory = { done: known ? marked.with(known.done) : marked, attempts: known?.attempts ?? new Map() }
    const work = new PartitionWork({ partition, start: position, most: this.#most, memory, onReady, onBarrier, onRoom: this.#onRoom })
    this.#works.set(partition, work)
    // begins elsewhere than at a committed offset: from now on that is where a successor has to begin, even if nothing gets done
    if (metadata === null) work.recommit()
  }
}
