// What is said at the end. Pure.

import { aligned, seconds } from '../load/lines.ts'
import type { Verdict } from '../support/verdict.ts'
import { changes, type Sample } from './watch.ts'

export interface Played {
  title: string
  /** ms since the run began. */
  from: number
  to: number
  outcome: 'ok' | 'failed' | 'skipped'
  /** What was seen, what went wrong, or what is missing. */
  text: string
}

/** Rows, each with what was seen in a line of its own. */
export function stepsTable(steps: readonly Played[]): string[] {
  const rows = aligned([['step', 'from', 'took', ''], ...steps.map(({ title, from, to, outcome }) => [title, seconds(from), seconds(to - from), outcome])])
  return [rows[0]!, ...steps.flatMap(({ text }, index) => [rows[index + 1]!, `    ${text}`])]
}

/** A line for each change; the first one in a step names it. */
export function replicasTable(samples: readonly Sample[], steps: readonly Played[]): string[] {
  const titles = changes(samples).map(({ at }) => steps.findLast(({ from }) => from <= at)?.title ?? '')
  const rows = changes(samples).map(({ at, wanted, ready, lag }, index) =>
    [titles[index] === titles[index - 1] ? '' : titles[index]!, seconds(at), String(wanted), String(ready), String(lag)])
  return aligned([['replicas over time', 'at', 'wanted', 'ready', 'lag'], ...rows])
}

export function promises(verdict: Verdict, limit: number): string[] {
  const { published, delivered, deadLettered, lost, inversions, mostInWindow, duplicates, refused429 } = verdict
  return [
    `published ${published}, delivered ${delivered}, dead letters ${deadLettered}`,
    `lost ${lost.count}, inversions ${inversions.count}`,
    `most requests in any second ${mostInWindow}, the limit is ${limit}; answered with 429: ${refused429}`,
    `received again ${duplicates.received}, of which not told by id and time ${duplicates.uncovered}`,
  ]
}
