import { backoffMs } from './backoff.ts'
import type { BackoffOptions } from './backoff.ts'
import type { Verdict } from './verdict.ts'

/** Reasons of dead letters that are given after an attempt: stable codes, an interface (docs/dead-letters.md). */
export const GIVEN_UP_REASONS = ['rejected', 'exhausted', 'forbidden'] as const

/** What to do with an event after an attempt. */
export type Decision =
  | Outcome
  /** Nobody else's attempt tells whether it is the event or the day: ask the account, then decide by `afterAsking`. */
  | { readonly kind: 'ask' }

export type Outcome =
  | { readonly kind: 'delivered' }
  /** `counted`: the attempt was the event's own, not a matter of the limit or the credentials. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly cause: string; readonly counted: boolean }
  | { readonly kind: 'dead-letter'; readonly reason: typeof GIVEN_UP_REASONS[number]; readonly message: string }

export interface PolicyOptions extends BackoffOptions {
  readonly retries: number
}

export interface Evidence {
  /** Failed attempts of this event, this one included. */
  readonly failures: number
  /** Attempts of other events lately, and the part of them that succeeded. */
  readonly others: { readonly attempts: number; readonly successRatio: number }
  /** Takes one of the dead letters that may be written for exhausted and forbidden events; false if there is none left. */
  readonly takeQuota: () => boolean
}

/** An endpoint works if at least so many of the other events' attempts succeed. */
const WORKS = 0.9

/**
 * A dead letter is for a bad event, never for a bad day. Pure.
 * @param random a number in [0, 1)
 */
export function decide(verdict: Verdict, evidence: Evidence, options: PolicyOptions, random: number): Decision {
  switch (verdict.kind) {
    case 'accepted': return { kind: 'delivered' }
    case 'throttled': return { kind: 'retry', afterMs: 0, cause: 'throttled', counted: false }
    case 'rejected': return { kind: 'dead-letter', reason: 'rejected', message: verdict.message }
    case 'unauthorised': return { kind: 'ask' }
    case 'unavailable': {
      if (evidence.failures <= options.retries) return { kind: 'retry', afterMs: backoffMs(evidence.failures, options, random), cause: causeOf(verdict), counted: true }
      if (evidence.others.attempts === 0) return { kind: 'ask' }
      if (evidence.others.successRatio >= WORKS && evidence.takeQuota()) return { kind: 'dead-letter', reason: 'exhausted', message: verdict.cause }
      return { kind: 'retry', afterMs: options.capMs, cause: 'bad_day', counted: true }
    }
  }
}

/**
 * After the account's own call: if that works, the event is the fault; else the day is.
 * @param verdict the attempt's
 * @param account the verdict on the account's own call
 */
export function afterAsking(verdict: Verdict, account: Verdict, evidence: Evidence, options: PolicyOptions, random: number): Outcome {
  if (account.kind === 'accepted') {
    if (!evidence.takeQuota()) return { kind: 'retry', afterMs: options.capMs, cause: 'quota', counted: verdict.kind === 'unavailable' }
    if (verdict.kind === 'unauthorised') return { kind: 'dead-letter', reason: 'forbidden', message: `status ${verdict.status} though the credentials work` }
    if (verdict.kind === 'unavailable') return { kind: 'dead-letter', reason: 'exhausted', message: verdict.cause }
  }
  if (account.kind === 'unauthorised') return { kind: 'retry', afterMs: 0, cause: 'credentials_refused', counted: false }
  if (verdict.kind === 'unauthorised') return { kind: 'retry', afterMs: backoffMs(evidence.failures, options, random), cause: 'unauthorised', counted: false }
  return { kind: 'retry', afterMs: options.capMs, cause: 'bad_day', counted: true }
}

function causeOf(verdict: Extract<Verdict, { kind: 'unavailable' }>): string {
  if (verdict.status !== undefined) return `status_${verdict.status}`
  return verdict.cause === 'timeout' ? 'timeout' : 'network'
}
