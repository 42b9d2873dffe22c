/**
 * How far one partition is done: which of its records are open, that is, without a final outcome. Pure; offsets are safe integers (2^53 records).
 *
 * Records are admitted in offset order (gaps are fine: compaction, control records) and resolved in any order. `position` is the offset to
 * commit: that of the first open record, or the end of what was admitted. Everything before `end` that is not open is done, so nothing is kept
 * of what is done: however far it runs ahead of the position, it costs nothing.
 */
export class Checkpoint {
  #end: number
  /** Open offsets in order, and among them resolved ones, as -1 - offset; the part before `#head` is done. Cut down when half of it is of no use. */
  #kept: number[] = []
  #head = 0
  /** Resolved ones behind `#head`. */
  #resolved = 0

  /** @param start the committed offset: the first that is not done */
  constructor(start: number) {
    this.#end = start
  }

  /** The offset to commit. */
  get position(): number {
    return this.#kept[this.#head] ?? this.#end
  }

  /** The offset after the last one seen. */
  get end(): number {
    return this.#end
  }

  /** Offsets that are open, in order. */
  * open(): Generator<number, void> {
    for (let index = this.#head; index < this.#kept.length; index += 1) {
      const offset = this.#kept[index] as number
      if (offset >= 0) yield offset
    }
  }

  /** @throws RangeError if `offset` is behind the end: the same record would count twice */
  admit(offset: number): void {
    if (offset < this.#end) throw new RangeError(`offset ${offset} is behind the end ${this.#end}`)
    this.#kept.push(offset)
    this.#end = offset + 1
  }

  /** Everything before `end` has been seen: what was not admitted does not exist, or was done before. */
  advance(end: number): void {
    if (end > this.#end) this.#end = end
  }

  /**
   * The record has its final outcome.
   * @throws RangeError if it was never admitted, or is resolved already
   */
  resolve(offset: number): void {
    const kept = this.#kept
    if (kept[this.#head] === offset) {
      this.#head += 1
      while (this.#resolved > 0 && (kept[this.#head] as number) < 0) {
        this.#head += 1
        this.#resolved -= 1
      }
    } else {
      kept[this.#indexOf(offset)] = -1 - offset
      this.#resolved += 1
    }
    const useless = this.#head + this.#resolved
    if (useless > 1024 && useless * 2 > kept.length) {
      this.#kept = [...this.open()]
      this.#head = 0
      this.#resolved = 0
    }
  }

  #indexOf(offset: number): number {
    let [low, high] = [this.#head, this.#kept.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.#kept[middle] as number
      if (found === offset) return middle
      if ((found < 0 ? -1 - found : found) < offset) low = middle + 1
      else high = middle - 1
    }
    throw new RangeError(`offset ${offset} is not open`)
  }
}
