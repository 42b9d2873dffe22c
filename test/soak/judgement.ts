// What a round's figures mean. Pure.

import { findInversions } from '../support/inversions.ts'
import { matchUp } from '../support/matching.ts'
import type { Judged, RoundResult } from './round.ts'

/**
 * kept: all promises were. uncovered: only the order was broken, and only by a worker that had just been frozen for longer than
 * LONGEST_PAUSE_MS, which is not promised. broken: a promise was, or the round could not be judged.
 */
export type Judgement = 'kept' | 'uncovered' | 'broken'

/** A worker that goes on after a freeze sends what it was about to send, if ever, at once. */
const AFTER_PAUSE_MS = 2_000

export function judgementOf({ judged, troubles }: RoundResult): Judgement {
  if (!judged || troubles.length > 0) return 'broken'
  const { verdict } = judged
  if (verdict.ok) return 'kept'
  const onlyOrder = verdict.failures.length === 1 && verdict.inversions.count > 0
  return onlyOrder && allAfterPauses(judged) ? 'uncovered' : 'broken'
}

function allAfterPauses({ published, arrivals, letters, longPausesEndedAt, zero }: Judged): boolean {
  const { outcomes } = matchUp(published, arrivals, letters.map(({ headers }) => headers.marker ?? 'no marker'))
  const arrivalsOf = new Map(outcomes.map(({ item, arrivals: own }) => [item.marker, own]))
  const isAfterPause = (at: number) => longPausesEndedAt.some((end) => at - zero.standIn >= end - AFTER_PAUSE_MS && at - zero.standIn <= end + AFTER_PAUSE_MS)
  return findInversions(outcomes).every(({ before, after }) => [before, after].some((marker) => arrivalsOf.get(marker)?.some((arrival) => isAfterPause(arrival.at))))
}
