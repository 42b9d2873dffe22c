/** What the queue needs to know of an entry: its partition's work and its place there. */
export interface Placed {
  readonly work: object
  readonly record: { readonly offset: number }
}

/**
 * Events that could be sent now. Partitions take turns, so none starves; within a partition the lowest offset goes first, so that the
 * committed prefix follows closely: what a crash repeats is what lies beyond it. Pure.
 */
export class ReadyQueue<T extends Placed> {
  /** Entries by partition in descending order of offset; a partition moves to the end of the map when it had its turn. */
  readonly #turns = new Map<object, T[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  push(entry: T): void {
    this.#size += 1
    const entries = this.#turns.get(entry.work)
    if (!entries) {
      this.#turns.set(entry.work, [entry])
      return
    }
    const { offset } = entry.record
    let [low, high] = [0, entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((entries[middle] as T).record.offset > offset) low = middle + 1
      else high = middle
    }
    entries.splice(low, 0, entry)
  }

  shift(): T | undefined {
    const turn = this.#turns.entries().next()
    if (turn.done) return undefined
    const [work, entries] = turn.value
    this.#turns.delete(work)
    const entry = entries.pop()
    if (entries.length > 0) this.#turns.set(work, entries)
    this.#size -= 1
    return entry
  }

  clear(): void {
    this.#turns.clear()
    this.#size = 0
  }
}
