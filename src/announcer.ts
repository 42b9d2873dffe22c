import type { MonotonicClock } from './clock.ts'
import type { Logger } from './logger.ts'

/** What may stop or slow the sending. */
export interface Stop {
  readonly what: string
  /** Where there is one of it for each partition. */
  readonly partition?: number
  /** Where there is one of it for each API of Customer.io. */
  readonly api?: string
}

/** How it stands with a stop now. */
export interface StopState {
  readonly state: string
  /** Whether sending is stopped or slowed in this state. */
  readonly stops: boolean
  readonly message: string
  /** What makes it another one though the state is the same: a line of its own, too. */
  readonly cause?: string
  /** A line of its own level, where the operator has to do something. */
  readonly level?: 'error'
  readonly fields?: Readonly<Record<string, unknown>>
}

/**
 * One log line a change, for all that stops or slows sending, or would repeat itself as long as it lasts: a warning when it begins, and how long it lasted when it ends. Everything is
 * taken to run at first.
 */
export class Announcer {
  readonly #logger: Logger
  readonly #clock: MonotonicClock
  readonly #last = new Map<string, { readonly state: string; readonly stops: boolean; readonly since: number; readonly cause: string | undefined }>()

  constructor(logger: Logger, clock: MonotonicClock) {
    this.#logger = logger
    this.#clock = clock
  }

  /** @returns whether that is a change */
  say({ what, partition, api }: Stop, { state, stops, message, level, cause, fields }: StopState): boolean {
    const key = `${what} ${partition ?? api ?? ''}`
    const last = this.#last.get(key)
    if (last ? last.state === state && last.cause === cause : !stops) return false
    const now = this.#clock()
    this.#last.set(key, { state, stops, since: last?.state === state ? last.since : now, cause })
    const lasted = last?.stops && { lastedMs: Math.round(now - last.since) }
    // what is undefined is not printed
    this.#logger[level ?? (stops ? 'warn' : 'info')]({ what, partition, api, from: last?.state, to: state, ...lasted, cause, ...fields }, message)
    return true
  }
}
