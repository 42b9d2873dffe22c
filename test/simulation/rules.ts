// The table of docs/limiter.md: which rule, why it is there, and a story that goes wrong without it.

import { flawsOf, search, SOURCES, type Source } from './search.ts'

/** Stories that are searched for each rule that is left out. */
const STORIES = 4_000

const BEGIN = '<!-- written by make rules: begin -->'
const END = '<!-- written by make rules: end -->'

/** By the name under which the search leaves it out. */
const RULES: Readonly<Record<string, readonly [rule: string, why: string]>> = {
  'slot free at the response': ['A slot is free one window after the response, not at the response.', 'The next request of the slot would be in the same window.'],
  'slot free at the time-out': ['A request without an answer holds its slot until it can\'t arrive any more, and a window more.', 'It may still be under way.'],
  'lease counts from the acknowledgement': ['A lease counts from the sending of the write, not from its answer.', 'Others saw the write before the answer came, and count from there.'],
  'no end of the lease': ['Without a renewal for the length of the lease only the floor is used, and later nothing.', 'By then others use the rest.'],
  'silence: no pause': ['Others wait for the longest pause, too.', 'Between the check and the sending the process may stand still.'],
  'silence: no latest arrival': ['Others wait for the latest arrival, too.', 'What was sent at the end of the lease may come late.'],
  'silence: no window': ['Others wait for a window, too.', 'What has just arrived is still in it.'],
  'no floor kept for outages': ['The floor of a silent process is kept until its time for outages is over.', 'It goes on using it, and nobody can see whether it lives.'],
  'restart: no latest arrival': ['A process that took the place of another in the same pod waits for the latest arrival of what that one sent.', 'What a killed process has sent still arrives.'],
  'restart: no window': ['And for a window.', 'What has just arrived is still in it.'],
  'restarted process takes its predecessor\'s place': ['A process never takes over the entry of another one.', 'It knows nothing of the slots that its predecessor had in use.'],
  'leaving: no window': ['The slots of one that has left are free after a window.', 'What it sent last is still in it.'],
  'slots in use given up': ['Only slots that are not in use are given up.', 'Whoever takes one may use it at once.'],
  'no compare-and-swap': ['A version is replaced only by who has read it.', 'Two would take the same free slots.'],
  'new ledger open at once': ['A ledger that was made anew grants nothing until those of an older one must have stopped.', 'They go on until their leases and floors are over.'],
  'lower limit only when dealt again': ['A lower limit scales the slots at once.', 'The next deal may be seconds away.'],
  'no wait when assigned': ['A new deal is used only after a window.', 'What was sent with the slots of the last one is still in it.'],
  'no drain when revoked': ['A member joins again only when all that it sent was answered, or can\'t arrive any more.', 'The next deal would be used while it is under way.'],
  'no fence': ['Who is not heard by the group stops sending before it can be given up.', 'The others are dealt its slots.'],
  'fence counts from the answer': ['The fence counts from the sending of the heartbeat, not from its answer.', 'The group counts from its arrival.'],
  'fence: no pause': ['The fence leaves room for the longest pause.', 'Between the check and the sending the process may stand still.'],
  'fence: no latest arrival': ['The fence leaves room for the latest arrival.', 'What was sent at its end may come late.'],
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function rowOf(source: Source, flaw: string): string {
  const { broken } = search(source, { from: 0, stories: STORIES, flaw })
  const [rule, why] = RULES[flaw] ?? [undefined, undefined]
  if (rule === undefined || why === undefined) throw new Error(`no rule is told for "${flaw}"`)
  return `| ${[source, flaw, rule, why, String(broken[0] ?? 'none'), `${broken.length} of ${STORIES}`].map(cell).join(' | ')} |`
}

/** The page with its table made anew: each rule is left out in some thousand stories. Takes minutes. @throws Error if the page lacks the marks */
export function withRules(page: string): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the page lacks ${BEGIN} or ${END}`)
  const rows = SOURCES.flatMap((source) => flawsOf(source).map((flaw) => rowOf(source, flaw)))
  const head = '| Share | Left out | Rule | Without it | Seed | Stories that go wrong |\n|---|---|---|---|---|---|'
  return `${before}${BEGIN}\n\n${head}\n${rows.join('\n')}\n\n${END}${after}`
}

/** Rows of the table: what is left out, and the seed of a story that goes wrong then. */
export function rulesOnPage(page: string): { source: Source; flaw: string; seed: number }[] {
  const rows = (page.split(BEGIN)[1]?.split(END)[0] ?? '').split('\n').filter((line) => /^\| (?:kubernetes|partitions) \|/.test(line))
  return rows.map((row) => {
    const [, source, flaw, , , seed] = row.split(/(?<!\\)\|/).map((text) => text.trim())
    return { source: source as Source, flaw: flaw as string, seed: Number(seed) }
  })
}
