/**
 * How far one partition is done: the contiguous prefix of final outcomes. Pure; offsets are safe integers (2^53 records).
 *
 * Records are admitted in offset order (gaps are fine: compaction, control records) and resolved in any order. `position` is the
 * offset to commit: that of the first admitted record that is not resolved, or the end of what was admitted.
 */
export class Checkpoint {
  #end: number
  /** Admitted offsets in order; the part before `#head` is done and cut off now and then. */
  #admitted: number[] = []
  #head = 0
  /** Resolved, but not all before it are. */
  readonly #beyond = new Set<number>()

  /** @param start the committed offset: the first that is not done */
  constructor(start: number) {
    this.#end = start
  }

  /** The offset to commit. */
  get position(): number {
    return this.#admitted[this.#head] ?? this.#end
  }

  /** The offset after the last one seen. */
  get end(): number {
    return this.#end
  }

  /** What is resolved beyond the position. */
  get beyond(): ReadonlySet<number> {
    return this.#beyond
  }

  /** @throws RangeError if `offset` is behind the end: the same record would count twice */
  admit(offset: number): void {
    if (offset < this.#end) throw new RangeError(`offset ${offset} is behind the end ${this.#end}`)
    this.#admitted.push(offset)
    this.#end = offset + 1
  }

  /** Everything before `end` has been seen: skips control records and compacted offsets behind the last admitted record. */
  advance(end: number): void {
    if (end > this.#end) this.#end = end
  }

  /**
   * The record has its final outcome.
   * @param grown gets the offsets by which the prefix grew, in order
   * @throws RangeError if it was never admitted, or is resolved already
   */
  resolve(offset: number, grown?: number[]): void {
    const admitted = this.#admitted
    if (admitted[this.#head] !== offset) {
      if (this.#beyond.has(offset) || !this.#isAdmitted(offset)) throw new RangeError(`offset ${offset} is not open`)
      this.#beyond.add(offset)
      return
    }
    let next: number | undefined = offset
    do {
      grown?.push(next)
      this.#head += 1
      next = admitted[this.#head]
    } while (next !== undefined && this.#beyond.size > 0 && this.#beyond.delete(next))
    if (this.#head > 1024 && this.#head * 2 > admitted.length) {
      this.#admitted = admitted.slice(this.#head)
      this.#head = 0
    }
  }

  /** Whether `offset` was admitted and lies behind the position. */
  #isAdmitted(offset: number): boolean {
    let [low, high] = [this.#head + 1, this.#admitted.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.#admitted[middle] as number
      if (found === offset) return true
      if (found < offset) low = middle + 1
      else high = middle - 1
    }
    return false
  }
}
