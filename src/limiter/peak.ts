/** The most that a value was lately, within one to two halves before now: two peaks are enough to tell that. Pure. */
export class RecentPeak {
  readonly #halfMs: number
  #value = 0
  /** Of the half that runs, and of the one before. */
  #peaks: [number, number] = [0, 0]
  #half = 0

  /** @param halfMs length of one half, ms */
  constructor(halfMs: number) {
    this.#halfMs = halfMs
  }

  /** The value is another one from `now` on (ms, never less than in a call before). */
  note(value: number, now: number): void {
    this.at(now)
    this.#value = value
    this.#peaks[0] = Math.max(this.#peaks[0], value)
  }

  /** The most that the value was in the half that runs at `now` and in the one before. */
  at(now: number): number {
    const half = Math.floor(now / this.#halfMs)
    // a value stays until the next one is told: a half begins with what the one before ended with
    if (half > this.#half) this.#peaks = [this.#value, half === this.#half + 1 ? this.#peaks[0] : this.#value]
    this.#half = half
    return Math.max(...this.#peaks)
  }
}
