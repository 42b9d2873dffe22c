import type { Api } from '../../src/api-limits.ts'
import { Intake } from '../../src/intake.ts'
import { encodeDone } from '../../src/kafka/done-marks.ts'
import type { Assignment } from '../../src/kafka/client/membership.ts'
import type { Item, Progress } from '../../src/kafka/partition-work.ts'
import type { KafkaRecord } from '../../src/kafka/record.ts'
import { pass, useFakeTime } from './fake-time.ts'
import { json, recordOf, track } from './helpers.ts'

useFakeTime()

const NOW = 1_700_000_100_000

/** @param starts first offset by partition @param metadata of the commit that they come from */
function assignment(starts: Record<number, number>, metadata: string | null = ''): Assignment {
  const partitions = Object.keys(starts).map(Number)
  return {
    generation: 1, memberId: 'me', partitions, partitionCount: 8, slots: {},
    starts: new Map(partitions.map((partition) => [partition, { position: starts[partition]!, lost: 0, metadata }])),
  }
}

function intakeOf(starts: Record<number, number>, most: { records?: number; bytes?: number } = {}, apis: Api[] = ['track']) {
  const [ready, calls] = [[] as Item[], [] as string[]]
  const intake = new Intake({
    config: { PREFETCH_RECORDS: most.records ?? 1_000, PREFETCH_BYTES: most.bytes ?? 10_000_000, EVENT_ID_NAMESPACE: 'test', APIS: apis },
    onReady: (item) => ready.push(item),
    onBarrier: () => calls.push('barrier'),
    pause: (partition) => calls.push(`pause ${partition}`),
    resume: (partition) => calls.push(`resume ${partition}`),
  })
  intake.open(assignment(starts))
  const settle = (partition: number, offset: number) => {
    const item = ready.find(({ record }) => record.partition === partition && record.offset === offset)!
    item.work.settle(item, true)
  }
  const places = () => ready.map(({ record }) => `${record.partition}/${record.offset}`)
  return { intake, ready, calls, settle, places }
}

const at = (partition: number, offset: number, given: Partial<KafkaRecord> = {}): KafkaRecord => {
  const person = `u${partition}-${offset}`
  return recordOf({ partition, offset, key: Buffer.from(person), value: track(person), ...given })
}
const offsetsOf = (moved: ReadonlyMap<number, Progress>) => [...moved].map(([partition, { offset }]) => [partition, offset])
const ends = (given: Record<number, number>) => new Map(Object.entries(given).map(([partition, end]) => [Number(partition), { end }]))

test('takes the records of its partitions from their starts, and of no others', () => {
  const { intake, places } = intakeOf({ 0: 10, 2: 0 })
  expect([intake.partitions(), intake.position(0), intake.position(2), intake.position(1)]).toEqual([[0, 2], 10, 0, undefined])
  for (const record of [at(0, 10), at(1, 0), at(2, 0)]) intake.take(record)
  expect(places()).toEqual(['0/10', '2/0'])
  expect([intake.hasRoom(0), intake.hasRoom(1)]).toEqual([true, false])
  expect(intake.pending).toEqual({ records: 2, bytes: [at(0, 10), at(2, 0)].reduce((sum, { key, value }) => sum + key!.length + value!.length, 0) })
})

test('what moved is to be committed, until it is', () => {
  const { intake, settle } = intakeOf({ 0: 10, 1: 20, 2: 30 })
  for (const record of [at(0, 10), at(0, 11), at(1, 20)]) intake.take(record)
  expect(intake.progress()).toEqual(new Map())
  settle(0, 10)
  settle(1, 20)
  intake.reached(1, 25)
  const moved = intake.progress()
  expect(offsetsOf(moved)).toEqual([[0, 11], [1, 25]])
  settle(0, 11)
  intake.committed(moved)
  expect(offsetsOf(intake.progress())).toEqual([[0, 12]])
})

