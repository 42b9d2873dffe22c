/**
 * Whether this process may still act for its partitions. Pure; monotonic ms.
 *
 *   shut ──heartbeat of this generation acknowledged──► open until its sending + fence ──(no newer one)──► shut
 *
 * An acknowledged heartbeat proves ownership from the moment at which it was sent, not at which its answer came.
 */
export class Fence {
  readonly #lengthMs: number
  #until = -Infinity

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs
  }

  acknowledged(sentAt: number): void {
    this.#until = Math.max(this.#until, sentAt + this.#lengthMs)
  }

  isOpen(now: number): boolean {
    return now < this.#until
  }

  /** A new generation: what the old one proved counts no more. */
  shut(): void {
    this.#until = -Infinity
  }
}
