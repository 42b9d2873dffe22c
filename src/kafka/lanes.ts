/**
 * One queue per person within a partition: lanes run side by side, a lane runs in order. Pure.
 * A lane exists while it has work, so memory follows what is pending, not how many people there are.
 */
export class Lanes<T> {
  readonly #lanes = new Map<string, T[]>()

  clear(): void {
    this.#lanes.clear()
  }

  get size(): number {
    return this.#lanes.size
  }

  /** @returns true if the item is its lane's head, so that work on it can begin */
  push(person: string, item: T): boolean {
    const lane = this.#lanes.get(person)
    if (lane) {
      lane.push(item)
      return false
    }
    this.#lanes.set(person, [item])
    return true
  }

  /**
   * The head of the lane is done.
   * @returns the next head, or undefined if the lane is empty now
   * @throws RangeError if `item` is not the lane's head: order would be lost
   */
  shift(person: string, item: T): T | undefined {
    const lane = this.#lanes.get(person)
    if (lane?.[0] !== item) throw new RangeError('only the head of a lane can be done')
    lane.shift()
    if (lane.length === 0) this.#lanes.delete(person)
    return lane[0]
  }
}
