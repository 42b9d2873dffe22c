import { backoffMs } from './backoff.ts'
import type { BackoffOptions } from './backoff.ts'
import type { Others } from './health.ts'
import type { Verdict } from './verdict.ts'

/** Reasons of dead letters that are given after an attempt: stable codes, an interface (docs/dead-letters.md). */
export const GIVEN_UP_REASONS = ['rejected', 'exhausted', 'forbidden', 'unconfirmed'] as const

/** What to do with an event after an attempt. */
export type Decision =
  | Outcome
  /** Too few others to tell whether it is the event or the day: ask the account, then decide by `afterAsking`. */
  | { readonly kind: 'ask' }

export type Outcome =
  | { readonly kind: 'delivered' }
  /** One of several events that were sent together may be to blame: each half is sent by itself. */
  | { readonly kind: 'halve'; readonly afterMs: number; readonly cause: string }
  /** `badDay`: others fail too, so what failed up to now does not count against the event. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly cause: string; readonly badDay: boolean }
  | { readonly kind: 'dead-letter'; readonly reason: typeof GIVEN_UP_REASONS[number]; readonly message: string }

export interface PolicyOptions extends BackoffOptions {
  readonly retries: number
  /** A request that may have arrived, though no answer came: `dead-letter` where a repeat would be seen by people (a message sent twice). */
  readonly unconfirmed: 'retry' | 'dead-letter'
}

export interface Evidence {
  /** Whether several events were sent together: then nothing tells whose fault it is. */
  readonly together: boolean
  /** They are a part of a batch that failed before. */
  readonly parted: boolean
  /** Failed attempts of this event (or of these together), this one included. */
  readonly attempts: number
  /** Those of them that count against it: all since a bad day was last seen. */
  readonly failures: number
  /** Requests of others lately, the account's own call among them. */
  readonly others: Others
  /** Takes one of the dead letters that may be written for exhausted and forbidden events; false if there is none left. */
  readonly takeQuota: () => boolean
}

/** More of the others' requests than this part fail: it is the day. */
const MOST_FAILED = 0.1
/**
 * With fewer others nothing is given up. By chance alone 5 attempts fail while 18 of 20 others succeed for less than one event in 10,000,
 * whatever part of all requests fails; with 200 others for one in 100,000.
 */
const ENOUGH_OTHERS = 20

/**
 * Events that fail together though others succeed are tried so often before they are parted: a failure by chance then costs one request, not two.
 * Of a part it is expected that one half fails.
 */
const TRIES_TOGETHER = { whole: 2, part: 1 }

/** A breaker that is not closed has seen the others fail. */
export const ALL_FAIL: Others = { attempts: ENOUGH_OTHERS, failed: ENOUGH_OTHERS }

/**
 * A dead letter is for a bad event, never for a bad day. Pure.
 * @param random a number in [0, 1)
 */
export function decide(verdict: Verdict, evidence: Evidence, options: PolicyOptions, random: number): Decision {
  switch (verdict.kind) {
    case 'accepted': return { kind: 'delivered' }
    case 'partly': throw new Error('each operation that failed has a verdict of its own')
    case 'throttled': return { kind: 'retry', afterMs: 0, cause: 'throttled', badDay: false }
    case 'rejected': return evidence.together ? { kind: 'halve', afterMs: 0, cause: 'rejected' } : { kind: 'dead-letter', reason: 'rejected', message: verdict.message }
    case 'unauthorised': return { kind: 'ask' }
    case 'unavailable': {
      if (!verdict.answered && options.unconfirmed === 'dead-letter') {
        return { kind: 'dead-letter', reason: 'unconfirmed', message: `${verdict.cause}: it may have been sent` }
      }
      if (isBadDay(evidence.others)) return waitForBetter(verdict, evidence, options, random)
      if (evidence.together) return tryTogether(verdict, evidence, options, random)
      if (evidence.failures <= options.retries) return tryAgain(verdict, evidence, options, random)
      return evidence.others.attempts < ENOUGH_OTHERS ? { kind: 'ask' } : giveUp('exhausted', verdict.cause, evidence, options)
    }
  }
}

/**
 * After the account's own call: if that works, the event may be the fault; else the day is.
 * @param verdict the attempt's
 * @param account the verdict on the account's own call
 * @param asked how often the account has been asked because of this attempt
 */
export function afterAsking(verdict: Verdict, account: Verdict, asked: number, evidence: Evidence, options: PolicyOptions, random: number): Decision {
  if (account.kind === 'unauthorised') return { kind: 'retry', afterMs: 0, cause: 'credentials_refused', badDay: true }
  switch (verdict.kind) {
    case 'unauthorised': {
      if (account.kind !== 'accepted') return { ...tryAgain(verdict, evidence, options, random), cause: 'unauthorised', badDay: true }
      if (evidence.together) return tryTogether(verdict, evidence, options, random)
      // the credentials may have begun to work in between, so it is tried as often as what fails
      if (evidence.failures <= options.retries) return tryAgain(verdict, evidence, options, random)
      return giveUp('forbidden', `status ${verdict.status} though the credentials work`, evidence, options)
    }
    case 'unavailable': {
      if (account.kind !== 'accepted' || isBadDay(evidence.others)) return waitForBetter(verdict, evidence, options, random)
      // with few slots the calls may be too far apart to be many at a time
      if (evidence.others.attempts < ENOUGH_OTHERS && asked < ENOUGH_OTHERS) return { kind: 'ask' }
      return giveUp('exhausted', verdict.cause, evidence, options)
    }
    case 'accepted':
    case 'partly':
    case 'throttled':
    case 'rejected': throw new Error(`nothing to ask about: ${verdict.kind}`)
  }
}

/** So many of the others failed that even more of them, all good, would not make it a good day. */
function isBadDay({ attempts, failed }: Others): boolean {
  return failed > Math.max(attempts, ENOUGH_OTHERS) * MOST_FAILED
}

function tryAgain(verdict: Doubtful, { attempts }: Evidence, options: PolicyOptions, random: number): Retry {
  return { kind: 'retry', afterMs: backoffMs(attempts, options, random), cause: causeOf(verdict), badDay: false }
}

function tryTogether(verdict: Doubtful, evidence: Evidence, options: PolicyOptions, random: number): Outcome {
  const again = tryAgain(verdict, evidence, options, random)
  return evidence.failures < TRIES_TOGETHER[evidence.parted ? 'part' : 'whole'] ? again : { kind: 'halve', afterMs: again.afterMs, cause: again.cause }
}

function waitForBetter(verdict: Doubtful, evidence: Evidence, options: PolicyOptions, random: number): Retry {
  const again = tryAgain(verdict, evidence, options, random)
  return evidence.attempts > options.retries ? { ...again, afterMs: options.capMs, cause: 'bad_day', badDay: true } : { ...again, badDay: true }
}

function giveUp(reason: 'exhausted' | 'forbidden', message: string, evidence: Evidence, options: PolicyOptions): Outcome {
  if (evidence.takeQuota()) return { kind: 'dead-letter', reason, message }
  return { kind: 'retry', afterMs: options.capMs, cause: 'quota', badDay: false }
}

type Retry = Extract<Outcome, { kind: 'retry' }>

/** What may be the event's fault or the day's. */
type Doubtful = Extract<Verdict, { kind: 'unavailable' | 'unauthorised' }>

function causeOf(verdict: Doubtful): string {
  if (verdict.kind === 'unavailable' && verdict.status === undefined) return verdict.cause === 'timeout' ? 'timeout' : 'network'
  return `status_${verdict.status}`
}
