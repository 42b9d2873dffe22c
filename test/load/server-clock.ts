import type { StandInProcess } from '../support/stand-in.ts'

/** The clock by which the stand-in notes arrivals, read from this process: ms. Both are monotonic, and of one machine. */
export interface ServerClock {
  now(): number
  /** When it was then by Date, as in a worker's log. */
  fromWall(wallMs: number): number
  /** Most that a reading is wrong by, as long as nobody steps Date. */
  errorMs: number
}

const TRIES = 20

export async function readServerClock(standIn: StandInProcess): Promise<ServerClock> {
  let best = { offset: 0, errorMs: Infinity }
  for (let tries = 0; tries < TRIES; tries += 1) {
    const before = performance.now()
    const { now } = await standIn.account()
    const after = performance.now()
    const errorMs = (after - before) / 2
    if (errorMs < best.errorMs) best = { offset: now - before - errorMs, errorMs }
  }
  const now = () => performance.now() + best.offset
  // a millisecond more: Date has no fractions
  return { now, fromWall: (wallMs) => now() - (Date.now() - wallMs), errorMs: best.errorMs + 1 }
}
