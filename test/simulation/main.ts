// `make search`: plays STORIES stories (50000 for each source) from SEED on, or as many as fit into SEARCH_MINUTES; SOURCE=kubernetes|partitions for one of
// them; FLAW leaves a rule out. Ends with a line of JSON a source; exit code 1, and the shortest story, if a window was over the limit.

import { flawsOf, search, SOURCES, tellShrunk, type Source } from './search.ts'
import { SettingsError, wholeNumber } from '../support/settings.ts'

function run(): number {
  const { SOURCE, FLAW } = process.env
  const minutes = wholeNumber(process.env, 'SEARCH_MINUTES', { min: 1, max: 10_000 })
  const stories = wholeNumber(process.env, 'STORIES', { min: 1, max: 2 ** 31 }) ?? (minutes === undefined ? 50_000 : 2 ** 31)
  const from = wholeNumber(process.env, 'SEED', { min: 0, max: 2 ** 31 }) ?? 0
  const sources = SOURCE === undefined ? SOURCES : SOURCES.filter((source) => source === SOURCE)
  if (sources.length === 0) throw new SettingsError(`SOURCE: "${SOURCE}" is not allowed; allowed: ${SOURCES.join(' | ')}`)
  let failed = 0
  for (const source of sources) {
    if (FLAW !== undefined && !flawsOf(source).includes(FLAW)) throw new SettingsError(`FLAW: "${FLAW}" is not allowed; allowed: ${flawsOf(source).join(' | ')}`)
    failed += tell(source, { from, stories, flaw: FLAW, deadline: performance.now() + ((minutes ?? Infinity) * 60_000) / sources.length })
  }
  return failed === 0 ? 0 : 1
}

function tell(source: Source, { from, stories, flaw, deadline }: { from: number; stories: number; flaw: string | undefined; deadline: number }): number {
  const found = search(source, { from, stories, flaw, until: ({ broken }) => broken.length >= 10 || performance.now() > deadline })
  const [first] = found.broken
  if (first !== undefined) for (const line of tellShrunk(source, first, flaw)) console.log(line)
  console.log(JSON.stringify({ source, ...(flaw && { flaw }), from, ...found }))
  return found.broken.length
}

try {
  process.exit(run())
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(error instanceof SettingsError ? 2 : 1)
}
