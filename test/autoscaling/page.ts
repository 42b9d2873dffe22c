// The figures of docs/autoscaling.md, and its picture.

import type { Day } from './plot.ts'
import { simulate, SIGNALS, type Outcome, type Signal } from './simulate.ts'
import { KINDS, SPEC } from './stage.ts'

export const PAGE = 'docs/autoscaling.md'
export const PICTURE = 'docs/autoscaling.svg'

const BEGIN = '<!-- written by make autoscaling: begin -->'
const END = '<!-- written by make autoscaling: end -->'

/** All days that are told of. Takes some seconds. */
export const playDays = (): Day[] => KINDS.map((kind) => ({
  kind, outcomes: Object.fromEntries(SIGNALS.map((signal) => [signal, simulate({ kind, signal })])) as Record<Signal, Outcome>,
}))

const NAMES: Record<Signal, string> = { fixed: `none: ${SPEC.minReplicas} pods`, lag: '`lag`', usefulReplicas: '`usefulReplicas`' }
const number = (value: number): string => value.toLocaleString('en-US')
/** Minutes of seconds. */
const minutes = (seconds: number): string => (seconds / 60).toFixed(1)

const rowOf = (name: string, signal: Signal, { mostReplicas, replicaHours, rebalances, mostLag, lateSeconds }: Outcome): string =>
  `| ${[name, NAMES[signal], mostReplicas, replicaHours.toFixed(1), rebalances, number(mostLag), minutes(lateSeconds)].join(' | ')} |`

/** The page with its table made anew. Pure. @throws Error if the page lacks the marks */
export function withFigures(page: string, days: readonly Day[]): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the page lacks ${BEGIN} or ${END}`)
  const rows = days.flatMap(({ kind, outcomes }) => SIGNALS.map((signal) => rowOf(kind.name, signal, outcomes[signal])))
  const head = '| Worker | Signal | Most pods | Pod-hours | Rebalances | Most records waiting | Minutes over the objective |\n|---|---|---|---|---|---|---|'
  return `${before}${BEGIN}\n\n${head}\n${rows.join('\n')}\n\n${END}${after}`
}
