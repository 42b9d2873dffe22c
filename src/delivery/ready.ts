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
  readonly #partitions: { readonly work: object; readonly entries: ByOffset<T> }[] = []
  readonly #byWork = new Map<object, ByOffset<T>>()
  #turn = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(entry: T): void {
    this.#size += 1
    let entries = this.#byWork.get(entry.work)
    if (!entries) {
      entries = new ByOffset()
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

/** The lowest offset first. Records come in order, so most are added at the end; retries, and lanes that go on, anywhere. */
class ByOffset<T extends Placed> {
  #entries: (T | undefined)[] = []
  /** What is before it was taken: empty, and cut off now and then. */
  #head = 0

  get first(): T | undefined {
    return this.#entries[this.#head]
  }

  get all(): readonly T[] {
    return this.#entries.slice(this.#head) as T[]
  }

  push(entry: T): void {
    const entries = this.#entries
    const { offset } = entry.record
    const last = entries.at(-1)
    if (this.#head === entries.length || (last as T).record.offset <= offset) {
      entries.push(entry)
      return
    }
    let [low, high] = [this.#head, entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((entries[middle] as T).record.offset > offset) high = middle
      else low = middle + 1
    }
    entries.splice(low, 0, entry)
  }

  shift(): T | undefined {
    const entry = this.#entries[this.#head]
    if (entry === undefined) return undefined
    this.#entries[this.#head] = undefined
    this.#head += 1
    if (this.#head >= 1_024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return entry
  }

  remove(entry: T): void {
    this.#entries.splice(this.#entries.indexOf(entry, this.#head), 1)
  }
}
