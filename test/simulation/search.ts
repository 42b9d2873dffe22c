// The search: story after story, for both ways of sharing the limit, with all rules or with one of them left out.

import { FLAWS as LEDGER_FLAWS, play as playLedger, type Flaw as LedgerFlaw } from './kubernetes.ts'
import { FLAWS as GROUP_FLAWS, play as playGroup, type Flaw as GroupFlaw } from './partitions.ts'
import { shrink, storyOf } from './stories.ts'
import type { Played, Story } from './story.ts'

export const SOURCES = ['kubernetes', 'partitions'] as const
export type Source = typeof SOURCES[number]

export const flawsOf = (source: Source): readonly string[] => (source === 'kubernetes' ? LEDGER_FLAWS : GROUP_FLAWS)

/** @param flaw one of `flawsOf(source)` */
export function play(source: Source, story: Story, flaw?: string, tell?: (line: string) => void): Played {
  return source === 'kubernetes' ? playLedger(story, flaw as LedgerFlaw | undefined, tell) : playGroup(story, flaw as GroupFlaw | undefined, tell)
}

export interface Found {
  readonly stories: number
  readonly windows: number
  /** Stories in which a window was full to the limit: those that could have gone over it. */
  readonly full: number
  /** Seeds of stories in which something was broken. */
  readonly broken: readonly number[]
}

/** @param until told after each story what was found so far; true ends the search */
export function search(source: Source, { from, stories, flaw, until }: { from: number; stories: number; flaw?: string | undefined; until?: (found: Found) => boolean }): Found {
  let [windows, full] = [0, 0]
  const broken: number[] = []
  for (let seed = from; seed < from + stories; seed += 1) {
    const played = play(source, storyOf(seed), flaw)
    windows += played.windows
    if (played.fullest >= 1) full += 1
    if (played.violation) broken.push(seed)
    const found = { stories: seed - from + 1, windows, full, broken }
    if (until?.(found)) return found
  }
  return { stories, windows, full, broken }
}

/** What happens in the shortest story that still goes wrong, line by line. */
export function tellShrunk(source: Source, seed: number, flaw?: string): string[] {
  const story = shrink(storyOf(seed), (shorter) => play(source, shorter, flaw).violation !== undefined)
  const { acts, ...rest } = story
  const lines = [`the shortest story of seed ${seed} (${source}): ${JSON.stringify(rest)}`, `acts: ${JSON.stringify(acts)}`]
  play(source, story, flaw, (line) => lines.push(line))
  return lines
}
