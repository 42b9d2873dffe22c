import * as fc from 'fast-check'
import { batchOf } from '../../../src/delivery/batch.ts'
import type { Batch } from '../../../src/delivery/batch.ts'
import { Batcher, LARGEST_BATCH } from '../../../src/delivery/batcher.ts'
import type { DeliveryMode } from '../../../src/delivery/batcher.ts'
import { carrierOf, estimateOf } from '../../../src/delivery/operations.ts'
import { decodeEvent, type CustomerEvent } from '../../../src/event.ts'
import { PartitionWork, type Item } from '../../../src/kafka/partition-work.ts'
import { json, recordOf } from '../helpers.ts'

type Value = Readonly<Record<string, unknown>>
const tracked = (userId: string, note = ''): Value => ({ type: 'track', userId, payload: { event: 'login', properties: { note } } })
const estimate = (value: Value): number => estimateOf(decodeEvent(recordOf({ value: json(value) }), undefined, 'test') as CustomerEvent)
/** Takes so many bytes of a batch, as they are estimated. */
const large = (userId: string, bytes: number): Value => tracked(userId, 'x'.repeat(bytes - estimate(tracked(userId))))
const segment = (userId: string, segmentId: number, type = 'addToSegment'): Value => ({ type, userId, payload: { segmentId } })
/** Has no form in v2. */
const anonymous = (anonymousId: string): Value => ({ type: 'trackAnonymous', anonymousId, payload: { event: 'login' } })
const bad: Value = { type: 'nonsense' }

/** Partitions, and a batcher that gets the heads of their lanes only when a test says so. Time is a count. */
function post(mode: DeliveryMode = 'batch') {
  const batcher = new Batcher(mode)
  const works = [0, 1, 2].map((partition) => new PartitionWork({
    partition, start: 0, most: { records: 100_000, bytes: 1e9 }, memory: undefined, onReady: (item) => { head = item }, onBarrier: () => {}, onRoom: () => {},
  }))
  let head: Item | undefined
  let now = 0
  /** The next record of the partition, which must be the head of its lane. */
  const take = (value: Value, partition = 0): Item => {
    const work = works[partition]!
    const record = recordOf({ partition, offset: work.position, key: null, value: json(value) })
    head = undefined
    work.take(record, decodeEvent(record, undefined, 'test'))
    if (!head) throw new Error('not the head of its lane')
    return head
  }
  const add = (value: Value, partition = 0): Item => {
    const item = take(value, partition)
    now += 1
    item.readySince = now
    batcher.add(item)
    return item
  }
  return { batcher, works, take, add }
}

const placesOf = (batch: Batch | undefined): string[] | undefined => batch?.items.map(({ record }) => `${record.partition}/${record.offset}`)
const peopleOf = (batch: Batch | undefined): string[] | undefined => batch?.items.map(({ lane }) => lane)
/** All that is in there, batch by batch. */
function drained(batcher: Batcher, most = Infinity): Batch[] {
  const batches: Batch[] = []
  for (let batch = batcher.next(most); batch; batch = batcher.next(most)) batches.push(batch)
  return batches
}
const sizeOf = (items: readonly Item[]): number => items.reduce((sum, { event }) => sum + estimateOf(event as CustomerEvent), 0)

test('empty, it has nothing', () => {
  const { batcher } = post()
  expect([batcher.next(10), batcher.events, batcher.requests(10)]).toEqual([undefined, 0, 0])
})

test('whatever waits goes together, partitions in turn, the lowest offsets first', () => {
  const { batcher, add } = post()
  for (const [person, partition] of [['a', 0], ['b', 1], ['c', 0], ['d', 1], ['e', 0]] as const) add(tracked(person), partition)
  expect([batcher.events, batcher.requests(10)]).toEqual([5, 1])
  const batch = batcher.next(Infinity)
  expect([batch?.carrier, batch?.parted, placesOf(batch)]).toEqual(['batch', false, ['0/0', '1/0', '0/1', '1/1', '0/2']])
  expect([batcher.events, batcher.next(Infinity)]).toEqual([0, undefined])
})

