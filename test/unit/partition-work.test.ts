import * as fc from 'fast-check'
import { decodeEvent } from '../../src/event.ts'
import { PartitionWork } from '../../src/kafka/partition-work.ts'
import type { Item, Memory } from '../../src/kafka/partition-work.ts'
import type { KafkaRecord } from '../../src/kafka/record.ts'
import { json, recordOf, track } from './helpers.ts'
import { Life } from './partition-life.ts'

const ROOMY = { records: 100, bytes: 1_000_000 }

/** A partition whose ready items and barriers are noted. */
function partition(start = 0, most = ROOMY, memory?: Memory) {
  const [ready, barriers] = [[] as Item[], [] as number[]]
  const work = new PartitionWork({ partition: 0, start, most, memory, onReady: (item) => ready.push(item), onBarrier: () => barriers.push(work.progress) })
  const take = (record: KafkaRecord) => work.take(record, decodeEvent(record, undefined, 'test'))
  const offsets = () => ready.map(({ record }) => record.offset)
  const item = (offset: number) => ready.find(({ record }) => record.offset === offset)!
  return { work, ready, barriers, take, offsets, item }
}

const of = (person: string, offset: number, given: Partial<KafkaRecord> = {}) => recordOf({ offset, key: Buffer.from(person), value: track(person), ...given })
const call = (type: string, person: string, offset: number) => of(person, offset, { value: json({ type, userId: person }) })

test('people do not wait for each other, a person\'s events do', () => {
  const { work, take, offsets, item } = partition()
  for (const record of [of('a', 0), of('a', 1), of('b', 2), of('a', 3)]) take(record)
  expect(offsets()).toEqual([0, 2])
  work.settle(item(2), true)
  work.settle(item(0), true)
  expect(offsets()).toEqual([0, 2, 1])
  work.settle(item(1), false)
  expect(offsets()).toEqual([0, 2, 1, 3])
})

test('a bad record waits in the lane of its key; without a key it has a lane of its own', () => {
  const { take, ready } = partition()
  const bad = Buffer.from('{')
  for (const record of [of('a', 0), of('a', 1, { value: bad }), of('', 2, { key: null, value: bad }), of('', 3, { key: null, value: bad })]) take(record)
  expect(ready.map(({ record, event, lane }) => [record.offset, event.kind, lane])).toEqual([[0, 'event', 'a'], [2, 'invalid', 'offset 2'], [3, 'invalid', 'offset 3']])
})

test('progress is the contiguous prefix, and what does not exist counts as done', () => {
  const { work, take, item } = partition(10)
  for (const record of [of('a', 10), of('b', 12), of('c', 15)]) take(record)
  work.reached(20)
  expect([work.position, work.progress]).toEqual([20, 10])
  work.settle(item(12), true)
  expect(work.progress).toBe(10)
  work.settle(item(10), true)
  expect(work.progress).toBe(15)
  work.settle(item(15), true)
  expect([work.progress, work.committed]).toEqual([20, 10])
  work.commitDone(20)
  work.commitDone(15)
  expect(work.committed).toBe(20)
})

test('the oldest is the record at the head of the prefix', () => {
  const { work, take, item } = partition()
  expect(work.oldest).toBeUndefined()
  take(of('a', 0, { timestamp: 300 }))
  take(of('b', 1, { timestamp: 100 }))
  expect(work.oldest).toBe(300)
  work.settle(item(0), true)
  expect(work.oldest).toBe(100)
  work.settle(item(1), true)
  expect(work.oldest).toBeUndefined()
})

describe('room', () => {
  const bytesOf = (record: KafkaRecord) => record.key!.length + record.value!.length

  test('what is done behind one that is not takes room too', () => {
    const { work, take, item } = partition(0, { records: 3, bytes: 1_000_000 })
    for (const record of [of('a', 0), of('b', 1), of('c', 2)]) take(record)
    expect([work.hasRoom(), work.hasMuchRoom()]).toEqual([false, false])
    work.settle(item(1), true)
    work.settle(item(2), true)
    expect([work.pending, work.hasRoom(), work.hasMuchRoom()]).toEqual([1, false, false])
    work.settle(item(0), true)
    expect([work.pending, work.hasRoom(), work.hasMuchRoom()]).toEqual([0, true, true])
  })

  test('is much when half of it is free', () => {
    const { work, take, item } = partition(0, { records: 4, bytes: 1_000_000 })
    for (const offset of [0, 1, 2, 3]) take(of(`u${offset}`, offset))
    work.settle(item(0), true)
    expect([work.hasRoom(), work.hasMuchRoom()]).toEqual([true, false])
    work.settle(item(1), true)
    expect(work.hasMuchRoom()).toBe(true)
  })

  test('is counted in bytes, and one record always fits', () => {
    const [one, two] = [of('a', 0), of('b', 1)]
    const { work, take, item } = partition(0, { records: 100, bytes: 1 })
    expect(work.hasRoom()).toBe(true)
    take(one)
    expect([work.bytes, work.hasRoom(), work.hasMuchRoom()]).toEqual([bytesOf(one), false, false])
    take(two)
    expect(work.bytes).toBe(bytesOf(one) + bytesOf(two))
    work.settle(item(0), true)
    work.settle(item(1), true)
    expect([work.bytes, work.hasRoom()]).toEqual([0, true])
  })
})

