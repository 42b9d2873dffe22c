import { decodeEvent } from '../../src/event.ts'
import { decodeDone, Done } from '../../src/kafka/done-marks.ts'
import { PartitionWork } from '../../src/kafka/partition-work.ts'
import type { Item, Memory } from '../../src/kafka/partition-work.ts'
import type { KafkaRecord } from '../../src/kafka/record.ts'
import { json, recordOf, track } from './helpers.ts'

const ROOMY = { records: 100, bytes: 1_000_000 }

/** A partition whose ready items and barriers are noted; `commit` is acknowledged at once, and gives what was committed. */
function partition(start = 0, most = ROOMY, memory?: Memory) {
  const [ready, barriers, skipped] = [[] as Item[], [] as number[], [] as number[]]
  let roomy = 0
  const work = new PartitionWork({ partition: 0, start, most, memory, onReady: (item) => ready.push(item), onBarrier: () => barriers.push(work.done), onRoom: () => { roomy += 1 } })
  const take = (record: KafkaRecord) => {
    if (work.skip(record.offset)) skipped.push(record.offset)
    else work.take(record, decodeEvent(record, undefined, 'test'))
  }
  const offsets = () => ready.map(({ record }) => record.offset)
  const item = (offset: number) => ready.find(({ record }) => record.offset === offset)!
  const commit = () => {
    const progress = work.progress()
    if (progress) work.commitDone(progress)
    return progress && { offset: progress.offset, beyond: offsetsOf(decodeDone(progress.offset, progress.metadata)) }
  }
  return { work, ready, barriers, skipped, take, offsets, item, commit, told: () => roomy }
}

const offsetsOf = (done: Done) => Array.from({ length: done.end - done.start }, (_, n) => done.start + n).filter((offset) => done.has(offset))
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
  expect([work.position, work.done]).toEqual([20, 10])
  work.settle(item(12), true)
  expect(work.done).toBe(10)
  work.settle(item(10), true)
  expect(work.done).toBe(15)
  work.settle(item(15), true)
  expect(work.done).toBe(20)
})

describe('what is to be committed', () => {
  test('the prefix, and what is done beyond it; nothing if nothing has moved', () => {
    const { work, take, item, commit } = partition(10)
    expect(commit()).toBeUndefined()
    for (const offset of [10, 11, 12, 13]) take(of(`u${offset}`, offset))
    expect(commit()).toBeUndefined()
    work.settle(item(13), true)
    work.settle(item(11), false)
    expect(commit()).toEqual({ offset: 10, beyond: [11, 13] })
    expect(commit()).toBeUndefined()
    work.settle(item(10), true)
    expect(commit()).toEqual({ offset: 12, beyond: [13] })
    work.settle(item(12), true)
    expect(commit()).toEqual({ offset: 14, beyond: [] })
  })

  test('records that do not exist move it too', () => {
    const { work, commit } = partition(10)
    work.reached(20)
    expect(commit()).toEqual({ offset: 20, beyond: [] })
    work.reached(15)
    expect(commit()).toBeUndefined()
  })

  test('what moved while a commit was under way is not covered by it', () => {
    const { work, take, item, commit } = partition()
    for (const offset of [0, 1]) take(of(`u${offset}`, offset))
    work.settle(item(0), true)
    const underWay = work.progress()!
    work.settle(item(1), true)
    work.commitDone(underWay)
    expect(commit()).toEqual({ offset: 2, beyond: [] })
  })
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

  test('what is done behind one that is not takes no room, however much that is', () => {
    const { work, take, item, told } = partition(0, { records: 3, bytes: 1_000_000 })
    for (const record of [of('a', 0), of('b', 1), of('c', 2)]) take(record)
    expect(work.hasRoom()).toBe(false)
    for (let offset = 3; offset < 5_000; offset += 1) {
      work.settle(item(offset - 1), true)
      take(of(`u${offset}`, offset))
    }
    expect([work.pending, work.done, work.hasRoom(), told()]).toEqual([3, 0, false, 0])
    work.settle(item(1), true)
    work.settle(item(4_999), true)
    expect([work.pending, work.done, work.hasRoom(), told()]).toEqual([1, 0, true, 1])
  })

  test('what is done and waits for its commit is held, and takes room and bytes until then', () => {
    const { work, take, item, told, commit } = partition(0, { records: 2, bytes: 1_000_000 })
    for (const record of [call('destroy', 'a', 0), call('suppress', 'b', 1)]) take(record)
    expect(work.hasRoom()).toBe(false)
    work.settle(item(0), true)
    expect([work.pending, work.hasRoom(), told(), work.bytes > 0]).toEqual([1, false, 0, true])
    work.settle(item(1), true)
    expect([work.pending, work.hasRoom(), told()]).toEqual([0, false, 0])
    commit()
    expect([work.pending, work.hasRoom(), told(), work.bytes]).toEqual([0, true, 1, 0])
  })

  test('is told when half of it is free, once, and only if there had been none', () => {
    const { work, take, item, told } = partition(0, { records: 4, bytes: 1_000_000 })
    for (const offset of [0, 1, 2, 3, 4]) take(of(`u${offset}`, offset))
    work.settle(item(0), true)
    expect([work.hasRoom(), told()]).toEqual([false, 0])
    work.settle(item(1), true)
    expect([work.hasRoom(), told()]).toEqual([true, 0])
    work.settle(item(2), true)
    expect(told()).toBe(1)
    work.settle(item(3), true)
    work.settle(item(4), true)
    expect(told()).toBe(1)
  })

  test('is counted in bytes, and one record always fits', () => {
    const [one, two] = [of('a', 0), of('b', 1)]
    const { work, take, item } = partition(0, { records: 100, bytes: 1 })
    expect(work.hasRoom()).toBe(true)
    take(one)
    expect([work.bytes, work.hasRoom()]).toEqual([bytesOf(one), false])
    take(two)
    expect(work.bytes).toBe(bytesOf(one) + bytesOf(two))
    work.settle(item(0), true)
    work.settle(item(1), true)
    expect([work.bytes, work.hasRoom()]).toEqual([0, true])
  })
})

