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
  readonly #open = new Set<number>()

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

  /** @throws RangeError if `offset` is behind the end: the same record would count twice */
  admit(offset: number): void {
    if (offset < this.#end) throw new RangeError(`offset ${offset} is behind the end ${this.#end}`)
    this.#admitted.push(offset)
    this.#open.add(offset)
    this.#end = offset + 1
  }

  /** Everything before `end` has been seen: skips control records and compacted offsets behind the last admitted record. */
  advance(end: number): void {
    if (end > this.#end) this.#end = end
  }

  /**
   * The record has its final outcome.
   * @returns true if the prefix grew
   * @throws RangeError if it was never admitted, or is resolved already
   */
  resolve(offset: number): boolean {
    if (!this.#open.delete(offset)) throw new RangeError(`offset ${offset} is not open`)
    const before = this.#head
    while (this.#head < this.#admitted.length && !this.#open.has(this.#admitted[this.#head] as number)) this.#head += 1
    const grew = this.#head > before
    if (this.#head > 1024 && this.#head * 2 > this.#admitted.length) {
      this.#admitted = this.#admitted.slice(this.#head)
      this.#head = 0
    }
    return grew
  }
}
