import type { FaultRecord } from '../faults/fault-case.ts'
import { notOnPage, withoutCase, withTables } from '../faults/page.ts'

const record = (fault: string, more: Partial<FaultRecord> = {}): FaultRecord => ({
  fault, does: 'Waits.', sees: 'A line.', group: 'kafka', order: 1,
  figures: { published: 10, lost: 0, inversions: 0, covered: 2, uncovered: 0, letters: 1, wrongLetters: 0, mostInWindow: 50, limit: 50, recoveryMs: 1_260 }, ...more,
})
const empty = 'Before.\n\n<!-- written by make behaviour: begin -->\nold\n<!-- written by make behaviour: end -->\n\nAfter.\n'

test('renews what stands between the marks, and nothing else', () => {
  const page = withTables(empty, [record('b', { order: 2 }), record('a | one')], 'today')
  expect(page.startsWith('Before.\n') && page.endsWith('\nAfter.\n')).toBe(true)
  expect(page).not.toContain('old')
  expect(page).toContain('| a \\| one | 10 | 0 | 0 | 2 / 0 | 1 / 0 | 50 of 50 | 1.3 s |\n| b |')
  expect(withTables(page, [record('b', { order: 2 }), record('a | one')], 'today')).toBe(page)
})

test('tells the cases that are not on the page, or say something else, and the rows without a case', () => {
  const page = withTables(empty, [record('a'), record('b')], 'today')
  expect(notOnPage(page, [record('a'), record('b', { sees: 'Another line.' }), record('c')])).toEqual(['b', 'c'])
  expect(withoutCase(page, [record('a'), record('c')])).toEqual(['b'])
})

test('a page without the marks is refused', () => {
  expect(() => withTables('no marks', [], 'today')).toThrow('lacks')
})
