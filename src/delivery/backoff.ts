export interface BackoffOptions {
  readonly baseMs: number
  readonly capMs: number
  /** Spread up and down, 0..1. */
  readonly jitter: number
}

/**
 * Wait before the next attempt, ms: doubles with each failed attempt up to the cap, then is spread by the jitter (never over the cap).
 * @param failures failed attempts so far, from 1
 * @param random a number in [0, 1)
 */
export function backoffMs(failures: number, options: BackoffOptions, random: number): number {
  const doubled = Math.min(options.capMs, options.baseMs * 2 ** Math.min(failures - 1, 52))
  return Math.min(options.capMs, doubled * (1 + options.jitter * (2 * random - 1)))
}

/**
 * The wait that a Retry-After header asks for, ms, within [0, capMs]; undefined if there is none or it can't be read.
 * @param header seconds, or an HTTP date
 * @param now ms since the epoch, for dates
 */
export function retryAfterMs(header: string | undefined, now: number, capMs: number): number | undefined {
  const text = header?.trim()
  if (!text) return undefined
  const ms = /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), capMs)
}