test('a commit lets the lanes go on that waited for it', () => {
  const { intake, settle, calls, places } = intakeOf({ 0: 0 })
  const destroy = json({ type: 'destroy', userId: 'u1' })
  for (const record of [recordOf({ offset: 0, value: destroy }), recordOf({ offset: 1 })]) intake.take(record)
  settle(0, 0)
  expect([calls, places()]).toEqual([['barrier'], ['0/0']])
  intake.committed(intake.progress())
  expect(places()).toEqual(['0/0', '0/1'])
})

describe('decoding', () => {
  const eventOf = (record: KafkaRecord, apis?: Api[]) => {
    const { intake, ready } = intakeOf({ 0: 0 }, {}, apis)
    intake.take(record)
    return ready[0]!.event
  }

  test('a good record becomes an event', () => {
    expect(eventOf(recordOf())).toMatchObject({ kind: 'event', type: 'track', person: 'u1' })
  })

  test('a record of a batch that could not be inflated is invalid, with the reason of its header', () => {
    const record = recordOf({ value: Buffer.from([1, 2]), headers: { 'cio-undecodable': Buffer.from('gzip: corrupt') } })
    expect(eventOf(record)).toEqual({ kind: 'invalid', reason: 'undecodable', message: 'gzip: corrupt' })
  })

  const valueOf: Record<string, object> = {
    track: { userId: 'u1', payload: { event: 'login' } }, sms: { userId: 'u1', payload: { transactional_message_id: 3 } }, broadcast: { payload: { broadcastId: 12 } },
  }
  const apiOfType: Record<string, Api> = { track: 'track', sms: 'transactional', broadcast: 'broadcast' }
  const kindOf = (type: string, apis: Api[]) => eventOf(recordOf({ value: json({ type, ...valueOf[type] }) }), apis)

  test.each(Object.keys(valueOf))('%s is delivered if APIS names its API, else it has a reason of its own, and the words say what to do', (type) => {
    const api = apiOfType[type]!
    const others = (['track', 'transactional', 'broadcast'] as Api[]).filter((other) => other !== api)
    expect(kindOf(type, [api])).toMatchObject({ kind: 'event', type })
    expect(kindOf(type, [...others, api])).toMatchObject({ kind: 'event', type })
    expect(kindOf(type, others)).toEqual({
      kind: 'invalid', reason: 'type_not_delivered', message: `type: ${type} goes by the API "${api}", and APIS does not name it`,
    })
  })

  test('what is wrong with an event goes before the API that it would have gone by', () => {
    expect(eventOf(recordOf({ value: json({ type: 'sms', userId: 'u1', payload: {} }) }))).toMatchObject({ kind: 'invalid', reason: 'invalid_payload' })
  })

  test('a replayed letter keeps its event id; an empty header counts for nothing', () => {
    const id = '01HF7YAT00QWERTY0123456789'
    const withHeader = (value: string) => recordOf({ headers: { 'cio-dlq-event-id': Buffer.from(value) } })
    expect(eventOf(withHeader(id))).toMatchObject({ id })
    expect(eventOf(withHeader(''))).toMatchObject({ id: (eventOf(recordOf()) as { id: string }).id })
  })
})

describe('the bound on what is pending', () => {
  test('is shared among the partitions; one that stays full is paused, and resumed when half of it is free', async () => {
    const { intake, settle, calls } = intakeOf({ 0: 0, 1: 0 }, { records: 8 })
    for (const offset of [0, 1, 2, 3]) {
      expect(intake.hasRoom(0)).toBe(true)
      intake.take(at(0, offset))
    }
    expect([intake.hasRoom(0), intake.hasRoom(1)]).toEqual([false, true])
    const room = intake.room(0)
    await pass(250)
    expect([await room, calls, intake.pausedPartitions]).toEqual([false, ['pause 0'], 1])
    settle(0, 0)
    expect(calls).toEqual(['pause 0'])
    settle(0, 1)
    settle(0, 2)
    expect([calls, intake.pausedPartitions]).toEqual([['pause 0', 'resume 0'], 0])
  })

  test('counts bytes too', () => {
    const { intake, calls } = intakeOf({ 0: 0, 1: 0 }, { bytes: 100 })
    intake.take(at(1, 0))
    expect([intake.hasRoom(1), intake.hasRoom(0), calls]).toEqual([false, true, []])
  })

  test('leaves each partition room for a record, however many there are', () => {
    const { intake } = intakeOf(Object.fromEntries(Array.from({ length: 50 }, (_, partition) => [partition, 0])), { records: 10 })
    intake.take(at(49, 0))
    expect([intake.hasRoom(0), intake.hasRoom(49)]).toEqual([true, false])
  })
})

