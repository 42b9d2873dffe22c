/** What the queue needs to know of an entry: its partition's work, its place there, and since when it is ready (monotonic ms). */
export interface Placed {
  readonly work: object
  readonly record: { readonly offset: number }
  readonly readySince: number
}

/**
 * Events that could be sent now. Partitions take turns, so none starves; within a partition the lowest offset goes first, so that the
 * committed prefix follows closely: what a crash repeats is what lies beyond it. Pure.
 */
export class ReadyQueue<T extends Placed> {
  /** Those with entries, in the order of their turns from `#turn` on. */
  readonly #partitions: { readonly work: object; readonly entries: OffsetHeap<T> }[] = []
  readonly #byWork = new Map<object, OffsetHeap<T>>()
  #turn = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(entry: T): void {
    this.#size += 1
    let entries = this.#byWork.get(entry.work)
    if (!entries) {
      entries = new OffsetHeap()
      this.#byWork.set(entry.work, entries)
      // behind all others
      this.#partitions.splice(this.#turn, 0, { work: entry.work, entries })
      this.#turn += 1
      if (this.#turn === this.#partitions.length) this.#turn = 0
    }
    entries.push(entry)
  }

  /** What `shift` would take. */
  peek(): T | undefined {
    return this.#partitions[this.#turn]?.entries.first
  }

  shift(): T | undefined {
    const partition = this.#partitions[this.#turn]
    if (!partition) return undefined
    const entry = partition.entries.shift()
    if (partition.entries.first === undefined) {
      this.#partitions.splice(this.#turn, 1)
      this.#byWork.delete(partition.work)
    } else {
      this.#turn += 1
    }
    if (this.#turn >= this.#partitions.length) this.#turn = 0
    this.#size -= 1
    return entry
  }

  /** The one that has been ready for longest, wherever it stands. Looks at all of them. */
  longest(): T | undefined {
    let longest: T | undefined
    for (const { entries } of this.#partitions) {
      for (const entry of entries.all) if (!longest || entry.readySince < longest.readySince) longest = entry
    }
    return longest
  }

  /** Takes out an entry that is in it. */
  remove(entry: T): void {
    const at = this.#partitions.findIndex(({ work }) => work === entry.work)
    const entries = this.#byWork.get(entry.work)
    if (!entries) throw new Error('not in the queue')
    entries.remove(entry)
    this.#size -= 1
    if (entries.first !== undefined) return
    this.#partitions.splice(at, 1)
    this.#byWork.delete(entry.work)
    if (at < this.#turn) this.#turn -= 1
    if (this.#turn >= this.#partitions.length) this.#turn = 0
  }

  clear(): void {
    this.#partitions.length = 0
    this.#byWork.clear()
    this.#turn = 0
    this.#size = 0
  }
}

/** A binary heap, the lowest offset first: records come in order, retries and lanes that go on come anywhere. */
class OffsetHeap<T extends Placed> {
  readonly #entries: T[] = []

  get first(): T | undefined {
    return this.#entries[0]
  }

  get all(): readonly T[] {
    return this.#entries
  }

  remove(entry: T): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1)
    // what is in order is a heap
    this.#entries.sort((a, b) => a.record.offset - b.record.offset)
  }

  push(entry: T): void {
    const entries = this.#entries
    let at = entries.length
    entries.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = entries[parent] as T
      if (above.record.offset <= entry.record.offset) break
      entries[at] = above
      at = parent
    }
    entries[at] = entry
  }

  shift(): T | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= entries.length) break
      const right = child + 1
      if (right < entries.length && (entries[right] as T).record.offset < (entries[child] as T).record.offset) child = right
      const below = entries[child] as T
      if (below.record.offset >= last.record.offset) break
      entries[at] = below
      at = child
    }
    entries[at] = last
    return first
  }
}
