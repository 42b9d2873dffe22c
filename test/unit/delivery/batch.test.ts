import * as fc from 'fast-check'
import { batchOf, countFailure, halvesOf, isApart } from '../../../src/delivery/batch.ts'
import type { Batch } from '../../../src/delivery/batch.ts'
import { decodeEvent } from '../../../src/event.ts'
import { PartitionWork, type Item } from '../../../src/kafka/partition-work.ts'
import { recordOf, track } from '../helpers.ts'

/** Heads of lanes of partition 3, from offset 7 on. */
function itemsOf(count: number): Item[] {
  const items: Item[] = []
  const work = new PartitionWork({ partition: 3, start: 7, most: { records: 1_000, bytes: 1e9 }, memory: undefined, onReady: (item) => items.push(item), onBarrier: () => {}, onRoom: () => {} })
  for (let n = 0; n < count; n += 1) {
    const record = recordOf({ partition: 3, offset: 7 + n, value: track(`u${n}`) })
    work.take(record, decodeEvent(record, undefined, 'test'))
  }
  return items
}

const offsetsOf = ({ items }: Batch): number[] => items.map(({ record }) => record.offset)

test('there is no batch of nothing', () => {
  expect(() => batchOf([], 'batch')).toThrow(RangeError)
})

test('one event alone is known by its place, counts for itself, and belongs to its person', () => {
  const [item] = itemsOf(1) as [Item]
  const batch = batchOf([item], 'alone')
  expect(batch).toMatchObject({ items: [item], carrier: 'alone', name: '3:7', origin: 'u0', parted: false })
  expect(batch.tally).toBe(item)
  // the same event is known by the same name each time
  expect(batchOf([item], 'batch').name).toBe(batch.name)
})

test('several have a name and a count of their own, anew each time', () => {
  const items = itemsOf(3)
  const [one, another] = [batchOf(items, 'batch'), batchOf(items, 'batch')]
  expect(one.name).not.toBe(another.name)
  expect([one.origin, another.origin, one.parted]).toEqual([one.name, another.name, false])
  expect(items.includes(one.tally as Item)).toBe(false)
  expect(one.tally).toEqual({ attempts: 0, excused: 0, firstFailureAt: undefined, lastFailureAt: undefined, dueAt: -Infinity })
  expect(one.tally).not.toBe(another.tally)
})

describe('halves', () => {
  test('are all of it, once, in the same order; the first has one more if it does not divide', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 200 }), (count) => {
      const batch = batchOf(itemsOf(count), 'batch')
      const halves = halvesOf(batch)
      expect(halves.flatMap(offsetsOf)).toEqual(offsetsOf(batch))
      expect(halves.map(({ items }) => items.length)).toEqual([Math.ceil(count / 2), Math.floor(count / 2)])
    }))
  })

  test('of halves share where they come from, and have different names; a single one, too', () => {
    const batch = batchOf(itemsOf(5), 'segment:add:1:id')
    const halves = halvesOf(batch)
    const quarters = halves.flatMap(halvesOf)
    const last = halvesOf(quarters[0]!)
    const family = [batch, ...halves, ...quarters, ...last]
    expect(new Set(family.map(({ origin }) => origin))).toEqual(new Set([batch.name]))
    expect(new Set(family.map(({ name }) => name)).size).toBe(family.length)
    expect(last.map(({ name, tally, items }) => [name, tally === items[0]])).toEqual([['3:7', true], ['3:8', true]])
    expect(family.slice(1).every(({ parted, carrier }) => parted && carrier === 'segment:add:1:id')).toBe(true)
  })

  test('begin to count anew', () => {
    const batch = batchOf(itemsOf(4), 'batch')
    countFailure(batch, 1)
    for (const half of halvesOf(batch)) expect(half.tally.attempts).toBe(0)
  })
})

describe('who goes apart from others', () => {
  test('what failed on a good day; on a bad day it was not to blame', () => {
    for (const count of [1, 2]) {
      const batch = batchOf(itemsOf(count), 'batch')
      expect(isApart(batch)).toBe(false)
      countFailure(batch, 1)
      expect(isApart(batch)).toBe(true)
      batch.tally.excused = batch.tally.attempts
      expect(isApart(batch)).toBe(false)
      countFailure(batch, 2)
      expect(isApart(batch)).toBe(true)
    }
  })

  test('a part of what was halved, though it has not failed itself', () => {
    for (const half of halvesOf(batchOf(itemsOf(3), 'batch'))) expect(isApart(half)).toBe(true)
  })
})

describe('a failure', () => {
  test('of one alone is its own; the time of the first one stays', () => {
    const [item] = itemsOf(1) as [Item]
    for (const now of [100, 200]) countFailure(batchOf([item], 'batch'), now)
    expect(item).toMatchObject({ attempts: 2, excused: 0, firstFailureAt: 100, lastFailureAt: 200 })
  })

  test('of several counts for them together, not for each; but each has failed at that time', () => {
    const items = itemsOf(3)
    const batch = batchOf(items, 'batch')
    countFailure(batchOf([items[0]!], 'batch'), 50)
    for (const now of [100, 200]) countFailure(batch, now)
    expect(batch.tally.attempts).toBe(2)
    expect(items.map(({ attempts, firstFailureAt, lastFailureAt }) => [attempts, firstFailureAt, lastFailureAt])).toEqual([[1, 50, 200], [0, 100, 200], [0, 100, 200]])
  })
})
