import type { Item } from '../kafka/partition-work.ts'

/** Events that wait for their next attempt. */
export class Waiting {
  readonly #timers = new Map<Item, NodeJS.Timeout>()
  readonly #onDue: (item: Item) => void

  constructor(onDue: (item: Item) => void) {
    this.#onDue = onDue
  }

  get size(): number {
    return this.#timers.size
  }

  /** When the first one is due (monotonic ms); undefined if none waits. */
  get firstDueAt(): number | undefined {
    let first: number | undefined
    for (const { dueAt } of this.#timers.keys()) first = Math.min(first ?? dueAt, dueAt)
    return first
  }

  add(item: Item, ms: number): void {
    this.#timers.set(item, setTimeout(() => {
      this.#timers.delete(item)
      this.#onDue(item)
    }, Math.ceil(ms)))
  }

  /** @returns those that waited, and wait no more */
  clear(): Item[] {
    const items = [...this.#timers.keys()]
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    return items
  }
}