describe.each(['suppress', 'destroy'])('%s stands between two commits', (type) => {
  test('its lane goes on only after a commit that has it, be it beyond the prefix', () => {
    const { work, take, offsets, item, barriers, commit } = partition()
    for (const record of [of('b', 0), call(type, 'a', 1), of('a', 2), of('c', 3)]) take(record)
    work.settle(item(1), true)
    work.settle(item(3), true)
    expect([offsets(), barriers]).toEqual([[0, 1, 3], [0]])
    expect(commit()).toEqual({ offset: 0, beyond: [1, 3] })
    expect(offsets()).toEqual([0, 1, 3, 2])
  })

  test('behind offsets that do not exist: what a commit could not tell of them holds it up no longer than the next one', () => {
    const held = partition(0, ROOMY, { done: new Done(0, [], 5), attempts: new Map() })
    held.work.recommit()
    held.work.commitDone(held.work.progress(0)!)
    held.take(call(type, 'a', 7))
    expect(held.offsets()).toEqual([])
    held.commit()
    expect(held.offsets()).toEqual([7])
  })

  test('a commit that was under way when it was done does not count', () => {
    const { work, take, offsets, item, commit } = partition()
    for (const record of [of('b', 0), call(type, 'a', 1), of('a', 2)]) take(record)
    work.settle(item(0), true)
    const underWay = work.progress()!
    work.settle(item(1), true)
    work.commitDone(underWay)
    expect(offsets()).toEqual([0, 1])
    commit()
    expect(offsets()).toEqual([0, 1, 2])
  })

  test('so far beyond the prefix that no commit can carry it: its lane waits for the prefix', () => {
    const { work, take, offsets, item } = partition()
    for (const record of [of('b', 0), call(type, 'a', 50_000), of('a', 50_001)]) take(record)
    const commit = () => {
      const progress = work.progress(30)!
      work.commitDone(progress)
      return [progress.offset, progress.marksEnd]
    }
    work.settle(item(50_000), true)
    // there are 11 digits for the 50,000 between them
    expect(commit()).toEqual([0, 2_048])
    expect(offsets()).toEqual([0, 50_000])
    work.settle(item(0), true)
    expect(commit()).toEqual([50_001, Infinity])
    expect(offsets()).toEqual([0, 50_000, 50_001])
  })

  test('it begins only after a commit of what went before: a repeat of that would undo it', () => {
    const { work, take, offsets, item, barriers, commit } = partition()
    for (const record of [of('a', 0), call(type, 'a', 1), call(type, 'b', 2)]) take(record)
    expect(offsets()).toEqual([0, 2])
    work.settle(item(0), true)
    expect([offsets(), barriers]).toEqual([[0, 2], [1]])
    commit()
    expect(offsets()).toEqual([0, 2, 1])
  })

  test('a dead letter of it holds up nobody', () => {
    const { work, take, offsets, item, barriers } = partition()
    for (const record of [call(type, 'a', 0), of('a', 1)]) take(record)
    work.settle(item(0), false)
    expect([offsets(), barriers]).toEqual([[0, 1], []])
  })

  test('not committed before the partition was assigned anew: it is done once more, and only then its lane goes on', () => {
    const before = partition()
    const records = [of('b', 0), call(type, 'a', 1), of('a', 2)]
    for (const record of records) before.take(record)
    before.work.settle(before.item(1), true)

    const { work, take, offsets, item, commit } = partition(0, ROOMY, before.work.memory())
    for (const record of records) take(record)
    expect(offsets()).toEqual([0, 1])
    work.settle(item(1), true)
    expect(offsets()).toEqual([0, 1])
    commit()
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
    const { work, take, offsets, skipped } = partition(0, ROOMY, before().work.memory())
    for (const record of [of('a', 0), of('b', 1), of('c', 2), of('c', 3), of('d', 4)]) take(record)
    expect(offsets()).toEqual([0, 3, 4])
    expect([skipped, work.pending, work.done]).toEqual([[1, 2], 3, 0])
  })

  test('what is known to be done is committed again with the rest', () => {
    const { work, take, item, commit } = partition(0, ROOMY, before().work.memory())
    for (const record of [of('a', 0), of('b', 1), of('c', 2), of('c', 3)]) take(record)
    work.settle(item(3), true)
    expect(commit()).toEqual({ offset: 0, beyond: [1, 2, 3] })
  })

  test('what is not taken again yet is known as before: it is in the next commit, and in the memory after that', () => {
    const { work, take, item, commit } = partition(0, ROOMY, before().work.memory())
    take(of('a', 0))
    work.settle(item(0), true)
    expect(work.memory()).toEqual(new Object({ done: new Done(0, [3, 4], 5), attempts: new Map() }))
    expect(commit()).toEqual({ offset: 1, beyond: [1, 2] })
    const again = partition(0, ROOMY, before().work.memory())
    expect(again.work.memory()).toEqual(before().work.memory())
  })

  test('what must not be repeated waits for a commit of what is known to be done before it', () => {
    const { take, offsets, commit } = partition(0, ROOMY, before().work.memory())
    for (const record of [of('a', 0), of('b', 1), call('suppress', 'b', 2)]) take(record)
    expect(offsets()).toEqual([0])
    const later = partition(0, ROOMY, { done: new Done(0, [0, 2], 3), attempts: new Map() })
    for (const record of [of('a', 0), of('b', 1), call('suppress', 'b', 2)]) later.take(record)
    expect(later.offsets()).toEqual([0])
    later.commit()
    expect(later.offsets()).toEqual([0, 2])
    expect(commit()).toBeDefined()
  })

  test('attempts, times of failure and the due time go on', () => {
    const { take, item } = partition(0, ROOMY, before().work.memory())
    for (const record of [of('a', 0), of('b', 1), of('c', 2), of('c', 3), of('d', 4)]) take(record)
    expect(item(0)).toMatchObject({ attempts: 3, firstFailureAt: 1_000, lastFailureAt: 2_000, dueAt: 77 })
    expect(item(3)).toMatchObject({ attempts: 0, firstFailureAt: undefined, lastFailureAt: undefined, dueAt: -Infinity })
  })

  test('holds what is within the prefix until a commit of it was acknowledged, since a commit may fail', () => {
    const held = before()
    held.work.settle(held.item(0), true)
    expect([held.work.done, held.work.memory()]).toEqual([3, { done: new Done(0, [3, 4], 5), attempts: new Map() }])
    held.commit()
    expect(held.work.memory()).toEqual({ done: new Done(3, [3, 4], 5), attempts: new Map() })
  })

  test('what comes after the close has no effect, and nothing is kept in memory', () => {
    const held = before()
    const late = held.item(0)
    held.work.close()
    held.work.settle(late, true)
    expect([held.work.closed, held.work.pending, held.work.done, held.offsets()]).toEqual([true, 0, 0, [0, 1, 2, 4, 3]])
  })
})
