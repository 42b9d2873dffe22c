import type { CustomerEvent } from '../event.ts'
import { LARGEST_BATCH, MOST_IN_SEGMENT_CALL } from './batcher.ts'
import type { CustomerIo } from './customerio.ts'
import { estimateOf } from './operations.ts'
import type { Carrier } from './operations.ts'
import type { Verdict } from './verdict.ts'

/** After so many, what was before counts half. */
const LATELY = { events: 10_000, requests: 200 }

/** What requests of one API take and could carry, measured on those that were accepted lately. Pure. */
export class Pace {
  #delivered = 0
  #events = 0
  /** Requests that those events would take if each was full. */
  #fullRequests = 0
  #requests = 0
  #ms = 0

  /** @param ms from the sending to the verdict */
  note(events: readonly CustomerEvent[], carrier: Carrier, verdict: Verdict, ms: number): void {
    if (verdict.kind !== 'accepted' && verdict.kind !== 'partly') return
    this.#delivered += events.length - (verdict.kind === 'partly' ? verdict.failed.size : 0)
    if (this.#events >= LATELY.events) [this.#events, this.#fullRequests] = [this.#events / 2, this.#fullRequests / 2]
    if (this.#requests >= LATELY.requests) [this.#requests, this.#ms] = [this.#requests / 2, this.#ms / 2]
    this.#events += events.length
    this.#fullRequests += fullRequests(events, carrier)
    this.#requests += 1
    this.#ms += ms
  }

  /** Events that were accepted since the start. */
  get delivered(): number {
    return this.#delivered
  }

  /**
   * Events that a request carries when it is full, of the kinds and sizes of late: 1 if each goes alone. What requests do carry says less: a slot that
   * is free takes whatever waits, so under a small load that is little, though there is room for more. NaN before the first.
   */
  get eventsPerRequest(): number {
    return this.#events / this.#fullRequests
  }

  /** Events per second of so many requests in flight all the time, each full. NaN before the first. */
  perSecond(requestsInFlight: number): number {
    return (requestsInFlight / (this.#ms / this.#requests / 1_000)) * this.eventsPerRequest
  }
}

/** The part of a full request that each event takes, together. */
function fullRequests(events: readonly CustomerEvent[], carrier: Carrier): number {
  switch (carrier) {
    case 'alone': return events.length
    case 'batch': return events.reduce((bytes, event) => bytes + estimateOf(event), 0) / LARGEST_BATCH
    default: return events.length / MOST_IN_SEGMENT_CALL
  }
}

/** The same calls, each noted. */
export function paced(customerIo: CustomerIo, pace: Pace, clock: () => number): CustomerIo {
  return {
    ...customerIo,
    attempt: async (events, carrier) => {
      const sentAt = clock()
      const verdict = await customerIo.attempt(events, carrier)
      pace.note(events, carrier, verdict, clock() - sentAt)
      return verdict
    },
  }
}
