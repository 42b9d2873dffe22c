import type { MonotonicClock } from '../clock.ts'

/** How a process fares with its slots now. */
export interface Demand {
  /** Slots that are in use, or were, less than a window before: what can't be given away now. */
  readonly held: number
  /** Slots that could be put to use. Infinity if every slot is in use and more is waiting. */
  readonly wanted: number
}

/**
 * Where a process's part of the limit comes from. The one rule that every source keeps: over all processes that may still send,
 * the sum of slots is never above the limit, at any instant. Chosen once at start-up, never changed at run time.
 */
export interface ShareSource {
  readonly name: string
  /** Slots that this process may use at this instant: requests in any window. */
  slots(): number
  /** Tells that `slots()` may have changed. */
  onChange(listener: () => void): void
  /** How the slots are used, for a source that hands spare ones over. */
  follow(demand: () => Demand): void
}

/** The operator's word: the limit divided by the most processes that ever run at once. */
export class FixedShare implements ShareSource {
  readonly name = 'fixed'
  readonly #limit: () => number
  readonly #divisor: number
  readonly #usableFrom: number
  readonly #clock: MonotonicClock
  readonly #listeners: (() => void)[] = []

  /**
   * @param limit as it is now; its owner calls `limitChanged` after a change
   * @param quarantineMs nothing is sent for so long after the start: what a predecessor in this place sent must have left the window,
   * that is latest arrival + window
   */
  constructor(options: { limit: () => number; divisor: number; quarantineMs: number; clock: MonotonicClock; after: (ms: number, run: () => void) => void }) {
    this.#limit = options.limit
    this.#divisor = options.divisor
    this.#clock = options.clock
    this.#usableFrom = options.clock() + options.quarantineMs
    options.after(options.quarantineMs, () => this.limitChanged())
  }

  slots(): number {
    return this.#clock() >= this.#usableFrom ? Math.floor(this.#limit() / this.#divisor) : 0
  }

  limitChanged(): void {
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Nothing can be handed over: nobody knows of the others. */
  follow(): void {}
}