describe('waiting for room', () => {
  /** Partition 0 is full, and somebody waits. */
  function full(records = 4) {
    const held = intakeOf({ 0: 0, 1: 0 }, { records: 2 * records })
    for (let offset = 0; held.intake.hasRoom(0); offset += 1) held.intake.take(at(0, offset))
    const seen: boolean[] = []
    void held.intake.room(0).then((goOn) => seen.push(goOn))
    return { ...held, seen }
  }

  test('is over as soon as half of it is free, without a pause', async () => {
    const { settle, seen, calls, intake } = full()
    settle(0, 0)
    await pass(100)
    expect(seen).toEqual([])
    settle(0, 3)
    settle(0, 1)
    await pass(0)
    expect([seen, calls, intake.pausedPartitions]).toEqual([[true], [], 0])
    // the time that was left of the wait does nothing any more
    await pass(1_000)
    expect([seen, calls]).toEqual([[true], []])
  })

  test('again is a wait of its own', async () => {
    const { settle, seen, intake } = full()
    await pass(100)
    for (const offset of [0, 1, 2]) settle(0, offset)
    await pass(0)
    for (const offset of [4, 5, 6]) intake.take(at(0, offset))
    expect(intake.hasRoom(0)).toBe(false)
    void intake.room(0).then((goOn) => seen.push(goOn))
    // the first one would have ended by now
    await pass(200)
    for (const offset of [3, 4, 5]) settle(0, offset)
    await pass(0)
    expect(seen).toEqual([true, true])
  })

  test('too long ends in a pause; that is over when half of it is free', async () => {
    const { settle, seen, calls, intake } = full()
    await pass(249)
    expect(seen).toEqual([])
    await pass(1)
    expect([seen, calls, intake.pausedPartitions]).toEqual([[false], ['pause 0'], 1])
    for (const offset of [0, 1, 2]) settle(0, offset)
    expect([calls, intake.pausedPartitions]).toEqual([['pause 0', 'resume 0'], 0])
    settle(0, 3)
    expect(calls).toEqual(['pause 0', 'resume 0'])
  })

  test('less than half, but some: it goes on after the wait', async () => {
    const { settle, seen, calls } = full()
    settle(0, 0)
    await pass(250)
    expect([seen, calls]).toEqual([[true], []])
  })

  test('of a partition that is given up: no, at once, and it is not paused', async () => {
    const { seen, calls, intake } = full()
    intake.close()
    await pass(0)
    expect([seen, calls]).toEqual([[false], []])
    intake.open(assignment({ 0: 0 }))
    await pass(1_000)
    expect([seen, calls, intake.pausedPartitions]).toEqual([[false], [], 0])
  })

  test('of another partition goes on by itself', async () => {
    const { settle, seen, calls, intake } = full()
    for (let offset = 0; intake.hasRoom(1); offset += 1) intake.take(at(1, offset))
    const other = intake.room(1)
    for (const offset of [0, 1, 2]) settle(1, offset)
    expect(await other).toBe(true)
    await pass(250)
    expect([seen, calls]).toEqual([[false], ['pause 0']])
  })

  test('one record at a time has room when that one is done', async () => {
    const { settle, seen } = full(1)
    settle(0, 0)
    await pass(0)
    expect(seen).toEqual([true])
  })

  test('what is done behind one that is not makes room', async () => {
    const { settle, seen, calls } = full()
    for (const offset of [1, 2, 3]) settle(0, offset)
    await pass(0)
    expect([seen, calls]).toEqual([[true], []])
  })
})