test('one alone is a batch of one', () => {
  const { batcher, add } = post()
  const item = add(tracked('a'))
  expect(batcher.next(Infinity)).toMatchObject({ items: [item], name: '0:0', tally: item })
})

test('in single mode each event goes alone, whatever its type', () => {
  const { batcher, add } = post('single')
  for (const value of [tracked('a'), segment('b', 1), segment('c', 1), anonymous('d')]) add(value)
  expect(batcher.requests(10)).toBe(4)
  expect(drained(batcher).map((batch) => [batch.carrier, placesOf(batch)])).toEqual([['alone', ['0/0']], ['alone', ['0/1']], ['alone', ['0/2']], ['alone', ['0/3']]])
})

test('what is invalid is not sent', () => {
  const { batcher, take } = post()
  expect(() => batcher.add(take(bad))).toThrow('only valid events')
  expect(batcher.events).toBe(0)
})

describe('lines', () => {
  test('events travel with others of the same way only; the line whose next event has waited for longest goes first', () => {
    const { batcher, add } = post()
    const values = [segment('a', 1), tracked('b'), segment('c', 1), anonymous('d'), tracked('e'), segment('f', 2), anonymous('g'), segment('h', 1, 'removeFromSegment')]
    for (const value of values) add(value)
    expect(batcher.requests(100)).toBe(6)
    expect(drained(batcher).map((batch) => [batch.carrier, peopleOf(batch)])).toEqual([
      ['segment:add:1:id', ['a', 'c']], ['batch', ['b', 'e']], ['alone', ['d']], ['segment:add:2:id', ['f']], ['alone', ['g']], ['segment:remove:1:id', ['h']],
    ])
  })

  test('what has just become ready again waits behind lines that have waited for longer', () => {
    const { batcher, take, add } = post()
    const early = take(anonymous('again'))
    for (const person of ['a', 'b']) add(tracked(person))
    early.readySince = 99
    batcher.add(early)
    expect(drained(batcher).map(peopleOf)).toEqual([['a', 'b'], ['again']])
  })

  test('none is remembered once it has run dry', () => {
    const { batcher, add } = post()
    for (let n = 0; n < 500; n += 1) {
      add(segment('a' + n, n + 1))
      batcher.next(Infinity)
    }
    expect([batcher.events, batcher.requests(10)]).toEqual([0, 0])
  })
})

describe('bounds', () => {
  test('bytes: a request is filled, but not above what Customer.io takes; nothing is left behind', () => {
    const { batcher, add } = post()
    for (let n = 0; n < 100; n += 1) add(large(`u${n}`, 30_000))
    const batches = drained(batcher)
    expect(batches.reduce((sum, { items }) => sum + items.length, 0)).toBe(100)
    for (const { items } of batches) expect(sizeOf(items)).toBeLessThanOrEqual(LARGEST_BATCH)
    // one more would not have fitted
    for (const { items } of batches.slice(0, -1)) expect(sizeOf(items) + estimateOf(items[0]!.event as CustomerEvent)).toBeGreaterThan(LARGEST_BATCH)
  })

  test.each([[15_000, [16]], [15_001, [15, 1]]])('to the byte: the last one of %d', (bytes, sizes) => {
    const { batcher, add } = post()
    for (let n = 0; n < 15; n += 1) add(large(`u${n}`, 31_000))
    add(large('last', bytes))
    expect(drained(batcher).map(({ items }) => items.length)).toEqual(sizes)
  })

  test('people in a call for a segment: a thousand', () => {
    const { batcher, add } = post()
    for (let n = 0; n < 2_001; n += 1) add(segment(`u${n}`, 7))
    expect(batcher.requests(100)).toBe(3)
    expect(drained(batcher).map(({ items }) => items.length)).toEqual([1_000, 1_000, 1])
  })

  test('as many events as are asked for', () => {
    const { batcher, add } = post()
    for (let n = 0; n < 10; n += 1) add(tracked(`u${n}`))
    expect(batcher.next(4)?.items.length).toBe(4)
    expect(batcher.next(1)?.items.length).toBe(1)
    expect([batcher.events, batcher.next(100)?.items.length]).toEqual([5, 5])
  })
})

