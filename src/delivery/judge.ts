import type { MonotonicClock, WallClock } from '../clock.ts'
import type { Account } from './account.ts'
import { countFailure } from './batch.ts'
import type { Batch } from './batch.ts'
import type { Breaker } from './breaker.ts'
import type { Health } from './health.ts'
import { afterAsking, ALL_FAIL, decide } from './policy.ts'
import type { Decision, Evidence, Outcome, PolicyOptions } from './policy.ts'
import type { Quota } from './quota.ts'
import type { Verdict } from './verdict.ts'

/** Attempts that the breaker looks back on, and the part of them that must have failed for it to open. */
const BREAKER_ATTEMPTS = 20
const BREAKER_FAILED = 0.9
/** Of so many people at least: when hardly anybody else is there, one person's bad events alone would hold up everybody. */
const BREAKER_LANES = 3

export interface JudgeOptions {
  readonly account: Account
  readonly health: Health
  readonly breaker: Breaker
  readonly quota: Quota
  readonly policy: PolicyOptions
  readonly clock: MonotonicClock
  readonly wall: WallClock
  readonly random: () => number
}

/** One attempt that is to be judged. */
export interface Attempted {
  readonly batch: Batch
  readonly verdict: Verdict
  /** Those that it was made with, see account.ts. */
  readonly credentials: number
  /** Whether the events are still this process's business. */
  readonly stillOurs: () => boolean
}

/** From the verdict on an attempt to what becomes of its events: remembers how all fare, asks the account where that does not tell enough. */
export class Judge {
  readonly #options: JudgeOptions

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /** Takes note of an attempt: for its events, for the others, for the breaker. */
  note({ batch, verdict }: Attempted): void {
    const { health, breaker, clock, random } = this.#options
    const now = clock()
    switch (verdict.kind) {
      case 'unavailable':
        this.#countFailure(batch)
        health.record(now, batch.name, batch.origin, false)
        breaker.failed(now, health.failureRatio(BREAKER_ATTEMPTS, BREAKER_LANES) >= BREAKER_FAILED, random())
        return
      case 'rejected':
        if (batch.items.length === 1) this.#countFailure(batch)
        health.record(now, batch.name, batch.origin, true)
        breaker.succeeded()
        return
      case 'accepted':
      case 'partly':
        health.record(now, batch.name, batch.origin, true)
        breaker.succeeded()
        return
      case 'throttled':
      case 'unauthorised':
    }
  }

  /** Takes note of what became of one operation that failed in a batch of which others were accepted. */
  noteOperation(batch: Batch): void {
    this.#countFailure(batch)
  }

  /** @param decided called with what becomes of the events: at once, or when the account has answered; never if they are not ours any more */
  judge(attempted: Attempted, decided: (outcome: Outcome) => void): void {
    const { policy, random } = this.#options
    const { batch, verdict } = attempted
    // nothing to weigh, so no evidence is gathered: that is a walk over all attempts of late
    if (verdict.kind === 'accepted') decided({ kind: 'delivered' })
    else this.#settle(decide(verdict, this.#evidence(batch), policy, random()), attempted, 0, decided)
  }

  /** @param asked how often the account was asked because of this attempt */
  #settle(decision: Decision, attempted: Attempted, asked: number, decided: (outcome: Outcome) => void): void {
    if (decision.kind !== 'ask') {
      decided(decision)
      return
    }
    const { account, policy, random } = this.#options
    const { batch, verdict, credentials, stillOurs } = attempted
    const answer = (said: Verdict): void => {
      if (!stillOurs()) return
      if (verdict.kind === 'unauthorised' && said.kind === 'accepted') this.#countFailure(batch)
      this.#settle(afterAsking(verdict, said, asked + 1, this.#evidence(batch), policy, random()), attempted, asked + 1, decided)
    }
    if (verdict.kind === 'unauthorised') account.askAbout(credentials, answer)
    else account.ask(answer)
  }

  #countFailure(batch: Batch): void {
    countFailure(batch, this.#options.wall())
  }

  #evidence({ items, name, parted, tally }: Batch): Evidence {
    const { clock, health, breaker, quota } = this.#options
    const now = clock()
    // what a breaker has seen that is not closed may be longer ago than health looks back
    const others = breaker.state(now) === 'closed' ? health.others(now, name) : ALL_FAIL
    return {
      together: items.length > 1, parted, attempts: Math.max(1, tally.attempts), failures: tally.attempts - tally.excused, others,
      takeQuota: () => quota.take(now),
    }
  }
}