describe('a new assignment', () => {
  const interrupted = () => {
    const held = intakeOf({ 0: 0, 1: 0 })
    for (const record of [at(0, 0), at(0, 1), at(1, 0), at(1, 1)]) held.intake.take(record)
    held.settle(0, 1)
    held.settle(1, 1)
    held.ready.find(({ record }) => record.partition === 0 && record.offset === 0)!.attempts = 2
    held.intake.close()
    return held
  }

  test('nothing is owned in between', () => {
    const { intake } = interrupted()
    expect([intake.partitions(), intake.pending, intake.progress(), intake.position(0)]).toEqual([[], { records: 0, bytes: 0 }, new Map(), undefined])
  })

  test('the same partition: what is done is skipped, what was tried is known', () => {
    const { intake, ready } = interrupted()
    ready.length = 0
    intake.open(assignment({ 0: 0 }))
    for (const record of [at(0, 0), at(0, 1)]) intake.take(record)
    expect(ready.map(({ record, attempts }) => [record.offset, attempts])).toEqual([[0, 2]])
    expect(intake.skipped).toBe(1)
  })

  test('a partition that was elsewhere in between: nothing is remembered', () => {
    const { intake, ready } = interrupted()
    intake.open(assignment({ 1: 0 }))
    intake.close()
    ready.length = 0
    intake.open(assignment({ 0: 0 }))
    for (const record of [at(0, 0), at(0, 1)]) intake.take(record)
    expect(ready.map(({ record, attempts }) => [record.offset, attempts])).toEqual([[0, 0], [1, 0]])
    expect(intake.skipped).toBe(0)
  })

  test('what another process had done is skipped: the commit says so', () => {
    const { metadata } = encodeDone(10, [10, 12], 14)
    const { intake, places } = intakeOf({})
    intake.open(assignment({ 0: 10 }, metadata))
    for (const offset of [10, 11, 12, 13, 14]) intake.take(at(0, offset))
    expect([places(), intake.skipped]).toEqual([['0/10', '0/12', '0/14'], 2])
  })

  test('what was done here is known too, though its commit failed', () => {
    const { intake, ready } = interrupted()
    ready.length = 0
    intake.open(assignment({ 0: 0 }, encodeDone(0, [0, 1], 3).metadata))
    for (const offset of [0, 1, 2, 3]) intake.take(at(0, offset))
    expect(ready.map(({ record }) => record.offset)).toEqual([0, 3])
  })

  test('what is known to be done is not even decoded', () => {
    const { intake, places } = intakeOf({})
    intake.open(assignment({ 0: 10 }, encodeDone(10, [10], 12).metadata))
    intake.take(at(0, 10))
    const record = { ...at(0, 11), get value(): Buffer { throw new Error('looked at') } }
    intake.take(record)
    expect([places(), intake.skipped]).toEqual([['0/10'], 1])
  })

  test('an offset set back by hand: what was done from there on is done again', () => {
    const { intake, ready, settle } = intakeOf({ 0: 10 })
    for (const offset of [10, 11, 12]) intake.take(at(0, offset))
    settle(0, 11)
    intake.close()
    ready.length = 0
    intake.open(assignment({ 0: 5 }))
    for (const offset of [5, 10, 11]) intake.take(at(0, offset))
    expect(ready.map(({ record }) => record.offset)).toEqual([5, 10, 11])
  })

  test('a start that comes from no commit (the topic was made anew): the memory is of other records', () => {
    const { intake, ready } = interrupted()
    ready.length = 0
    intake.open(assignment({ 0: 0 }, null))
    for (const offset of [0, 1]) intake.take(at(0, offset))
    expect(ready.map(({ record, attempts }) => [record.offset, attempts])).toEqual([[0, 0], [1, 0]])
  })

  test('the topic was made anew and has commits already: what is remembered is forgotten', () => {
    const { intake, ready } = interrupted()
    ready.length = 0
    intake.forget()
    intake.open(assignment({ 0: 0 }))
    for (const offset of [0, 1]) intake.take(at(0, offset))
    expect(ready.map(({ record, attempts }) => [record.offset, attempts])).toEqual([[0, 0], [1, 0]])
  })

  test('a pause of the old one is over', async () => {
    const { intake, calls } = intakeOf({ 0: 0 }, { records: 1 })
    intake.take(at(0, 0))
    intake.hasRoom(0)
    const room = intake.room(0)
    await pass(250)
    expect([await room, intake.pausedPartitions]).toEqual([false, 1])
    intake.close()
    intake.open(assignment({ 0: 0 }))
    expect([intake.pausedPartitions, intake.hasRoom(0)]).toEqual([0, true])
    expect(calls).toEqual(['pause 0'])
  })
})