test('one person\'s events are never together, be they of different partitions: the second goes with the next request', () => {
  const { batcher, add } = post()
  add(tracked('a'), 0)
  add(tracked('a'), 1)
  add(tracked('b'), 2)
  add(tracked('a'), 2)
  const batches = drained(batcher)
  expect(batches.map(peopleOf)).toEqual([['a', 'b'], ['a'], ['a']])
  expect(batches.flatMap((batch) => placesOf(batch)).toSorted()).toEqual(['0/0', '1/0', '2/0', '2/1'])
  expect(batcher.events).toBe(0)
})

describe('batches that were formed before', () => {
  test('go first, as they are, in the order in which they came', () => {
    const { batcher, take, add } = post()
    add(tracked('waiting'))
    const formed = [batchOf([take(tracked('a')), take(tracked('b'))], 'batch', 'elsewhere'), batchOf([take(anonymous('c'))], 'alone')]
    for (const batch of formed) batcher.addFormed(batch)
    expect([batcher.events, batcher.requests(10)]).toEqual([4, 3])
    expect([batcher.next(Infinity), batcher.next(Infinity)]).toEqual(formed)
    expect([batcher.events, peopleOf(batcher.next(Infinity))]).toEqual([1, ['waiting']])
  })

  test('one larger than asked for is cut, and its rest is next; both keep apart, and where they come from', () => {
    const { batcher, take } = post()
    const batch = batchOf(['a', 'b', 'c', 'd', 'e'].map((person) => take(tracked(person))), 'batch')
    batcher.addFormed(batch)
    const parts = [batcher.next(2), batcher.next(2), batcher.next(2)] as Batch[]
    expect(parts.map(peopleOf)).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(parts.map(({ origin, parted, carrier }) => [origin, parted, carrier])).toEqual(parts.map(() => [batch.origin, true, 'batch']))
    expect([batcher.events, batcher.next(2)]).toEqual([0, undefined])
  })
})

describe('one to try with', () => {
  test('is the one that has been ready for longest, of all lines and partitions, and alone', () => {
    const { batcher, add } = post()
    for (const [value, partition] of [[tracked('a'), 0], [segment('b', 1), 1], [tracked('c'), 1], [anonymous('d'), 0], [tracked('e'), 0]] as const) add(value, partition)
    const tried = ['a', 'b', 'c', 'd', 'e'].map(() => batcher.probe())
    expect(tried.map((batch) => [batch?.carrier, peopleOf(batch)])).toEqual([
      ['batch', ['a']], ['segment:add:1:id', ['b']], ['batch', ['c']], ['alone', ['d']], ['batch', ['e']],
    ])
    expect([batcher.probe(), batcher.events, batcher.requests(10)]).toEqual([undefined, 0, 0])
  })

  test('one that comes back goes behind all others, though its offset is the lowest', () => {
    const { batcher, add } = post()
    for (const person of ['a', 'b', 'c']) add(tracked(person))
    const tried: string[] = []
    for (let now = 100; now < 107; now += 1) {
      const [item] = batcher.probe()!.items as [Item]
      tried.push(item.lane)
      item.readySince = now
      batcher.add(item)
    }
    expect(tried).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a'])
  })

  test('is one of those that were formed before, if these have waited for longer; the rest of them stays as it is', () => {
    const { batcher, take, add } = post()
    const [first, old] = [add(tracked('first')), ['x', 'y', 'z'].map((person) => take(tracked(person)))]
    for (const item of old) item.readySince = 50
    const batch = batchOf(old, 'batch')
    batcher.addFormed(batch)
    for (const [person, since] of [['later', 60], ['last', 70]] as const) {
      const item = take(tracked(person))
      item.readySince = since
      batcher.addFormed(batchOf([item], 'batch'))
    }
    const tried = [batcher.probe(), batcher.probe(), batcher.probe()] as Batch[]
    expect(tried.map(peopleOf)).toEqual([[first.lane], ['x'], ['y']])
    expect(tried.slice(1).every(({ parted, origin }) => parted && origin === batch.origin)).toBe(true)
    expect(drained(batcher).map(peopleOf)).toEqual([['z'], ['later'], ['last']])
    expect(batcher.events).toBe(0)
  })

  test('is none whose work is over', () => {
    const { batcher, works, take, add } = post()
    batcher.addFormed(batchOf([take(tracked('x'), 0)], 'batch'))
    for (const [person, partition] of [['a', 0], ['b', 0], ['c', 1]] as const) add(tracked(person), partition)
    works[0]!.close()
    expect([peopleOf(batcher.probe()), batcher.probe(), batcher.events]).toEqual([['c'], undefined, 0])
  })

  test('leaves the others to go as ever, with the sum of their bytes', () => {
    const { batcher, add } = post()
    for (let n = 0; n < 17; n += 1) add(large(`u${n}`, 30_000), n % 3)
    expect(batcher.requests(10)).toBe(2)
    batcher.probe()
    expect([batcher.requests(10), placesOf(batcher.next(Infinity))?.length]).toEqual([1, 16])
  })
})

