import type { MonotonicClock } from '../clock.ts'

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
}

/** The operator's word: the limit divided by the most processes that ever run at once. */
export class FixedShare implements ShareSource {
  readonly name = 'fixed'
  readonly #slots: number
  readonly #usableFrom: number
  readonly #clock: MonotonicClock
  readonly #listeners: (() => void)[] = []

  /**
   * @param quarantineMs nothing is sent for so long after the start: what a predecessor in this place sent must have left the window,
   * that is latest arrival + window
   */
  constructor(options: { limit: number; divisor: number; quarantineMs: number; clock: MonotonicClock; after: (ms: number, run: () => void) => void }) {
    this.#slots = Math.floor(options.limit / options.divisor)
    this.#clock = options.clock
    this.#usableFrom = options.clock() + options.quarantineMs
    options.after(options.quarantineMs, () => { for (const listener of this.#listeners) listener() })
  }

  slots(): number {
    return this.#clock() >= this.#usableFrom ? this.#slots : 0
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }
}
