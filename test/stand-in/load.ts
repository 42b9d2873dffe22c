/**
 * How much arrived, by sliding windows. Every request counts, whatever becomes of it. Does no I/O and reads no clock; keeps what is in the
 * last window only.
 */
export class Load {
  readonly #windowMs: number
  readonly #times: number[] = []
  readonly #weights: number[] = []
  #first = 0
  #within = 0
  #most = 0

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** Enters what arrived at `at` (never less than in the call before). */
  add(at: number, weight: number): void {
    this.#times.push(at)
    this.#weights.push(weight)
    this.#within += weight
    // The fullest window can be slid to the left until it ends with an arrival, so looking at those windows is enough.
    this.#most = Math.max(this.#most, this.within(at))
  }

  /** What is in the half-open window that ends with `until`: all for which until < at + windowMs. `until` is never less than before. */
  within(until: number): number {
    while (this.#first < this.#times.length && this.#times[this.#first]! + this.#windowMs <= until) this.#within -= this.#weights[this.#first++]!
    // Now and then, so that it costs little for each.
    if (this.#first > 1024 && this.#first * 2 > this.#times.length) {
      this.#times.splice(0, this.#first)
      this.#weights.splice(0, this.#first)
      this.#first = 0
    }
    return this.#within
  }

  /** The most that any half-open window held. */
  most(): number {
    return this.#most
  }
}