describe('work that is over', () => {
  test('is dropped, wherever it waits; what is left goes on', () => {
    const { batcher, works, take, add } = post()
    batcher.addFormed(batchOf([take(tracked('a'), 0), take(tracked('b'), 1), take(tracked('c'), 0)], 'batch', 'elsewhere'))
    batcher.addFormed(batchOf([take(tracked('d'), 0)], 'batch'))
    add(tracked('e'), 0)
    add(tracked('f'), 1)
    add(segment('g', 1), 0)
    works[0]!.close()
    const [formed, line, ...more] = drained(batcher)
    expect([peopleOf(formed), formed?.origin, peopleOf(line), more, batcher.events]).toEqual([['b'], 'elsewhere', ['f'], [], 0])
  })

  test('does not take a place of those that are asked for', () => {
    const { batcher, works, add } = post()
    for (let n = 0; n < 10; n += 1) add(tracked(`u${n}`), n % 2)
    works[0]!.close()
    expect(placesOf(batcher.next(5))).toEqual(['1/0', '1/1', '1/2', '1/3', '1/4'])
  })
})

test('how many requests it would take: by the bytes of a batch, by the people of a segment, one each for what goes alone, and for what was formed', () => {
  const { batcher, take, add } = post()
  for (let n = 0; n < 33; n += 1) add(large(`u${n}`, 30_000))
  expect(batcher.requests(100)).toBe(3)
  for (let n = 0; n < 40; n += 1) add(anonymous(`a${n}`))
  for (let n = 0; n < 1_500; n += 1) add(segment(`s${n}`, 1))
  batcher.addFormed(batchOf([take(tracked('x')), take(tracked('y'))], 'batch'))
  expect(batcher.requests(100)).toBe(3 + 40 + 2 + 1)
  expect([batcher.requests(7), batcher.requests(0), batcher.requests(Infinity)]).toEqual([7, 0, 46])
  expect(drained(batcher)).toHaveLength(46)
})

test('cleared, it has nothing; what comes afterwards is not mixed with what was', () => {
  const { batcher, take, add } = post()
  for (const person of ['a', 'b']) add(tracked(person))
  batcher.addFormed(batchOf([take(tracked('c'))], 'batch'))
  batcher.clear()
  expect([batcher.events, batcher.requests(10), batcher.next(Infinity)]).toEqual([0, 0, undefined])
  add(tracked('d'))
  expect([batcher.events, peopleOf(batcher.next(Infinity))]).toEqual([1, ['d']])
})

