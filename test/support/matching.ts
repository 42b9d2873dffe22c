// Which arrivals belong to which published event. Pure.

import type { Arrival } from '../stand-in/account.ts'
import { objectOf, personOf } from '../stand-in/identifiers.ts'
import type { TrafficItem } from './traffic.ts'

export interface Outcome {
  item: TrafficItem
  /** Every time it was asked for, alone or in a batch, in order of arrival. */
  arrivals: Arrival[]
  /** Those that Customer.io accepted (2xx; in a batch: the operation itself). */
  accepted: Arrival[]
  /** Whether a dead letter of it exists. */
  letter: boolean
}

export interface Matching {
  /** In the order in which the events were published. */
  outcomes: Outcome[]
  /** Arrivals that belong to nothing published; the harmless calls, which ask for the region or for a list, are not among them. */
  unknownRequests: Arrival[]
  /** Dead letters that belong to nothing published. */
  unknownLetters: number
}

/** What asks and does nothing. */
const HARMLESS = new Set(['region', 'transactionalList'])
/** Calls that do not say for whom they are. */
const OF_NOBODY = new Set(['unsubscribe', 'reportMetric'])

/**
 * Matches by marker. What has no body has no marker: that is matched by operation, person, and what else the call names (a device, a segment,
 * ...), at most one of each.
 * @throws RangeError if two published events cannot be told apart
 */
export function matchUp(published: readonly TrafficItem[], arrivals: readonly Arrival[], letterMarkers: readonly string[]): Matching {
  const letters = new Set(letterMarkers)
  const byName = new Map<string, Outcome>()
  const outcomes = published.map((item) => {
    const outcome: Outcome = { item, arrivals: [], accepted: [], letter: letters.delete(item.marker) }
    const names = item.expect === 'delivered' && !item.hasBody ? [item.marker, bodyless(item.type, item.person, subjectOf(item))] : [item.marker]
    for (const name of names) {
      if (byName.has(name)) throw new RangeError(`two published events are both ${name}`)
      byName.set(name, outcome)
    }
    return outcome
  })
  const unknownRequests: Arrival[] = []
  for (const arrival of arrivals.toSorted((a, b) => a.at - b.at || a.n - b.n)) {
    if (HARMLESS.has(arrival.operation)) continue
    const outcome = byName.get(arrival.marker ?? bodyless(arrival.operation, arrival.person, arrival.subject))
    if (outcome === undefined) {
      unknownRequests.push(arrival)
      continue
    }
    outcome.arrivals.push(arrival)
    if (isAccepted(arrival)) outcome.accepted.push(arrival)
  }
  return { outcomes, unknownRequests, unknownLetters: letters.size }
}

export function isAccepted({ status }: Pick<Arrival, 'status'>): boolean {
  return status !== null && status >= 200 && status < 300
}

function bodyless(operation: string, person: string | null, subject: string | null): string {
  return [operation, 'of', ...(OF_NOBODY.has(operation) ? [] : [person ?? 'nobody']), ...(subject === null ? [] : [subject])].join(' ')
}

/** What the call of an event names besides the person, as the stand-in reads it off the call. */
function subjectOf({ type, value }: TrafficItem): string | null {
  const payload = (): Record<string, unknown> => (JSON.parse(value?.toString() ?? '{}') as { payload?: Record<string, unknown> }).payload ?? {}
  switch (type) {
    case 'addDevice':
    case 'deleteDevice':
      return String(payload().token)
    case 'addToSegment':
    case 'removeFromSegment':
      return String(payload().segmentId)
    case 'unsubscribe':
    case 'reportMetric':
      return String(payload().deliveryId)
    case 'merge':
      return personOf(payload().secondary)
    case 'addRelationships':
    case 'deleteRelationships': {
      const [first] = payload().relationships as { objectTypeId: unknown; objectId: unknown }[]
      return objectOf({ object_type_id: first?.objectTypeId, object_id: first?.objectId })
    }
    default:
      return null
  }
}