describe.each(['suppress', 'destroy'])('%s is not repeated over newer data', (type) => {
  test('its lane goes on only after a commit that covers it', () => {
    const { work, take, offsets, item, barriers } = partition()
    for (const record of [of('b', 0), call(type, 'a', 1), of('a', 2), of('c', 3)]) take(record)
    work.settle(item(1), true)
    expect(barriers).toEqual([0])
    // another person's event is open in front of it, so no commit can cover it yet
    work.commitDone(work.progress)
    work.settle(item(3), true)
    expect(offsets()).toEqual([0, 1, 3])
    work.settle(item(0), true)
    expect(offsets()).toEqual([0, 1, 3])
    work.commitDone(1)
    expect(offsets()).toEqual([0, 1, 3])
    work.commitDone(2)
    expect(offsets()).toEqual([0, 1, 3, 2])
  })

  test('a dead letter of it holds up nobody', () => {
    const { work, take, offsets, item, barriers } = partition()
    for (const record of [call(type, 'a', 0), of('a', 1)]) take(record)
    work.settle(item(0), false)
    expect([offsets(), barriers]).toEqual([[0, 1], []])
  })

  test('not committed before the partition was assigned anew: it is done once more, and only then its lane goes on', () => {
    const before = partition()
    for (const record of [of('b', 0), call(type, 'a', 1), of('a', 2)]) before.take(record)
    before.work.settle(before.item(1), true)

    const { work, take, offsets, item } = partition(0, ROOMY, before.work.memory())
    for (const record of [of('b', 0), call(type, 'a', 1), of('a', 2)]) take(record)
    expect(offsets()).toEqual([0, 1])
    work.settle(item(1), true)
    work.settle(item(0), true)
    expect(offsets()).toEqual([0, 1])
    work.commitDone(2)
    expect(offsets()).toEqual([0, 1, 2])
  })
})

describe('memory, when the partition is assigned to the same process again', () => {
  const before = () => {
    const held = partition()
    for (const record of [of('a', 0), of('b', 1), of('c', 2), of('c', 3), of('d', 4)]) held.take(record)
    held.work.settle(held.item(1), true)
    held.work.settle(held.item(2), false)
    Object.assign(held.item(0), { attempts: 3, firstFailureAt: 1_000, lastFailureAt: 2_000, dueAt: 77 })
    return held
  }

  test('what was done is not made ready again, and its lane goes on', () => {
    const { work, take, offsets } = partition(0, ROOMY, before().work.memory())
    for (const record of [of('a', 0), of('b', 1), of('c', 2), of('c', 3), of('d', 4)]) take(record)
    expect(offsets()).toEqual([0, 3, 4])
    expect([work.skipped, work.pending, work.progress]).toEqual([2, 3, 0])
  })

  test('attempts, times of failure and the due time go on', () => {
    const { take, item } = partition(0, ROOMY, before().work.memory())
    for (const record of [of('a', 0), of('b', 1), of('c', 2), of('c', 3), of('d', 4)]) take(record)
    expect(item(0)).toMatchObject({ attempts: 3, firstFailureAt: 1_000, lastFailureAt: 2_000, dueAt: 77 })
    expect(item(3)).toMatchObject({ attempts: 0, firstFailureAt: undefined, lastFailureAt: undefined, dueAt: -Infinity })
  })

  test('counts for the same record only: a topic made anew has the offsets, but not the times', () => {
    const { work, take, offsets, item } = partition(0, ROOMY, before().work.memory())
    for (const offset of [0, 1, 2]) take(of('z', offset, { timestamp: 5 }))
    expect([offsets(), work.skipped, item(0).attempts]).toEqual([[0], 0, 0])
  })

  test('holds only what is beyond the prefix', () => {
    const held = before()
    held.work.settle(held.item(0), true)
    expect([held.work.progress, held.work.memory()]).toEqual([3, { done: new Set(), attempts: new Map() }])
  })
})

describe('a random life', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ verb: fc.constant('take' as const), choice: fc.nat() }) },
    { weight: 6, arbitrary: fc.record({ verb: fc.constant('settle' as const), choice: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ verb: fc.constant('fail' as const), choice: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ verb: fc.constant('commit' as const), choice: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ verb: fc.constant('rebalance' as const), choice: fc.nat() }) },
  )
  const life = fc.record({
    topic: fc.array(fc.record({ person: fc.constantFrom('a', 'b', 'c'), type: fc.constantFrom('track', 'track', 'track', 'suppress', 'destroy', 'bad'), gap: fc.nat(2) }), { maxLength: 60 }),
    most: fc.record({ records: fc.integer({ min: 1, max: 8 }), bytes: fc.constantFrom(1, 200, 1_000_000) }),
    steps: fc.array(step, { maxLength: 250 }),
  })

  test('keeps the promises after each step, and everything is done in the end', () => {
    fc.assert(fc.property(life, ({ topic, most, steps }) => {
      const run = new Life(topic, most)
      for (const { verb, choice } of steps) {
        run[verb](choice)
        expect(run.brokenPromises()).toEqual([])
      }
      run.finish()
      expect(run.brokenPromises()).toEqual([])
      expect(run.left()).toEqual({ notDone: 0, pending: 0, bytes: 0, uncommitted: 0 })
    }), { numRuns: 500 })
  })
})