describe('reading goes on elsewhere', () => {
  test('forward: what is pending stays, and the gap counts as done', () => {
    const { intake, settle } = intakeOf({ 0: 0 })
    intake.take(at(0, 0))
    intake.jump(0, 50)
    expect([intake.position(0), intake.pending.records, intake.progress()]).toEqual([50, 1, new Map()])
    settle(0, 0)
    expect(offsetsOf(intake.progress())).toEqual([[0, 50]])
  })

  test('backward: the partition begins again, and what was in flight does not count for it', () => {
    const { intake, settle, places } = intakeOf({ 0: 100 })
    intake.take(at(0, 100))
    intake.jump(0, 0)
    expect([intake.position(0), intake.pending.records]).toEqual([0, 0])
    settle(0, 100)
    // the new beginning is to be committed, and nothing of the old work
    expect([...intake.progress()].map(([partition, { offset, metadata }]) => [partition, offset, metadata])).toEqual([[0, 0, '']])
    intake.take(at(0, 0))
    expect(places()).toEqual(['0/100', '0/0'])
  })

  test('of a partition that is not ours: nothing', () => {
    const { intake } = intakeOf({ 0: 0 })
    intake.jump(1, 50)
    intake.reached(1, 50)
    expect(intake.partitions()).toEqual([0])
  })
})

describe('lag', () => {
  const lagsOf = (intake: Intake, of: Record<number, number>, now = NOW) => intake.lags(ends(of), () => now).map(({ partition, records, seconds }) => [partition, records, seconds])

  test('counts from what is done, and ages with the oldest record that is not', () => {
    const { intake, settle } = intakeOf({ 0: 0, 1: 5 })
    for (const offset of [0, 1]) intake.take(at(0, offset, { timestamp: NOW - 9_000 + offset * 4_000 }))
    expect(lagsOf(intake, { 0: 10, 1: 5, 7: 99 })).toEqual([[0, 10, 9], [1, 0, 0]])
    settle(0, 0)
    expect(lagsOf(intake, { 0: 10 })).toEqual([[0, 9, 5]])
  })

  test('goes on ageing while the next record is not at hand', () => {
    const { intake, settle } = intakeOf({ 0: 0 })
    intake.take(at(0, 0, { timestamp: NOW - 9_000 }))
    lagsOf(intake, { 0: 10 })
    settle(0, 0)
    expect(lagsOf(intake, { 0: 10 }, NOW + 1_000)).toEqual([[0, 9, 10]])
  })

  test('after an idle night the next record does not begin with the age of the last one', () => {
    const { intake, settle } = intakeOf({ 0: 0 })
    intake.take(at(0, 0, { timestamp: NOW - 1_000 }))
    lagsOf(intake, { 0: 1 })
    settle(0, 0)
    lagsOf(intake, { 0: 1 })
    expect(lagsOf(intake, { 0: 2 }, NOW + 8 * 3_600_000)).toEqual([[0, 1, 0]])
  })

  test('a record without a time has no age', () => {
    const { intake } = intakeOf({ 0: 0 })
    intake.take(at(0, 0, { timestamp: -1 }))
    lagsOf(intake, { 0: 1 })
    expect(lagsOf(intake, { 0: 1 })).toEqual([[0, 1, 0]])
  })
})
