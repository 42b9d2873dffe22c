import type { MonotonicClock } from '../clock.ts'
import type { Send } from '../limiter/limiter.ts'
import type { Breaker } from './breaker.ts'
import type { CustomerIo } from './customerio.ts'
import type { Health } from './health.ts'
import { isAnswered } from './verdict.ts'
import type { Verdict } from './verdict.ts'

/** What the account's call would have said of credentials that are not in use any more. */
const REFUSED: Verdict = { kind: 'unauthorised', status: 401 }

export interface AccountOptions {
  readonly customerIo: Pick<CustomerIo, 'probe'>
  readonly breaker: Breaker
  readonly health: Health
  readonly clock: MonotonicClock
  readonly random: () => number
  /** Told of each answer, before those who asked are. */
  readonly onVerdict: (verdict: Verdict, sentAt: number) => void
}

/**
 * Asks the account for its region: harmless, and tells the fault of an event from that of the day or of the credentials. One call at a
 * time, for all who wait. While the credentials are refused, only this call closes the breaker again.
 */
export class Account {
  readonly #options: AccountOptions
  #askers: ((answer: Verdict) => void)[] = []
  #underWay = false
  /** Counts the changes of the credentials: a refusal of older ones says nothing of an event, nor of the present ones. */
  #credentials = 0

  constructor(options: AccountOptions) {
    this.#options = options
  }

  /** Which credentials are in use. */
  get credentials(): number {
    return this.#credentials
  }

  /** A call is waited for, and none is under way. */
  get wanted(): boolean {
    return this.#askers.length > 0 && !this.#underWay
  }

  /** A call is waited for or under way. */
  get busy(): boolean {
    return this.#askers.length > 0 || this.#underWay
  }

  /** @param answer called with the verdict on a call that begins after this */
  ask(answer: (account: Verdict) => void): void {
    this.#askers.push(answer)
  }

  /** @param credentials those that an event was refused with: if they are not in use any more, the answer is there at once */
  askAbout(credentials: number, answer: (account: Verdict) => void): void {
    if (credentials === this.#credentials) this.ask(answer)
    else answer(REFUSED)
  }

  /** Those who ask get no answer any more. */
  forget(): void {
    this.#askers = []
  }

  /** Other credentials are in use from now on: what the old ones were refused for is tried again, at once. */
  credentialsChanged(): void {
    const { breaker, clock } = this.#options
    const askers = this.#askers
    this.#credentials += 1
    this.#askers = []
    breaker.credentialsChanged(clock())
    for (const answer of askers) answer(REFUSED)
  }

  /** Makes the call, with a slot. */
  async call(): ReturnType<Send> {
    const { customerIo, breaker, health, clock, random, onVerdict } = this.#options
    // only those who asked before the call began: its answer says nothing of a failure that came later
    const askers = this.#askers
    const credentials = this.#credentials
    this.#askers = []
    this.#underWay = true
    const sentAt = clock()
    const verdict = await customerIo.probe()
    this.#underWay = false
    if (verdict.kind === 'accepted') breaker.credentialsWork()
    // whatever the answer was, the credentials are not known to work again: ask later, not at once
    else if (verdict.kind === 'unauthorised' ? credentials === this.#credentials : breaker.state(clock()) === 'refused') {
      breaker.refused(clock(), random())
    }
    if (verdict.kind === 'accepted' || verdict.kind === 'unavailable') health.recordAccount(clock(), verdict.kind === 'accepted')
    onVerdict(verdict, sentAt)
    for (const answer of askers) answer(verdict)
    return { answered: isAnswered(verdict), sentAt }
  }
}
