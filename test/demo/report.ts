// The end of the demo: each promise, what the evidence says of it, and whether it was kept.

import { styleText } from 'node:util'
import type { Verdict } from '../support/verdict.ts'
import type { Budget } from '../support/window.ts'
import type { Member } from './fleet.ts'

export interface Circumstances {
  limit: number
  unit: 'request' | 'operation'
  /** Records in the dead-letter topic. */
  letters: number
  /** Of the steady state; null if that was too short to tell. */
  budget: Budget | null
  members: readonly Member[]
}

export function report(verdict: Verdict, { limit, unit, letters, budget, members }: Circumstances): string[] {
  const { duplicates, lost, inversions } = verdict
  const reasons = Object.entries(verdict.deadLetteredBy).toSorted(([, a], [, b]) => b - a)
  const stopped = members.filter(({ state }) => state === 'stopped')
  return [
    '',
    "What arrived at the stand-in and what is in Kafka's two topics (nothing of it is the workers' own word):",
    '',
    row('published', verdict.published),
    row('delivered', verdict.delivered),
    row('dead-lettered', verdict.deadLettered, undefined, 'bad events, on purpose'),
    ...reasons.map(([reason, count]) => `      ${reason.padEnd(22)}${String(count).padStart(5)}`),
    row('lost', lost.count, lost.count === 0),
    row('out of order', inversions.count, inversions.count === 0, 'an event that overtook an earlier one of its person'),
    row('most in any second', verdict.mostInWindow, verdict.mostInWindow <= limit, `${unit}s; the limit is ${limit}`),
    row('refused (429)', verdict.refused429, verdict.refused429 === 0),
    row('received twice', duplicates.received, undefined, 'done, but not yet committed when the partition changed hands'),
    row('  not recognisable', duplicates.uncovered, duplicates.uncovered === 0, 'by event id or timestamp'),
    row('dead letters twice', letters - verdict.deadLettered, undefined, 'for the same reason'),
    row(
      'budget used',
      budget === null ? '-' : `${(budget.used * 100).toFixed(1)} %`,
      undefined,
      budget === null
        ? 'too few events to tell'
        : `${budget.perSecond.toFixed(1)} of ${budget.ceilingPerSecond.toFixed(1)} a second, before the kill; answers took ${budget.rttMs.toFixed(0)} ms`,
    ),
    ...stopped.map(({ name, exit }) => row(`exit of ${name}`, exit?.code ?? exit?.signal ?? '-', exit?.code === 0, 'after SIGTERM')),
    '',
  ]
}

/** One sentence for each thing that went wrong; none if all went well. */
export function complaints(verdict: Verdict, members: readonly Member[]): string[] {
  return [
    ...verdict.failures,
    ...members.flatMap(({ name, state, exit }) => {
      if (state === 'broken') return [`${name} ended by itself (${exit?.signal ?? exit?.code ?? 'before it was ready'}).`]
      if (state === 'stopped' && exit?.code !== 0) return [`${name} did not end well after SIGTERM (${exit?.signal ?? exit?.code}).`]
      return []
    }),
  ]
}

function row(name: string, value: number | string, isKept?: boolean, remark = ''): string {
  const mark = isKept === undefined ? '      ' : isKept ? paint('green', 'ok    ') : paint('red', 'BROKEN')
  return `  ${name.padEnd(20)}${String(value).padStart(9)}  ${mark}  ${remark}`.trimEnd()
}

const paint = (colour: 'green' | 'red', text: string) => styleText(colour, text, { stream: process.stdout })
