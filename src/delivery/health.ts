/** How long an attempt counts as "lately", ms, and how many are remembered. */
const LATELY_MS = 60_000
const REMEMBERED = 200

interface Outcome {
  readonly at: number
  /** Names the event; undefined: the account's own call. */
  readonly event: string | undefined
  /** Whose events stand in line behind it. */
  readonly lane: string | undefined
  readonly ok: boolean
}

/** Requests of others lately, and how many of them failed. */
export interface Others {
  readonly attempts: number
  readonly failed: number
}

/** How an endpoint has been doing lately. Pure: the caller gives the time. Bounded: a ring of attempts. */
export class Health {
  readonly #ring: Outcome[] = []

  record(at: number, event: string, lane: string, ok: boolean): void {
    this.#push({ at, event, lane, ok })
  }

  /** The account's own call: it may work while no event gets through, so it counts as another's attempt, but not in the failure ratio. */
  recordAccount(at: number, ok: boolean): void {
    this.#push({ at, event: undefined, lane: undefined, ok })
  }

  /** Attempts of others since the first one of `event`: what succeeded before says nothing of the time in which it failed. */
  others(now: number, event: string): Others {
    const since = this.#ring.findIndex((outcome) => outcome.event === event) + 1
    const lately = this.#ring.slice(since).filter((outcome) => outcome.event !== event && now - outcome.at <= LATELY_MS)
    return { attempts: lately.length, failed: lately.filter((outcome) => !outcome.ok).length }
  }

  /** Part of the last `count` attempts of events that failed; 0 while there are fewer, or while what failed is of fewer than `lanes` lanes. */
  failureRatio(count: number, lanes: number): number {
    const last = this.#ring.filter(({ event }) => event !== undefined).slice(-count)
    const failed = last.filter((outcome) => !outcome.ok)
    return last.length < count || new Set(failed.map(({ lane }) => lane)).size < lanes ? 0 : failed.length / count
  }

  #push(outcome: Outcome): void {
    this.#ring.push(outcome)
    if (this.#ring.length > REMEMBERED) this.#ring.shift()
  }
}
