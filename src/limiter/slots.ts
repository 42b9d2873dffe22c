/** How a request ended, for the slots that it used. */
export interface SlotUse {
  /** false: no answer came, so the request may still arrive until `sentAt` + latest arrival. */
  readonly answered: boolean
  readonly sentAt: number
}

export interface SlotTimes {
  /** ms in which the limit counts, margin included. */
  readonly windowMs: number
  /** ms after sending at which a request without an answer could still arrive, margin included. */
  readonly latestArrivalMs: number
}

/**
 * The slots of one process that are in use. Pure; monotonic ms. A slot is held from the sending of a request until one window after its response:
 *
 *   arrival2 >= send2 >= response1 + W >= arrival1 + W
 *
 * so no window of length W at the server holds two requests of one slot, whatever the latency and without a common clock. A request
 * that had no answer holds its slot until it can't arrive any more, plus W.
 */
export class Slots {
  readonly #times: SlotTimes
  #held = 0

  constructor(times: SlotTimes) {
    this.#times = times
  }

  /** Slots in use, or not yet for one window out of use. */
  get held(): number {
    return this.#held
  }

  /** @returns whether `count` slots were free, of `usable` in all: then they are held */
  take(usable: number, count = 1): boolean {
    if (this.#held + count > usable) return false
    this.#held += count
    return true
  }

  /**
   * A request that held slots has ended.
   * @returns ms from now until it can't arrive any more, and until its slots are to be given back by `giveBack`
   */
  ended({ answered, sentAt }: SlotUse, now: number): { quietMs: number; freeMs: number } {
    const quietMs = answered ? 0 : Math.max(0, sentAt + this.#times.latestArrivalMs - now)
    return { quietMs, freeMs: quietMs + this.#times.windowMs }
  }

  giveBack(count = 1): void {
    this.#held -= count
  }
}
