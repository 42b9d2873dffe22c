import { backoffMs } from './backoff.ts'
import type { BackoffOptions } from './backoff.ts'

export type BreakerState = 'closed' | 'half-open' | 'open' | 'refused'

/**
 * Keeps a server that is down from being hammered, and events from burning their retries. One per API and credential. Pure.
 *
 *   closed ──most of the last attempts failed──► open ──after a backoff──► half-open: one attempt at a time
 *     ▲                                           ▲                          │
 *     ├──────────────── success ──────────────────┼──────────────────────────┤
 *     │                                           └──────── failure ─────────┘
 *     └── the credentials work again ── refused ◄── the credentials are refused (from any state)
 *
 * In `refused` no event is sent at all: the caller asks the account's region until that works.
 */
export class Breaker {
  readonly #backoff: BackoffOptions
  #state: BreakerState = 'closed'
  #row = 0
  #until = 0

  constructor(backoff: BackoffOptions) {
    this.#backoff = backoff
  }

  state(now: number): BreakerState {
    if (this.#state === 'open' && now >= this.#until) this.#state = 'half-open'
    return this.#state
  }

  /** ms until something may be sent (open) or asked (refused); 0 = now. */
  waitMs(now: number): number {
    return this.state(now) === 'closed' || this.#state === 'half-open' ? 0 : Math.max(0, this.#until - now)
  }

  /** Requests that may be in flight: without bound, one, or none. */
  allowed(now: number): number {
    switch (this.state(now)) {
      case 'closed': return Infinity
      case 'half-open': return 1
      case 'open':
      case 'refused': return 0
    }
  }

  succeeded(): void {
    if (this.#state === 'refused') return
    this.#state = 'closed'
    this.#row = 0
  }

  /** @param mostFailed whether most of the last attempts failed */
  failed(now: number, mostFailed: boolean, random: number): void {
    const state = this.state(now)
    if (state === 'half-open' || (state === 'closed' && mostFailed)) this.#wait('open', now, random)
  }

  /** The account's own call was refused: the credentials don't work. */
  refused(now: number, random: number): void {
    if (this.#state !== 'refused') this.#row = 0
    this.#wait('refused', now, random)
  }

  /** Other credentials than those that were refused are in use: ask at once. */
  credentialsChanged(now: number): void {
    if (this.#state !== 'refused') return
    this.#row = 0
    this.#until = now
  }

  /** The account's own call worked. */
  credentialsWork(): void {
    if (this.#state !== 'refused') return
    this.#state = 'closed'
    this.#row = 0
  }

  #wait(state: BreakerState, now: number, random: number): void {
    this.#row += 1
    this.#state = state
    this.#until = now + backoffMs(this.#row, this.#backoff, random)
  }
}
