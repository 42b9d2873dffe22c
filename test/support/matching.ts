// Which requests belong to which published event. Pure.

import type { Arrival } from '../stand-in/account.ts'
import type { TrafficItem } from './traffic.ts'

export interface Outcome {
  item: TrafficItem
  /** Every request made for the event, in order of arrival. */
  arrivals: Arrival[]
  /** Those that Customer.io accepted (2xx). */
  accepted: Arrival[]
  /** Whether a dead letter of it exists. */
  letter: boolean
}

export interface Matching {
  /** In the order in which the events were published. */
  outcomes: Outcome[]
  /** Requests that belong to nothing published; the harmless region call is not among them. */
  unknownRequests: Arrival[]
  /** Dead letters that belong to nothing published. */
  unknownLetters: number
}

/**
 * Matches by marker. Suppress and destroy have no body and so no marker: they are matched by operation and person, at most one each a person.
 * @throws RangeError if two published events cannot be told apart
 */
export function matchUp(published: readonly TrafficItem[], arrivals: readonly Arrival[], letterMarkers: readonly string[]): Matching {
  const letters = new Set(letterMarkers)
  const byName = new Map<string, Outcome>()
  const outcomes = published.map((item) => {
    const outcome: Outcome = { item, arrivals: [], accepted: [], letter: letters.delete(item.marker) }
    const names = item.expect === 'delivered' && !item.hasBody ? [item.marker, bodyless(item.type, item.person)] : [item.marker]
    for (const name of names) {
      if (byName.has(name)) throw new RangeError(`two published events are both ${name}`)
      byName.set(name, outcome)
    }
    return outcome
  })
  const unknownRequests: Arrival[] = []
  for (const arrival of arrivals.toSorted((a, b) => a.n - b.n)) {
    if (arrival.operation === 'region') continue
    const outcome = byName.get(arrival.marker ?? bodyless(arrival.operation, arrival.person))
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

const bodyless = (operation: string, person: string | null) => `${operation} of ${person ?? 'nobody'}`
