// What the stand-in's account says of an act: how much of the budget was used, and how soon again after a change. Pure.

import type { Arrival } from '../stand-in/account.ts'
import { budget, mostInWindow } from '../support/window.ts'

/** A change, and what comes after it. ms of the stand-in's clock. */
export interface Act {
  name: string
  /** Processes that run at its end. */
  workers: number
  /** The change begins. */
  from: number
  /** It is done: all are ready that were to start, all have ended that were to stop. */
  changedAt: number
  to: number
}

export interface ActFigures {
  changeMs: number
  lengthMs: number
  /** Part of the budget that was used: in the act, and in its last `steadyMs`. */
  used: number
  usedAtEnd: number
  /** ms from the beginning of the change; null: not in this act. */
  again: Regained
  /** Most requests in any window that lies in the act. */
  most: number
  refused: number
}

export interface Terms {
  windowMs: number
  /** The end of an act, in which all has settled. */
  steadyMs: number
}

/** How soon after a change the budget was used again, ms; null: not within the span. */
export interface Regained {
  /** From then on at least half of it was used in any second; 0: it always was. */
  halfMs: number | null
  /** After that 95 % of it were used for the first time. */
  mostMs: number | null
}

const HALF_SPAN_MS = 1_000
/** Slots come round once a window: a shorter span cuts through bursts. */
const MOST_SPAN_MS = 5_000
const MOST = 0.95
const STEP_MS = 100

type Span = Pick<Act, 'from' | 'to'>
type Accepted = Pick<Arrival, 'at' | 'status'>

export const within = <T extends { at: number }>(arrivals: readonly T[], { from, to }: Span): T[] =>
  arrivals.filter(({ at }) => at >= from && at < to)
const isAccepted = ({ status }: Pick<Arrival, 'status'>): boolean => status !== null && status < 300

/** Requests a second that could be made, by the answer time in this span. @throws RangeError if none was answered */
export function ceilingOf(arrivals: readonly Arrival[], span: Span, { limit, windowMs }: { limit: number; windowMs: number }): number {
  return budget(arrivals, { limit, windowMs, from: span.from, to: span.to }).ceilingPerSecond
}

/** Part of `ceiling` (requests a second) that was accepted in the span. */
export function usedOf(arrivals: readonly Accepted[], { from, to }: Span, ceiling: number): number {
  return (within(arrivals, { from, to }).filter(isAccepted).length * 1_000) / (to - from) / ceiling
}

/** @param ceiling requests a second that could be made */
export function regained(arrivals: readonly Accepted[], { from, to }: Span, ceiling: number): Regained {
  const accepted = within(arrivals, { from, to }).filter(isAccepted)
  const uses = (start: number, spanMs: number): number => usedOf(accepted, { from: start, to: start + spanMs }, ceiling)
  const starts = (spanMs: number): number[] => {
    const count = Math.max(0, Math.floor((to - from - spanMs) / STEP_MS) + 1)
    return Array.from({ length: count }, (_, step) => from + step * STEP_MS)
  }
  const seconds = starts(HALF_SPAN_MS)
  const lastPoor = seconds.findLastIndex((start) => uses(start, HALF_SPAN_MS) < 0.5)
  const half = seconds[lastPoor + 1]
  const most = half === undefined ? undefined : starts(MOST_SPAN_MS).find((start) => start >= half && uses(start, MOST_SPAN_MS) >= MOST)
  return { halfMs: half === undefined ? null : half - from, mostMs: most === undefined ? null : most - from }
}

/** @param ceiling requests a second that could be made */
export function figuresOf(arrivals: readonly Arrival[], act: Act, { windowMs, steadyMs }: Terms, ceiling: number): ActFigures {
  const { from, changedAt, to } = act
  const mine = within(arrivals, act)
  return {
    changeMs: changedAt - from,
    lengthMs: to - from,
    used: usedOf(mine, act, ceiling),
    usedAtEnd: usedOf(mine, { from: to - steadyMs, to }, ceiling),
    again: regained(mine, act, ceiling),
    most: mostInWindow(mine, windowMs),
    refused: mine.filter(({ status }) => status === 429).length,
  }
}