test('whatever the order of things: nothing is lost, nothing doubled, and every request is one that Customer.io takes', () => {
  const person = fc.integer({ min: 0, max: 7 }).map((n) => `u${n}`)
  const value = fc.oneof(
    { weight: 4, arbitrary: person.map((userId) => tracked(userId)) },
    { weight: 2, arbitrary: fc.tuple(person, fc.integer({ min: 5_000, max: 31_000 })).map(([userId, bytes]) => large(userId, bytes)) },
    { weight: 2, arbitrary: fc.tuple(person, fc.integer({ min: 1, max: 2 })).map(([userId, id]) => segment(userId, id)) },
    { weight: 1, arbitrary: person.map((id) => anonymous(id)) },
  )
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), value, partition: fc.integer({ min: 0, max: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('formed' as const), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('next' as const), most: fc.constantFrom(1, 2, 3, 10, Infinity) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('probe' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), partition: fc.integer({ min: 0, max: 2 }) }) },
  )
  fc.assert(fc.property(fc.constantFrom<DeliveryMode>('batch', 'single'), fc.array(step, { maxLength: 120 }), (mode, steps) => {
    const { batcher, works, take } = post(mode)
    /** What the batcher has, and what came out of it. */
    const [inside, out] = [new Set<Item>(), [] as Item[]]
    const broken: string[] = []
    let now = 0
    const holds = (promise: boolean, words: string): void => { if (!promise) broken.push(words) }

    const isFree = (person: unknown, partition: number): boolean =>
      !works[partition]!.closed && ![...inside, ...out].some(({ lane, work }) => lane === person && work === works[partition])
    const add = (given: Value, partition: number): void => {
      if (!isFree(given['userId'] ?? given['anonymousId'], partition)) return
      const item = take(given, partition)
      item.readySince = now
      batcher.add(item)
      inside.add(item)
    }
    /** Some of those that came out, of one carrier and of different people, go back together. */
    const form = (count: number): void => {
      const first = out.find(({ work }) => !work.closed)
      if (!first) return
      const carrier = batcher.carrierOf(first)
      const byPerson = new Map(out.filter((item) => batcher.carrierOf(item) === carrier).map((item) => [item.lane, item]))
      const items = [...byPerson.values()].slice(0, carrier === 'alone' ? 1 : count)
      for (const item of items) {
        out.splice(out.indexOf(item), 1)
        inside.add(item)
      }
      batcher.addFormed(batchOf(items, carrier))
    }
    const look = (batch: Batch | undefined, most: number): boolean => {
      if (!batch) return false
      const { items, carrier } = batch
      holds(items.length <= most && (carrier !== 'alone' || items.length === 1), `${items.length} of ${most}, ${carrier}`)
      holds(new Set(items.map(({ lane }) => lane)).size === items.length, 'one person twice')
      holds(items.length === 1 || sizeOf(items) <= LARGEST_BATCH, `${sizeOf(items)} bytes`)
      for (const item of items) {
        holds(!item.work.closed, 'closed')
        holds(inside.delete(item), 'doubled')
        holds(carrier === (mode === 'single' ? 'alone' : carrierOf(item.event as CustomerEvent)), `goes by ${carrier}`)
        out.push(item)
      }
      return true
    }
    const open = (): number => [...inside].filter(({ work }) => !work.closed).length

    for (const each of steps) {
      now += 1
      switch (each.kind) {
        case 'add': add(each.value, each.partition); break
        case 'formed': form(each.count); break
        case 'next': look(batcher.next(each.most), each.most); break
        case 'probe': look(batcher.probe(), 1); break
        case 'close': works[each.partition]!.close()
      }
      holds(batcher.events >= open(), `${batcher.events} events of ${open()}`)
      holds(batcher.requests(Infinity) <= batcher.events, `${batcher.requests(Infinity)} requests for ${batcher.events}`)
      // who asks for no slot though something waits would wait for ever
      holds(open() === 0 || batcher.requests(1) === 1, 'no request is asked for')
    }
    while (look(batcher.next(Infinity), Infinity));
    expect([broken, open(), batcher.events, batcher.requests(Infinity)]).toEqual([[], 0, 0, 0])
  }), { numRuns: 300 })
})
