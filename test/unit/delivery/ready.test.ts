import * as fc from 'fast-check'
import { ReadyQueue, type Placed } from '../../../src/delivery/ready.ts'

interface Entry extends Placed { readonly partition: string }

function queueOf(...places: [partition: string, offset: number][]): ReadyQueue<Entry> {
  const works = new Map<string, object>()
  const queue = new ReadyQueue<Entry>()
  for (const [partition, offset] of places) {
    if (!works.has(partition)) works.set(partition, {})
    queue.push({ partition, work: works.get(partition) as object, record: { offset }, readySince: 0 })
  }
  return queue
}

const next = (queue: ReadyQueue<Entry>): string | undefined => {
  const entry = queue.shift()
  return entry && `${entry.partition}${entry.record.offset}`
}
const all = (queue: ReadyQueue<Entry>): (string | undefined)[] => Array.from({ length: queue.size }, () => next(queue))

test('is empty at first, and after a clear', () => {
  const queue = queueOf(['a', 1], ['b', 2])
  queue.clear()
  expect([queue.size, next(queue), queueOf().size, next(queueOf())]).toEqual([0, undefined, 0, undefined])
})

test('within a partition the lowest offset goes first', () => {
  expect(all(queueOf(['a', 7], ['a', 3], ['a', 9], ['a', 1]))).toEqual(['a1', 'a3', 'a7', 'a9'])
})

test('partitions take turns, so a long one starves nobody', () => {
  expect(all(queueOf(['a', 1], ['a', 2], ['a', 3], ['b', 7], ['c', 9], ['b', 8]))).toEqual(['a1', 'b7', 'c9', 'a2', 'b8', 'a3'])
})

test('a partition that had its turn waits for the others, whatever is added to it', () => {
  const queue = new ReadyQueue<Entry>()
  const [a, b] = [{ partition: 'a', work: {} }, { partition: 'b', work: {} }]
  queue.push({ ...a, record: { offset: 5 }, readySince: 0 })
  queue.push({ ...a, record: { offset: 6 }, readySince: 0 })
  queue.push({ ...b, record: { offset: 7 }, readySince: 0 })
  expect(next(queue)).toBe('a5')
  queue.push({ ...a, record: { offset: 1 }, readySince: 0 })
  expect(all(queue)).toEqual(['b7', 'a1', 'a6'])
})

test('nothing is lost or doubled; what comes is always the lowest of its partition, and nobody waits for more than a round', () => {
  const step = fc.oneof(fc.record({ partition: fc.nat(4), offset: fc.nat(30) }), fc.constant('shift' as const))
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const works = [{}, {}, {}, {}, {}]
    const queue = new ReadyQueue<Placed>()
    const held = new Set<Placed>()
    const waited = new Map<object, number>()
    const shift = () => {
      const entry = queue.shift()
      expect(entry === undefined).toBe(held.size === 0)
      if (!entry) return
      expect(held.delete(entry)).toBe(true)
      const left = [...held].filter(({ work }) => work === entry.work).map(({ record }) => record.offset)
      expect(Math.min(...left)).toBeGreaterThanOrEqual(entry.record.offset)
      waited.set(entry.work, 0)
      const waiting = new Set([...held].map(({ work }) => work))
      for (const work of waiting) if (work !== entry.work) waited.set(work, (waited.get(work) ?? 0) + 1)
      for (const work of works) if (!waiting.has(work)) waited.delete(work)
      expect(Math.max(0, ...waited.values())).toBeLessThan(works.length)
    }
    for (const each of steps) {
      if (each === 'shift') shift()
      else {
        const entry = { work: works[each.partition] as object, record: { offset: each.offset }, readySince: 0 }
        queue.push(entry)
        held.add(entry)
      }
      expect(queue.size).toBe(held.size)
    }
    while (held.size > 0) shift()
    expect(queue.shift()).toBeUndefined()
  }), { numRuns: 300 })
})
