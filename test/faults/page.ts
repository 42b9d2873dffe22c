// The tables of docs/behaviour.md, written from what the fault cases say and found. Pure.

import type { FaultRecord } from './fault-case.ts'

/** Test files of test/faults/ in the order of the page, and their headings. */
const GROUPS: Record<string, string> = {
  customerio: 'Bad days of Customer.io',
  reach: 'The way to Customer.io',
  kafka: 'Bad days of Kafka',
  topics: 'Topics, offsets and records',
  cluster: 'Several brokers, logins and TLS',
  process: 'What happens to the process',
  traffic: 'Shapes of traffic',
}

const BEGIN = '<!-- written by make behaviour: begin -->'
const END = '<!-- written by make behaviour: end -->'

/** The page with its tables renewed. @throws Error if the page lacks the two marks between which they stand */
export function withTables(page: string, records: readonly FaultRecord[], measuredOn: string): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the page lacks ${BEGIN} or ${END}`)
  const groups = Object.entries(GROUPS).map(([group, heading]) => {
    const cases = records.filter((record) => record.group === group).toSorted((a, b) => a.order - b.order)
    return `## ${heading}\n\nTests: \`test/faults/${group}.test.ts\`.\n\n${wordsOf(cases)}\n${figuresOf(cases)}`
  })
  return `${before}${BEGIN}\n\nFigures of one run: ${measuredOn}.\n\n${groups.join('\n')}\n${END}${after}`
}

/** Cases of which the page does not say what they say. */
export function notOnPage(page: string, records: readonly FaultRecord[]): string[] {
  return records.filter((record) => !page.includes(wordsRow(record))).map(({ fault }) => fault)
}

/** Rows of the page that no case stands behind. */
export function withoutCase(page: string, records: readonly FaultRecord[]): string[] {
  const rows = (page.split(BEGIN)[1]?.split(END)[0] ?? '').split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:Fault|---)/.test(line))
  const known = new Set(records.map((record) => cell(nameOf(record))))
  return [...new Set(rows.map((row) => (row.split(/(?<!\\)\|/)[1] ?? '').trim()))].filter((fault) => !known.has(fault))
}

function wordsOf(cases: readonly FaultRecord[]): string {
  return `| Fault | What the worker does | What you see | Not covered |\n|---|---|---|---|\n${cases.map((record) => `${wordsRow(record)}\n`).join('')}`
}

function wordsRow(record: FaultRecord): string {
  const { does, sees, notCovered = '' } = record
  return `| ${[nameOf(record), does, sees, notCovered].map(cell).join(' | ')} |`
}

/** Tells with it what can't meet the fault in both ways of delivery. */
function nameOf({ fault, onlyMode }: FaultRecord): string {
  return onlyMode ? `${fault} (only with \`DELIVERY_MODE=${onlyMode}\`)` : fault
}

function figuresOf(cases: readonly FaultRecord[]): string {
  const rows = cases.map((record) => {
    const { figures: f } = record
    const recovery = f.recoveryMs === null ? '' : `${(f.recoveryMs / 1000).toFixed(1)} s`
    const figures = [f.published, f.lost, f.inversions, `${f.covered} / ${f.uncovered}`, `${f.letters} / ${f.wrongLetters}`, `${f.mostInWindow} of ${f.limit}`, recovery]
    return `| ${[nameOf(record), ...figures].map((value) => cell(String(value))).join(' | ')} |\n`
  })
  return `| Fault | Published | Lost | Inversions | Repeats covered / not | Letters of bad / good events | Most in any 1 s | Recovery |\n|---|---|---|---|---|---|---|---|\n${rows.join('')}`
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
