/** At most `limit` uses in any minute: keeps a bad day that looks like bad events from draining the topic. Pure. */
export class Quota {
  readonly #limit: number
  readonly #uses: number[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Uses left at `now` (ms). */
  left(now: number): number {
    while (this.#uses.length > 0 && now - (this.#uses[0] as number) >= 60_000) this.#uses.shift()
    return this.#limit - this.#uses.length
  }

  /** @returns true, and counts the use, if there is one left at `now` (ms) */
  take(now: number): boolean {
    if (this.left(now) === 0) return false
    this.#uses.push(now)
    return true
  }
}
