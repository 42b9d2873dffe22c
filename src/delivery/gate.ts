import { backoffMs } from './backoff.ts'
import type { BackoffOptions } from './backoff.ts'

/** Least part of the slots that is used after repeated 429s. */
const SMALLEST_PART = 1 / 8
/** Part won back for each second without a 429: from a half to all in ten seconds. */
const RECOVERY_PER_SECOND = 0.05
/** A 429 within this time of the gate's opening is a repeated one: somebody else uses the workspace. */
const REPEATED_WITHIN_MS = 30_000

/**
 * The gate that a 429 closes. Pure: the caller gives the time (monotonic ms).
 *
 *   open ──429──► closed until Retry-After, else by backoff ──► open
 *
 * A repeated 429 halves the part of the slots that is used (down to an eighth); it grows back slowly while none comes.
 */
export class Gate {
  readonly #backoff: BackoffOptions
  #closedUntil = -Infinity
  #row = 0
  #part = 1
  #partAt = 0

  constructor(backoff: BackoffOptions) {
    this.#backoff = backoff
  }

  /** ms until the gate opens; 0 = open. */
  closedFor(now: number): number {
    return Math.max(0, this.#closedUntil - now)
  }

  /** Part of the owned slots to use, (0..1]. */
  part(now: number): number {
    if (this.#part < 1 && this.closedFor(now) === 0) {
      const since = Math.max(this.#partAt, this.#closedUntil)
      this.#part = Math.min(1, this.#part + (Math.max(0, now - since) / 1000) * RECOVERY_PER_SECOND)
      this.#partAt = now
    }
    return this.#part
  }

  /**
   * An answer 429 came.
   * @param retryAfter ms, if the server said so
   * @param random a number in [0, 1)
   */
  throttled(now: number, retryAfter: number | undefined, random: number): void {
    const part = this.part(now)
    const alreadyClosed = this.closedFor(now) > 0
    if (!alreadyClosed) {
      this.#row = now - this.#closedUntil <= REPEATED_WITHIN_MS ? this.#row + 1 : 1
      if (this.#row > 1) this.#part = Math.max(SMALLEST_PART, part / 2)
    }
    const wait = retryAfter ?? backoffMs(this.#row, this.#backoff, random)
    this.#closedUntil = Math.max(this.#closedUntil, now + wait)
    this.#partAt = now
  }
}
