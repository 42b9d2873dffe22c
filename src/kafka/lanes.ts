/**
 * One queue per person within a partition: lanes run side by side, a lane runs in order. Pure.
 * A lane exists while it has work, so memory follows what is pending, not how many people there are.
 */
export class Lanes<T extends object> {
  /** Most people have one event at a time: then it stands for its lane. */
  readonly #lanes = new Map<string, T | Queue<T>>()

  clear(): void {
    this.#lanes.clear()
  }

  get size(): number {
    return this.#lanes.size
  }

  /** @returns true if the item is its lane's head, so that work on it can begin */
  push(person: string, item: T): boolean {
    const lane = this.#lanes.get(person)
    if (lane === undefined) {
      this.#lanes.set(person, item)
      return true
    }
    if (lane instanceof Queue) lane.items.push(item)
    else this.#lanes.set(person, new Queue(lane, item))
    return false
  }

  /**
   * The head of the lane is done.
   * @returns the next head, or undefined if the lane is empty now
   * @throws RangeError if `item` is not the lane's head: order would be lost
   */
  shift(person: string, item: T): T | undefined {
    const lane = this.#lanes.get(person)
    const head = lane instanceof Queue ? lane.items[0] : lane
    if (head !== item) throw new RangeError('only the head of a lane can be done')
    if (lane instanceof Queue) {
      lane.items.shift()
      if (lane.items.length > 0) return lane.items[0]
    }
    this.#lanes.delete(person)
    return undefined
  }
}

class Queue<T> {
  readonly items: T[]

  constructor(...items: T[]) {
    this.items = items
  }
}
