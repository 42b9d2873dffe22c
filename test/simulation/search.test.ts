// The proof by search: no window over the limit in any of some hundred thousand stories; and each rule is needed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { rulesOnPage } from './rules.ts'
import { flawsOf, play, SOURCES, type Found, type Source } from './search.ts'
import { storyOf } from './stories.ts'

jest.setTimeout(1_200_000)

const STORIES: Readonly<Record<Source, number>> = { kubernetes: 60_000, partitions: 60_000 }
const page = readFileSync('docs/limiter.md', 'utf8')

/** In a process of its own, so that both sources are searched side by side, by Node as it is. */
async function searchElsewhere(source: Source): Promise<{ found: Found; said: string }> {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, ['test/simulation/main.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { PATH, HOME, SOURCE: source, STORIES: String(STORIES[source]) },
  })
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { found: JSON.parse(said.trim().split('\n').at(-1) as string) as Found, said }
}

test('no window is over the limit, whatever happens, and the limit is reached', async () => {
  const found = await Promise.all(SOURCES.map(searchElsewhere))
  for (const [index, source] of SOURCES.entries()) {
    const { found: { stories, windows, full, broken }, said } = found[index] as (typeof found)[number]
    console.log(`${source}: ${stories} stories, ${windows} windows, ${broken.length} over the limit, ${full} stories with a full window`)
    if (broken.length > 0) throw new Error(said)
    expect(stories).toBe(STORIES[source])
    // else there was nothing to see
    expect(full).toBeGreaterThan(stories / 2)
  }
})

test('docs/limiter.md has a row for each rule, and no other', () => {
  const rules = rulesOnPage(page).map(({ source, flaw }) => `${source}: ${flaw}`)
  expect(rules).toEqual(SOURCES.flatMap((source) => flawsOf(source).map((flaw) => `${source}: ${flaw}`)))
})

test.each(rulesOnPage(page))('$source without the rule "$flaw" goes over the limit in the story of seed $seed, and with it does not', ({ source, flaw, seed }) => {
  const story = storyOf(seed)
  expect(play(source, story, flaw).violation).toBeDefined()
  expect(play(source, story).violation).toBeUndefined()
})

test('a story is the same each time', () => {
  const told = [1, 2].map(() => {
    const lines: string[] = []
    play('kubernetes', storyOf(12), undefined, (line) => lines.push(line))
    return lines
  })
  expect(told[0]).toEqual(told[1])
})
