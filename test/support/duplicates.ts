// The promise of "effectively once": whatever is sent twice can be told as the same by Customer.io. Pure.

import type { Arrival } from '../stand-in/account.ts'
import { isAccepted, type Outcome } from './matching.ts'

export interface Duplicates {
  /** Accepted requests of an event beyond its first. */
  received: number
  /** Of these: harmless, since Customer.io can tell. */
  covered: number
  uncovered: number
}

/**
 * A repeated suppress or destroy counts as uncovered if any other event of the person was accepted in between, an older one that is itself a
 * repeat included: that is stricter than "never over newer data", since a repeated identify brings the person back until the next destroy.
 * @param arrivals everything that arrived
 */
export function countDuplicates(outcomes: readonly Outcome[], arrivals: readonly Arrival[]): Duplicates {
  const result: Duplicates = { received: 0, covered: 0, uncovered: 0 }
  for (const { accepted } of outcomes) {
    const repeats = accepted.length - 1
    if (repeats < 1) continue
    result.received += repeats
    result[isCovered(accepted, arrivals) ? 'covered' : 'uncovered'] += repeats
  }
  return result
}

function isCovered(accepted: readonly Arrival[], arrivals: readonly Arrival[]): boolean {
  const [first] = accepted
  const last = accepted.at(-1)
  if (first === undefined || last === undefined) return true
  const sameTimestamp = first.timestamp !== null && accepted.every(({ timestamp }) => timestamp === first.timestamp)
  switch (first.operation) {
    case 'identify':
      return sameTimestamp
    case 'suppress':
    case 'destroy':
      return !arrivals.some(
        (other) => other.n > first.n && other.n < last.n && other.person === first.person && isAccepted(other) && !accepted.includes(other),
      )
    default:
      return sameTimestamp && first.eventId !== null && accepted.every(({ eventId }) => eventId === first.eventId)
  }
}
