// What was measured: printed as it comes, once more as a whole at the end, and kept as files. WRITE=1 puts it into docs/benchmarks.md as well.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { aligned } from '../load/lines.ts'
import { aboutMachine, aboutRun } from './about.ts'
import type { Goal } from './goals.ts'
import { withBlock } from './page.ts'
import { RESULTS, type Results } from './part.ts'

const PAGE = 'docs/benchmarks.md'

/**
 * @param program for the page: `goals` and `about` are its blocks there
 * @returns the exit code: 0, also if goals are missed, which is a result like any other
 */
export async function withResults(program: 'bench' | 'peers', measure: (results: Results) => Promise<void>): Promise<number> {
  const blocks = new Map<string, string>()
  const goals: Goal[] = []
  const about = aboutRun()
  mkdirSync(RESULTS, { recursive: true })
  await measure({
    save: (name, runs) => writeFileSync(`${RESULTS}/${name}.json`, `${JSON.stringify({ ...aboutMachine(), runs }, null, 2)}\n`),
    table: (name, title, lines) => {
      const text = [title, ...lines.map((line) => line.trimEnd())].join('\n')
      blocks.set(name, text)
      console.log(`\n${text}\n`)
    },
    goals: (more) => void goals.push(...more),
  })
  if (goals.length > 0) blocks.set('goals', ['Goals', ...aligned(goals.map(({ what, figure, goal, met }) => [what, figure, goal, met ? 'met' : 'MISSED']))].join('\n'))
  blocks.set(`about ${program}`, about())
  console.log(`\nAll of it\n\n${[...blocks.values()].join('\n\n')}`)
  if (process.env.WRITE === '1') writeFileSync(PAGE, [...blocks].reduce((page, [name, text]) => withBlock(page, name, text), readFileSync(PAGE, 'utf8')))
  return 0
}
