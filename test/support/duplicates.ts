// The promise of "effectively once": whatever is sent twice can be told as the same by Customer.io. Pure.

import type { Arrival } from '../stand-in/account.ts'
import { isAccepted, type Outcome } from './matching.ts'

export interface Duplicates {
  /** Accepted requests of an event beyond its first. */
  received: number
  /** Of these: harmless, since Customer.io can tell, or since it makes no difference. */
  covered: number
  uncovered: number
}

/** What is promised to arrive at least once, and no more: calls that have no id of their own, and of which each is another message or form. */
const AT_LEAST_ONCE = new Set(['email', 'push', 'sms', 'whatsApp', 'inApp', 'inboxMessage', 'broadcast', 'formSubmit'])

/**
 * Repeats of calls that are promised at least once only are not among them: see `countRepeatedSends`.
 *
 * A repeated suppress, unsuppress, destroy, merge or deletion of an object counts as uncovered if any other event of the person was accepted in
 * between, an older one that is itself a repeat included: that is stricter than "never over newer data", since a repeated identify brings the
 * person back until the next destroy.
 * @param arrivals everything that arrived
 */
export function countDuplicates(outcomes: readonly Outcome[], arrivals: readonly Arrival[]): Duplicates {
  const result: Duplicates = { received: 0, covered: 0, uncovered: 0 }
  for (const { accepted } of outcomes) {
    const repeats = accepted.length - 1
    if (repeats < 1 || isAtLeastOnce(accepted)) continue
    result.received += repeats
    result[isCovered(accepted, arrivals) ? 'covered' : 'uncovered'] += repeats
  }
  return result
}

/** Accepted messages, broadcasts and forms beyond the first of their event: each is one more. */
export function countRepeatedSends(outcomes: readonly Outcome[]): number {
  return outcomes.reduce((sum, { accepted }) => sum + (accepted.length > 1 && isAtLeastOnce(accepted) ? accepted.length - 1 : 0), 0)
}

const isAtLeastOnce = ([first]: readonly Arrival[]): boolean => first !== undefined && AT_LEAST_ONCE.has(first.operation)

function isCovered(accepted: readonly Arrival[], arrivals: readonly Arrival[]): boolean {
  const [first] = accepted
  const last = accepted.at(-1)
  if (first === undefined || last === undefined) return true
  const sameTimestamp = first.timestamp !== null && accepted.every(({ timestamp }) => timestamp === first.timestamp)
  switch (first.operation) {
    case 'identify':
    case 'reportMetric':
      return sameTimestamp
    // Done twice they do no more than once; and whoever sends them again sends all that came after them again, in order.
    case 'addDevice':
    case 'deleteDevice':
    case 'addToSegment':
    case 'removeFromSegment':
    case 'addRelationships':
    case 'deleteRelationships':
    case 'identifyObject':
    case 'unsubscribe':
      return true
    case 'suppress':
    case 'unsuppress':
    case 'destroy':
    case 'merge':
    case 'deleteObject':
      return !arrivals.some(
        (other) => other.n > first.n && other.n < last.n && other.person === first.person && isAccepted(other) && !accepted.includes(other),
      )
    default:
      return sameTimestamp && first.eventId !== null && accepted.every(({ eventId }) => eventId === first.eventId)
  }
}
