/** What the window says of one request. `retryAfterS` is a whole number of seconds, at least 1, fit for a Retry-After header. */
export type Admission = { admitted: true } | { admitted: false; retryAfterS: number }

/**
 * A strict sliding window: at no time do more than `limit` admitted requests lie within `windowMs` of each other, and a
 * request is refused only if it would be one too many. An admitted request counts from t up to, not including, t + windowMs.
 *
 * Customer.io does not document the shape of its window, nor whether a refused request uses it up. We picked the strictest
 * shape (a client that satisfies it satisfies every other), and refusals that cost nothing.
 */
export class SlidingWindow {
  readonly #windowMs: number
  // The last `limit` admissions, as a ring: the slot about to be overwritten holds the oldest of them. If even that one has
  // left the window, fewer than `limit` are in it.
  readonly #admittedAt: Float64Array
  #oldest = 0

  constructor(limit: number, windowMs: number) {
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`the limit must be a whole number from 1, not ${limit}`)
    if (!(windowMs > 0)) throw new RangeError(`the window must be a number of ms above 0, not ${windowMs}`)
    this.#windowMs = windowMs
    this.#admittedAt = new Float64Array(limit).fill(-Infinity)
  }

  /**
   * Decides on a request that arrives at `at` (ms; never less than in the call before) and counts as much as `weight` (from 1). One that
   * counts more than the limit can't ever be admitted; it is told to come again all the same.
   */
  admit(at: number, weight = 1): Admission {
    const size = this.#admittedAt.length
    // The slots are in order of time, so if the last of those needed is free, all are.
    const freeAt = weight > size ? at + this.#windowMs : this.#admittedAt[(this.#oldest + weight - 1) % size]! + this.#windowMs
    if (at < freeAt) return { admitted: false, retryAfterS: Math.max(1, Math.ceil((freeAt - at) / 1000)) }
    for (let slot = 0; slot < weight; slot++) this.#admittedAt[(this.#oldest + slot) % size] = at
    this.#oldest = (this.#oldest + weight) % size
    return { admitted: true }
  }
}
