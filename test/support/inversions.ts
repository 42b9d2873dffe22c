// The promise that one person's events stay in order, checked on what arrived. Pure.

import type { Outcome } from './matching.ts'

export interface Inversion {
  person: string
  /** Marker of the earlier event, whose outcome should have been awaited. */
  before: string
  /** Marker of the later event, which arrived too early. */
  after: string
}

/**
 * An event is inverted if its first request arrived before the good event that its person published just before it had its outcome: was
 * accepted and answered, or, being dead-lettered, tried for the last time. One that has no outcome at all is never overtaken rightly. Two
 * that travelled in one request are inverted whatever became of them: no order is promised inside a batch.
 */
export function findInversions(outcomes: readonly Outcome[]): Inversion[] {
  const latest = new Map<string, Outcome>()
  const inversions: Inversion[] = []
  for (const outcome of outcomes) {
    const { item, arrivals, letter } = outcome
    if (item.expect !== 'delivered' || item.person === null) continue
    const previous = latest.get(item.person)
    const [first] = arrivals
    if (first !== undefined && previous !== undefined && (first.at < settledAt(previous) || travelledTogether(previous, outcome))) {
      inversions.push({ person: item.person, before: previous.item.marker, after: item.marker })
    }
    // One that was dead-lettered unsent holds nobody up: the next still has to wait for the one before it.
    if (arrivals.length > 0 || !letter) latest.set(item.person, outcome)
  }
  return inversions
}

/** When the event's outcome was known at the server, ms of its clock. */
function settledAt({ arrivals, accepted, letter }: Outcome): number {
  const [first] = accepted
  if (first !== undefined) return first.answeredAt ?? first.at
  if (letter) return arrivals.at(-1)?.at ?? -Infinity
  return Infinity
}

/** A request's operations have places of their own in it, so that this is none with itself. */
function travelledTogether(a: Outcome, b: Outcome): boolean {
  return a.arrivals.some((one) => b.arrivals.some((other) => one.request === other.request && one.index !== other.index))
}
