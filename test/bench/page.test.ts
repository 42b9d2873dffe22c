import { readFileSync } from 'node:fs'
import { withBlock } from './page.ts'

const page = 'before\n<!-- bench: a -->\nold\n<!-- bench: end -->\nbetween\n<!-- bench: b -->\n<!-- bench: end -->\nafter\n'

test('a block is replaced, and nothing else', () => {
  const once = withBlock(page, 'b', 'x  y')
  expect(once).toBe('before\n<!-- bench: a -->\nold\n<!-- bench: end -->\nbetween\n<!-- bench: b -->\n```text\nx  y\n```\n<!-- bench: end -->\nafter\n')
  expect(withBlock(withBlock(once, 'b', 'other'), 'b', 'x  y')).toBe(once)
})

test('a block that is not there is an error', () => {
  expect(() => withBlock(page, 'c', '')).toThrow('no block "c"')
})

test.each(['goals', 'throughput', 'cores', 'client', 'latency', 'life', 'drain', 'limiter', 'peers', 'about bench', 'about peers'])('docs/benchmarks.md has a place for %s', (name) => {
  expect(withBlock(readFileSync('docs/benchmarks.md', 'utf8'), name, 'text')).toContain('```text\ntext\n```')
})
