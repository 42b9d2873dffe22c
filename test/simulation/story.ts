// What a story is: times, and what happens when.

import type { Violation } from './world.ts'

/** As in production, but some ten times shorter. ms. */
export const WINDOW_MS = 1_000
export const LATEST_ARRIVAL_MS = 1_500
export const LONGEST_PAUSE_MS = 400
export const REQUEST_TIMEOUT_MS = 1_000
export const LEASE_MS = 2_000
export const OUTAGE_MS = 5_000
export const LOOK_MS = 600
export const LOOK_SOON_MS = 100
/** How much later than another a process may learn of a changed limit. */
export const LIMIT_SPREAD_MS = 1_500

export interface Act {
  /** ms of the story. */
  readonly at: number
  readonly what: 'start' | 'leave' | 'kill' | 'restart' | 'freeze' | 'cut' | 'lose answers' | 'appetite' | 'limit' | 'outage' | 'slow' | 'hang' | 'delete'
  /** Which process of those that live then, counted round. */
  readonly who?: number
  readonly ms?: number
  readonly value?: number
}

export interface Story {
  readonly seed: number
  readonly limit: number
  readonly processes: number
  /** Part of the requests that are never answered. */
  readonly unanswered: number
  /** Part of the requests before which the process stands still. */
  readonly paused: number
  /** Part of the slots that a process keeps while the API is away. */
  readonly outagePart: number
  /** Time between two looks at the ledger. */
  readonly lookMs: number
  readonly acts: readonly Act[]
  readonly ms: number
}

export interface Played {
  readonly violation: Violation | undefined
  readonly windows: number
  readonly fullest: number
}
