import { decodeEvent } from '../../src/event.ts'
import { decodeDone, Done } from '../../src/kafka/done-marks.ts'
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
 * A partition that lives through takes, outcomes, failures, commits (acknowledged, lost, or acknowledged in vain), rebalances that bring it back
 * to the same process, and crashes, with its own book of what was done. The promises that a step broke are collected, not thrown: a callback
 * must not upset the work under test.
 */
export class Life {
  readonly #topic: readonly KafkaRecord[]
  readonly #most: { records: number; bytes: number; metadata: number }
  readonly #broken: string[] = []
  #work: PartitionWork
  #ready: Item[] = []
  #lastBytes = 0
  /** What the broker has. */
  #committed = { offset: 0, metadata: '', marks: new Done(0, [], 0) }
  /** Offsets that had an outcome at some time; and those whose repetition over newer data would do harm. */
  readonly #everDone = new Set<number>()
  readonly #barriers = new Set<number>()
  /** Of the present assignment: offsets taken, offsets done, failed attempts by offset. */
  #taken = new Set<number>()
  #done = new Set<number>()
  #attempts = new Map<number, number>()
  /** What must be known from before. */
  #known = { done: new Set<number>(), attempts: new Map<number, number>() }

  /** @param most.metadata bytes that the broker takes with a commit */
  constructor(topic: readonly Drawn[], most: { records: number; bytes: number; metadata: number }) {
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
    if (!this.#work.skip(offset)) this.#work.take(record, decodeEvent(record, undefined, 'test'))
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
    if (delivered && neverRepeated(item)) this.#barriers.add(offset)
    else this.#barriers.delete(offset)
    this.#work.settle(item, delivered)
  }

  fail(choice: number): void {
    const item = this.#ready[choice % this.#ready.length]
    if (!item) return
    item.attempts += 1
    this.#attempts.set(item.record.offset, item.attempts)
  }

  /** One commit in four does not get to the broker, and the answer to another one is lost. */
  commit(choice: number): void {
    const progress = this.#work.progress(this.#most.metadata)
    if (!progress || choice % 4 === 0) return
    const { offset, metadata } = progress
    const before = this.#topic.filter((record) => this.#brokerHas(record.offset))
    this.#committed = { offset, metadata, marks: decodeDone(offset, metadata) }
    for (const record of before) if (!this.#brokerHas(record.offset)) this.#broken.push(`${record.offset} was committed, and is no more`)
    if (choice % 4 > 1) this.#work.commitDone(progress)
  }

  rebalance(): void {
    const memory = this.#work.memory()
    // what waits for its commit is rather done again than known: its lane must go on waiting
    const done = [...this.#done].filter((offset) => offset >= this.#committed.offset && (this.#brokerHas(offset) || !this.#barriers.has(offset)))
    // what was not taken again since the last rebalance is still known
    const notTaken = <T>([...all]: Iterable<T>, offsetOf: (one: T) => number): T[] => all.filter((one) => offsetOf(one) >= this.#work.position)
    this.#restart({ done: this.#committed.marks.with(memory.done), attempts: memory.attempts }, {
      done: new Set([...done, ...notTaken(this.#known.done, (offset) => offset)]).union(this.#marked()),
      attempts: new Map([...this.#attempts, ...notTaken(this.#known.attempts, ([offset]) => offset)]),
    })
  }

  /** Another process goes on, with what the broker has. */
  crash(): void {
    this.#restart({ done: this.#committed.marks, attempts: new Map() }, { done: this.#marked(), attempts: new Map() })
  }

  /** Takes, settles and commits for as long as it can be of use. */
  finish(): void {
    for (let moves = 0; moves < 4 * this.#topic.length; moves += 1) {
      this.take()
      this.settle(1)
      this.commit(2)
    }
  }

  left() {
    const { pending, bytes, position } = this.#work
    return {
      notDone: this.#topic.filter(({ offset }) => !this.#everDone.has(offset)).length, pending, bytes,
      uncommitted: position - this.#committed.offset, toCommit: this.#work.progress(),
    }
  }

  brokenPromises(): string[] {
    const { done, pending, bytes } = this.#work
    for (const { offset } of this.#topic) {
      if (this.#everDone.has(offset)) continue
      if (offset < done) this.#broken.push(`${offset} counts as done without an outcome`)
      if (this.#brokerHas(offset)) this.#broken.push(`${offset} was committed without an outcome`)
    }
    for (const offset of this.#taken) if (offset < done && !this.#done.has(offset)) this.#broken.push(`${offset} counts as done though it is open`)
    if (pending > this.#most.records) this.#broken.push(`${pending} pending of ${this.#most.records}`)
    if (pending > 1 && bytes - this.#lastBytes >= this.#most.bytes) this.#broken.push(`${bytes} bytes of ${this.#most.bytes}`)
    return this.#broken
  }

  #restart(memory: Memory, known: { done: Set<number>; attempts: Map<number, number> }): void {
    this.#known = known
    this.#ready = []
    this.#taken = new Set()
    this.#done = new Set()
    this.#attempts = new Map()
    this.#work = this.#begin(memory)
  }

  #begin(memory: Memory | undefined): PartitionWork {
    const start = this.#committed.offset
    return new PartitionWork({ partition: 0, start, most: this.#most, memory, onReady: (item) => this.#onReady(item), onBarrier: () => {}, onRoom: () => {} })
  }

  #onReady(item: Item): void {
    const { offset, key } = item.record
    if (this.#ready.some(({ lane }) => lane === item.lane)) this.#broken.push(`${offset} is ready while another one of its lane is`)
    for (const ahead of this.#topic) {
      if (ahead.offset >= offset || !ahead.key!.equals(key!)) continue
      if (!this.#everDone.has(ahead.offset)) this.#broken.push(`${offset} is ready before ${ahead.offset} was done`)
      const mustNotFollow = this.#barriers.has(ahead.offset) || neverRepeated(item)
      if (mustNotFollow && !this.#brokerHas(ahead.offset)) this.#broken.push(`${offset} is ready before ${ahead.offset} was committed`)
    }
    if (this.#brokerHas(offset)) this.#broken.push(`${offset} is ready again though it was committed`)
    if (this.#known.done.has(offset)) this.#broken.push(`${offset} is ready again though it was done`)
    if (item.attempts !== (this.#known.attempts.get(offset) ?? 0)) this.#broken.push(`${offset} begins with ${item.attempts} attempts`)
    this.#ready.push(item)
  }

  #marked(): Set<number> {
    return new Set(this.#topic.map(({ offset }) => offset).filter((offset) => this.#committed.marks.has(offset)))
  }

  #brokerHas(offset: number): boolean {
    return offset < this.#committed.offset || this.#committed.marks.has(offset)
  }
}

const neverRepeated = ({ event }: Item): boolean => event.kind === 'event' && (event.type === 'suppress' || event.type === 'destroy')
