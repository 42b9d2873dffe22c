import type { Announcer, StopState } from '../announcer.ts'
import type { Api } from '../api-limits.ts'
import type { MonotonicClock } from '../clock.ts'
import type { Breaker, BreakerState } from './breaker.ts'
import type { Gate } from './gate.ts'
import type { Quota } from './quota.ts'

export interface StatesOptions {
  readonly api: Api
  readonly breaker: Breaker
  readonly gate: Gate
  readonly quota: Quota
  readonly announcer: Announcer
  readonly clock: MonotonicClock
}

const BREAKER_MESSAGES: Record<BreakerState, string> = {
  'closed': 'breaker: Customer.io answers again',
  'half-open': 'breaker: one request at a time, to see whether Customer.io answers again',
  'open': 'breaker: most requests failed, nothing is sent for a while',
  'refused': 'breaker: Customer.io refuses the credentials, check ',
}

/** Tells the changes of breaker, gate and quota. Time alone changes them too, so it has to look. */
export class States {
  readonly #options: StatesOptions

  constructor(options: StatesOptions) {
    this.#options = options
  }

  /**
   * One log line a change.
   * @param lastError what Customer.io last answered, or how it failed to
   * @returns whether the breaker has closed since the last look
   */
  look(lastError: string | undefined): boolean {
    const { api, breaker, gate, quota, announcer, clock } = this.#options
    const now = clock()
    const state = breaker.state(now)
    const changed = announcer.say({ what: 'breaker', api }, {
      state, stops: state !== 'closed', message: BREAKER_MESSAGES[state] + (state === 'refused' ? settingsOf(api) : ''), ...(state !== 'closed' && lastError !== undefined && { fields: { lastError } }),
    })
    announcer.say({ what: 'gate', api }, gateState(gate.closedFor(now), gate.part(now)))
    announcer.say({ what: 'quota' }, quota.left(now) === 0
      ? { state: 'exhausted', stops: true, message: 'quota exhausted: as many events as EXHAUSTED_QUOTA allows were given up within a minute, others wait' }
      : { state: 'available', stops: false, message: 'quota available again: events whose retries ran out may become dead letters' })
    return changed && state === 'closed'
  }
}

/** What may be wrong when credentials are refused. */
function settingsOf(api: Api): string {
  return api === 'track'
    ? 'CUSTOMERIO_SITE_ID, CUSTOMERIO_API_KEY, CUSTOMERIO_REGION and CUSTOMERIO_URL'
    : 'CUSTOMERIO_APP_API_KEY, CUSTOMERIO_REGION and CUSTOMERIO_APP_URL'
}

/** Open only when sending goes on at full part. */
function gateState(closedForMs: number, partOfSlots: number): StopState {
  if (closedForMs === 0 && partOfSlots === 1) return { state: 'open', stops: false, message: 'gate open again: sending with all slots' }
  const fields = { closedForMs: Math.round(closedForMs), partOfSlots }
  return { state: 'closed', stops: true, message: 'throttled by Customer.io: the gate is closed', fields }
}
