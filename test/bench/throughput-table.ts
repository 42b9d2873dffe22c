// What runs of contestants come to: medians, ratios, goals. Pure.

import { aligned } from '../load/lines.ts'
import type { Contestant } from './contestants.ts'
import { count, fixed, median } from './figures.ts'
import type { Goal } from './goals.ts'

/** A run of a contestant. */
export interface Run {
  readonly contestant: string
  readonly round: number
  readonly events: number
  readonly requests: number
  /** From the first event's arrival to the last one's. */
  readonly eventsPerSecond: number
  /** User and system seconds from the moment it is about to read (see Contender) until all is committed, for 1,000 events. */
  readonly cpuPerThousand: number
  /** The same from the start of the process. */
  readonly cpuPerThousandWithStart: number
  readonly peakRssMiB: number
}

export type Figure = 'eventsPerSecond' | 'cpuPerThousand' | 'peakRssMiB'

/** The median over all rounds; NaN without any. */
export const medianOf = (runs: readonly Run[], id: string, figure: Figure): number =>
  median(runs.filter(({ contestant }) => contestant === id).map((run) => run[figure]))

/** The median of the ratios within each round: of two that ran one after the other. */
export function ratioOf(runs: readonly Run[], id: string, floor: string | undefined, figure: Figure): number {
  const ratios = runs.filter(({ contestant }) => contestant === id).flatMap((run) => {
    const other = runs.find(({ contestant, round }) => contestant === floor && round === run.round)
    return other ? [run[figure] / other[figure]] : []
  })
  return median(ratios)
}

export function table(contestants: readonly Contestant[], runs: readonly Run[]): string[] {
  const rows = contestants.map(({ id, name, floor }) => {
    const mine = runs.filter(({ contestant }) => contestant === id)
    const spread = (figure: Figure, digits: number): string => {
      const values = mine.map((run) => run[figure])
      return `${fixed(Math.min(...values), digits)}..${fixed(Math.max(...values), digits)}`
    }
    const perRequest = median(mine.map(({ events, requests }) => (requests === 0 ? NaN : events / requests)))
    return [
      name, count(mine[0]?.events ?? NaN), fixed(perRequest, perRequest === 1 ? 0 : 1), count(medianOf(runs, id, 'eventsPerSecond')), spread('eventsPerSecond', 0),
      fixed(medianOf(runs, id, 'cpuPerThousand'), 4), spread('cpuPerThousand', 4), fixed(medianOf(runs, id, 'peakRssMiB'), 0),
      floor !== undefined && runs.some(({ contestant }) => contestant === floor) ? floor : '-', fixed(ratioOf(runs, id, floor, 'eventsPerSecond'), 2), fixed(ratioOf(runs, id, floor, 'cpuPerThousand'), 2),
    ]
  })
  return aligned([['', 'events', 'a request', 'events/s', '(min..max)', 'CPU s / 1,000', '(min..max)', 'peak RSS MiB', 'its floor', 'rate / floor', 'CPU / floor'], ...rows])
}

/** What was aimed at, for those that took part. */
export function goalsOf(runs: readonly Run[]): Goal[] {
  const has = (id: string): boolean => runs.some(({ contestant }) => contestant === id)
  const goals: Goal[] = []
  if (has('worker-batch')) {
    const [rate, cpu] = [medianOf(runs, 'worker-batch', 'eventsPerSecond'), medianOf(runs, 'worker-batch', 'cpuPerThousand')]
    goals.push({ what: 'batch mode: events/s', figure: count(rate), goal: 'at least 50,000', met: rate >= 50_000 })
    goals.push({ what: 'batch mode: CPU s per 1,000 events', figure: fixed(cpu, 4), goal: 'at most 0.012', met: cpu <= 0.012 })
  }
  const [rate, cpu] = [ratioOf(runs, 'worker-batch', 'batches', 'eventsPerSecond'), ratioOf(runs, 'worker-single', 'customerio', 'cpuPerThousand')]
  if (!Number.isNaN(rate)) goals.push({ what: 'batch mode: rate / batching floor', figure: fixed(rate, 2), goal: 'at least 0.60', met: rate >= 0.6 })
  if (!Number.isNaN(cpu)) goals.push({ what: 'single mode: CPU / customerio-node loop', figure: fixed(cpu, 2), goal: 'at most 1.15', met: cpu <= 1.15 })
  return goals
}
