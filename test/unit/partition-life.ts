import { decodeEvent } from '../../src/event.ts'
import { PartitionWork } from '../../src/kafka/partition-work.ts'
import type { Item, Memory } from '../../src/kafka/partition-work.ts'
import type { KafkaRecord } from '../../src/kafka/record.ts'
import { json, recordOf, track } from './helpers.ts'

export interface Drawn {
  readonly person: string
  readonly type: string
  /** Offsets that do not exist in front of it. */
  readonly gap: number
}

const valueOf = ({ person, type }: Drawn): Buffer =>
  type === 'track' ? track(person) : type === 'bad' ? Buffer.from('{') : json({ type, userId: person })

/**
 * A partition that lives through takes, outcomes, failures, commits and rebalances that bring it back to the same process, with its own book
 * of what was done. The promises that a step broke are collected, not thrown: a callback must not upset the work under test.
 */
export class Life {
  readonly #topic: readonly KafkaRecord[]
  readonly #most: { records: number; bytes: number }
  readonly #broken: string[] = []
  #work: PartitionWork
  #ready: Item[] = []
  #committed = 0
  #lastBytes = 0
  /** Offsets that had an outcome at some time; and those whose repetition over newer data would do harm. */
  readonly #everDone = new Set<number>()
  readonly #barriers = new Set<number>()
  /** Of the present assignment: offsets taken, offsets done, failed attempts by offset. */
  #taken = new Set<number>()
  #done = new Set<number>()
  #attempts = new Map<number, number>()
  /** What must be known from the assignment before. */
  #known = { done: new Set<number>(), attempts: new Map<number, number>() }

  constructor(topic: readonly Drawn[], most: { records: number; bytes: number }) {
    let end = 0
    this.#topic = topic.map((drawn) => {
      const offset = end + drawn.gap
      end = offset + 1
      return recordOf({ offset, key: Buffer.from(drawn.person), value: valueOf(drawn) })
    })
    this.#most = most
    this.#work = this.#begin(undefined)
  }

  take(): void {
    const record = this.#topic.find(({ offset }) => offset >= this.#work.position)
    if (!record || !this.#work.hasRoom()) return
    const { offset } = record
    this.#taken.add(offset)
    if (this.#known.done.has(offset)) this.#done.add(offset)
    if (this.#known.attempts.has(offset)) this.#attempts.set(offset, this.#known.attempts.get(offset)!)
    const before = this.#work.bytes
    this.#work.take(record, decodeEvent(record, undefined, 'test'))
    this.#lastBytes = this.#work.bytes - before
  }

  settle(choice: number): void {
    const item = this.#ready[choice % this.#ready.length]
    if (!item) return
    const { event, record: { offset } } = item
    const delivered = event.kind === 'event' && choice % 5 > 0
    this.#ready = this.#ready.filter((one) => one !== item)
    this.#everDone.add(offset)
    this.#done.add(offset)
    this.#attempts.delete(offset)
    if (delivered && (event.type === 'suppress' || event.type === 'destroy')) this.#barriers.add(offset)
    else this.#barriers.delete(offset)
    this.#work.settle(item, delivered)
  }

  fail(choice: number): void {
    const item = this.#ready[choice % this.#ready.length]
    if (!item) return
    item.attempts += 1
    this.#attempts.set(item.record.offset, item.attempts)
  }

  commit(): void {
    this.#committed = Math.max(this.#committed, this.#work.progress)
    this.#work.commitDone(this.#committed)
  }

  rebalance(): void {
    const memory = this.#work.memory()
    const done = [...this.#done].filter((offset) => offset >= this.#work.progress && !this.#waitsForCommit(offset))
    this.#known = { done: new Set(done), attempts: this.#attempts }
    this.#ready = []
    this.#taken = new Set()
    this.#done = new Set()
    this.#attempts = new Map()
    this.#work = this.#begin(memory)
  }

  /** Takes, settles and commits for as long as it can be of use. */
  finish(): void {
    for (let moves = 0; moves < 3 * this.#topic.length; moves += 1) {
      this.take()
      this.settle(1)
      this.commit()
    }
  }

  left() {
    const { pending, bytes, progress, committed } = this.#work
    return { notDone: this.#topic.filter(({ offset }) => !this.#everDone.has(offset)).length, pending, bytes, uncommitted: progress - committed }
  }

  brokenPromises(): string[] {
    const { progress, pending, bytes } = this.#work
    for (const { offset } of this.#topic) {
      if (offset < progress && !this.#everDone.has(offset)) this.#broken.push(`${offset} could be committed without an outcome`)
      if (offset < progress && this.#taken.has(offset) && !this.#done.has(offset)) this.#broken.push(`${offset} could be committed though it is open`)
    }
    const remembered = [...this.#done].filter((offset) => offset >= progress).length
    if (pending + remembered > this.#most.records) this.#broken.push(`${pending} pending and ${remembered} done behind a gap, of ${this.#most.records}`)
    if (pending > 1 && bytes - this.#lastBytes >= this.#most.bytes) this.#broken.push(`${bytes} bytes of ${this.#most.bytes}`)
    return this.#broken
  }

  #begin(memory: Memory | undefined): PartitionWork {
    return new PartitionWork({ partition: 0, start: this.#committed, most: this.#most, memory, onReady: (item) => this.#onReady(item), onBarrier: () => {} })
  }

  #onReady(item: Item): void {
    const { offset, key } = item.record
    if (this.#ready.some(({ lane }) => lane === item.lane)) this.#broken.push(`${offset} is ready while another one of its lane is`)
    for (const ahead of this.#topic) {
      if (ahead.offset >= offset || !ahead.key!.equals(key!)) continue
      if (!this.#everDone.has(ahead.offset)) this.#broken.push(`${offset} is ready before ${ahead.offset} was done`)
      if (this.#waitsForCommit(ahead.offset)) this.#broken.push(`${offset} is ready before ${ahead.offset} was committed`)
    }
    if (this.#known.done.has(offset)) this.#broken.push(`${offset} is ready again though it was done`)
    if (item.attempts !== (this.#known.attempts.get(offset) ?? 0)) this.#broken.push(`${offset} begins with ${item.attempts} attempts`)
    this.#ready.push(item)
  }

  #waitsForCommit(offset: number): boolean {
    return this.#barriers.has(offset) && offset >= this.#committed
  }
}
