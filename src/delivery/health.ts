/** How long an attempt counts as "lately", ms, and how many are remembered. */
const LATELY_MS = 60_000
const REMEMBERED = 200

interface Outcome {
  readonly at: number
  /** Names the event. */
  readonly event: string
  readonly ok: boolean
}

/** How an endpoint has been doing lately. Pure: the caller gives the time. Bounded: a ring of attempts. */
export class Health {
  readonly #ring: Outcome[] = []

  record(at: number, event: string, ok: boolean): void {
    this.#ring.push({ at, event, ok })
    if (this.#ring.length > REMEMBERED) this.#ring.shift()
  }

  /**
   * Attempts of other events lately, and the part of them that succeeded (NaN if none). Only those since the first attempt of `event`
   * count: what succeeded before says nothing of the time in which it failed.
   */
  others(now: number, event: string): { attempts: number; successRatio: number } {
    const since = this.#ring.findIndex((outcome) => outcome.event === event) + 1
    const lately = this.#ring.slice(since).filter((outcome) => outcome.event !== event && now - outcome.at <= LATELY_MS)
    return { attempts: lately.length, successRatio: lately.filter((outcome) => outcome.ok).length / lately.length }
  }

  /** Part of the last `count` attempts that failed; 0 while there are fewer. */
  failureRatio(count: number): number {
    if (this.#ring.length < count) return 0
    return this.#ring.slice(-count).filter((outcome) => !outcome.ok).length / count
  }
}
