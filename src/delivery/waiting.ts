import type { Batch } from './batch.ts'

/** Batches that wait for their next attempt: one timer each. */
export class Waiting {
  readonly #timers = new Map<Batch, NodeJS.Timeout>()
  readonly #onDue: (batch: Batch) => void
  #events = 0

  constructor(onDue: (batch: Batch) => void) {
    this.#onDue = onDue
  }

  /** Events that wait. */
  get size(): number {
    return this.#events
  }

  /** When the first one is due (monotonic ms); undefined if none waits. */
  get firstDueAt(): number | undefined {
    let first: number | undefined
    for (const { tally: { dueAt } } of this.#timers.keys()) first = Math.min(first ?? dueAt, dueAt)
    return first
  }

  add(batch: Batch, ms: number): void {
    this.#events += batch.items.length
    this.#timers.set(batch, setTimeout(() => {
      this.#timers.delete(batch)
      this.#events -= batch.items.length
      this.#onDue(batch)
    }, Math.ceil(ms)))
  }

  /** @returns those that waited, and wait no more */
  clear(): Batch[] {
    const batches = [...this.#timers.keys()]
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#events = 0
    return batches
  }
}
