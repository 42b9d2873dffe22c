import type { Arrival } from '../stand-in/account.ts'
import type { TrafficItem } from '../support/traffic.ts'
import { computeVerdict, type Evidence } from '../support/verdict.ts'
import { budget, mostInWindow, recoveryMs } from '../support/window.ts'

const good = (marker: string, overrides: Partial<TrafficItem> = {}): TrafficItem => ({
  marker,
  key: Buffer.from('u1'),
  value: Buffer.from('{}'),
  headers: { marker },
  person: 'u1',
  type: 'track',
  eventId: null,
  expect: 'delivered',
  hasBody: true,
  ...overrides,
})
const bad = (marker: string) => good(marker, { type: 'not JSON', expect: 'dead-letter', hasBody: false })
const bodyless = (marker: string, type: 'suppress' | 'destroy', person = 'u1') => good(marker, { type, person, hasBody: false })
const letter = (marker: string, reason = 'invalid') => ({ headers: { marker, 'cio-dlq-reason': reason } })

/** An account by hand: requests of track events of u1, answered 200 within 10 ms unless it is said otherwise. */
function account(...requests: (Partial<Arrival> & { at: number })[]): Arrival[] {
  return requests.map((request, n) => ({
    n,
    request: n,
    index: 0,
    api: 'track',
    subject: null,
    answeredAt: request.at + 10,
    operation: 'track',
    person: 'u1',
    status: 200,
    fault: null,
    eventId: request.marker === undefined ? null : `id-of-${request.marker}`,
    timestamp: 1_700_000_000,
    marker: null,
    ...request,
  }))
}

/** The same of batches: each list is one request, whose operations share its times. */
function batches(...requests: { at: number; answeredAt?: number | null; operations: Partial<Arrival>[] }[]): Arrival[] {
  return account(...requests.flatMap(({ at, answeredAt = at + 10, operations }, request) =>
    operations.map((operation, index) => ({ at, answeredAt, request, index, ...operation }))))
}

const judge = (evidence: Partial<Evidence>) =>
  computeVerdict({ published: [], arrivals: [], letters: [], limit: 100, windowMs: 1_000, ...evidence })

describe('a run that keeps its promises', () => {
  const verdict = judge({
    published: [good('a'), bad('x'), good('b'), good('c', { person: 'u2' }), bodyless('d', 'destroy')],
    arrivals: account(
      { at: 0, marker: 'a', status: 503 },
      { at: 0, operation: 'region', person: null },
      { at: 5, marker: 'c', person: 'u2' },
      { at: 500, marker: 'a' },
      { at: 510, marker: 'b' },
      { at: 530, operation: 'destroy' },
    ),
    letters: [letter('x', 'not-json')],
  })

  test('is found to be fine', () => {
    expect(verdict.failures).toEqual([])
    expect(verdict.ok).toBe(true)
  })

  test('has its events counted', () => {
    expect(verdict).toMatchObject({
      published: 5,
      delivered: 4,
      deadLettered: 1,
      deadLetteredBy: { 'not-json': 1 },
      lost: { count: 0, markers: [] },
      unknown: 0,
      requests: 6,
      operations: 6,
      mostInWindow: 6,
      mostOfApis: {},
      repeatedSends: 0,
      refused429: 0,
      duplicates: { received: 0, covered: 0, uncovered: 0 },
    })
  })
})

describe('a run in batches', () => {
  const people = ['a', 'b', 'c'].map((marker) => good(marker, { person: marker }))
  const of = (marker: string, more: Partial<Arrival> = {}): Partial<Arrival> => ({ marker, person: marker, ...more })

  test('counts requests where requests are meant, and events where events are', () => {
    const arrivals = batches(
      { at: 0, operations: [of('a', { status: 429 }), of('b', { status: 429 })] },
      { at: 500, operations: [of('a'), of('b')] },
      { at: 1_499, operations: [of('c')] },
      { at: 1_600, operations: [{ operation: 'transactionalList', api: 'transactional', person: null }] },
    )
    expect(judge({ published: people, arrivals, limit: 2 })).toMatchObject({
      failures: [], delivered: 3, requests: 4, operations: 6, mostInWindow: 2, refused429: 1, unknown: 0, duplicates: { received: 0 },
    })
    expect(judge({ published: people, arrivals, limit: 3, unit: 'operation' }).failures).toEqual(['4 operations arrived within 1000 ms; the limit is 3.'])
  })

  test('an operation refused within an accepted batch is not delivered', () => {
    const once = batches({ at: 0, operations: [of('a'), of('b', { status: 400 }), of('c')] })
    expect(judge({ published: people, arrivals: once }).lost).toEqual({ count: 1, markers: ['b'] })
    const again = batches({ at: 0, operations: [of('a'), of('b', { status: 400 }), of('c')] }, { at: 100, operations: [of('b')] })
    expect(judge({ published: people, arrivals: again })).toMatchObject({ failures: [], delivered: 3, duplicates: { received: 0 } })
  })

  test('a batch that is sent again after it was accepted is so many repeats', () => {
    const twice = [of('a'), of('b')]
    const { duplicates } = judge({ published: people, arrivals: batches({ at: 0, operations: twice }, { at: 100, operations: twice }) })
    expect(duplicates).toEqual({ received: 2, covered: 2, uncovered: 0 })
  })

  test('a batch of which nothing could be read belongs to nothing', () => {
    const arrivals = batches({ at: 0, operations: [{ operation: 'batch', person: null, status: 400 }] })
    expect(judge({ arrivals }).failures).toEqual(['1 requests or dead letters belong to nothing that was published.'])
  })

  test('the limits of the App API are its own', () => {
    const sends = ['a', 'b', 'c'].map((marker) => good(marker, { person: marker, type: 'email' }))
    const arrivals = account(...sends.map(({ marker, person }, n) => ({ at: n * 100, api: 'transactional', operation: 'email', marker, person } as const)))
    expect(judge({ published: sends, arrivals, limit: 1 })).toMatchObject({ ok: true, mostInWindow: 0, mostOfApis: {} })
    const limited = judge({ published: sends, arrivals, limit: 1, apis: { transactional: { limit: 2, windowMs: 1_000 }, broadcast: { limit: 1, windowMs: 10_000 } } })
    expect(limited.mostOfApis).toEqual({ transactional: 3, broadcast: 0 })
    expect(limited.failures).toEqual(['3 requests of the transactional API arrived within 1000 ms; the limit is 2.'])
  })
})

describe('what has no marker', () => {
  const event = (marker: string, type: string, payload: object, person: string | null = 'u1') =>
    good(marker, { type, person, hasBody: false, value: Buffer.from(JSON.stringify({ type, userId: 'u1', payload })) })
  const published = [
    event('unsuppress', 'unsuppress', {}),
    event('device', 'deleteDevice', { token: 't1' }), event('other device', 'deleteDevice', { token: 't2' }),
    event('in', 'addToSegment', { segmentId: 7 }), event('out', 'removeFromSegment', { segmentId: 7 }),
    event('merge', 'merge', { primary: { id: 'u1' }, secondary: { cio_id: 'c' } }),
    event('unsubscribe', 'unsubscribe', { deliveryId: 'd1' }), event('metric', 'reportMetric', { deliveryId: 'd1', metric: 'opened' }, 'd1'),
    event('relate', 'addRelationships', { relationships: [{ objectTypeId: 1, objectId: 'o' }] }),
    event('object', 'deleteObject', { objectTypeId: 1, objectId: 'o' }, '1/o'),
  ]
  const arrivals = account(...([
    { operation: 'unsuppress' }, { operation: 'deleteDevice', subject: 't1' }, { operation: 'deleteDevice', subject: 't2' },
    { operation: 'addToSegment', subject: '7' }, { operation: 'removeFromSegment', subject: '7' }, { operation: 'merge', subject: 'cio_c' },
    { operation: 'unsubscribe', subject: 'd1', person: null }, { operation: 'reportMetric', subject: 'd1', person: null },
    { operation: 'addRelationships', subject: '1/o' }, { operation: 'deleteObject', person: '1/o' },
  ] as const).map((call, n) => ({ at: n * 100, ...call })))

  test('is known by person and by what else it names', () => {
    expect(judge({ published, arrivals })).toMatchObject({ failures: [], delivered: published.length })
    for (const [index, { marker }] of published.entries()) expect(judge({ published, arrivals: arrivals.toSpliced(index, 1) }).lost.markers).toEqual([marker])
  })

  test('is refused if it can not be told apart', () => {
    expect(() => judge({ published: [...published, event('again', 'deleteDevice', { token: 't1' })] })).toThrow(RangeError)
  })
})

function failuresOf(evidence: Partial<Evidence>): string {
  const verdict = judge(evidence)
  expect(verdict.ok).toBe(verdict.failures.length === 0)
  return verdict.failures.join(' ')
}

describe('each promise, broken once', () => {
  test('an event that never arrived is lost', () => {
    const evidence = { published: [good('a'), good('b')], arrivals: account({ at: 0, marker: 'a' }) }
    expect(failuresOf(evidence)).toMatch(/^1 event is \(first: b\) lost/)
  })

  test('an event that was only ever refused is lost', () => {
    const evidence = { published: [good('a')], arrivals: account({ at: 0, marker: 'a', status: 503 }, { at: 9, marker: 'a', status: 429 }) }
    expect(failuresOf(evidence)).toMatch(/lost/)
    expect(judge(evidence).refused429).toBe(1)
  })

  test('an event that was never answered is lost', () => {
    const arrivals = account({ at: 0, marker: 'a', status: null, answeredAt: null })
    expect(failuresOf({ published: [good('a')], arrivals })).toMatch(/lost/)
  })

  test('a suppress is told apart from a destroy, and from that of somebody else', () => {
    const published = [bodyless('a', 'suppress'), bodyless('b', 'destroy', 'u2')]
    const arrivals = account({ at: 0, operation: 'destroy' }, { at: 1, operation: 'suppress', person: 'u2' })
    expect(failuresOf({ published, arrivals })).toMatch(/^2 events are \(first: a\) lost.* 2 requests or dead letters belong to nothing/)
  })

  test('of the lost, twenty are named', () => {
    const { lost } = judge({ published: Array.from({ length: 25 }, (_, i) => good(`e${i}`, { person: `p${i}` })) })
    expect(lost.count).toBe(25)
    expect(lost.markers).toHaveLength(20)
  })

  test('a good event in the dead letters, and delivered as well', () => {
    const evidence = { published: [good('a')], arrivals: account({ at: 0, marker: 'a' }), letters: [letter('a')] }
    expect(failuresOf(evidence)).toMatch(/both delivered and dead-lettered.*dead-lettered though good/)
  })

  test('a bad event delivered', () => {
    expect(failuresOf({ published: [bad('x')], arrivals: account({ at: 0, marker: 'x' }) })).toMatch(/delivered though bad/)
  })

  test('a request and a dead letter of something never published', () => {
    expect(failuresOf({ arrivals: account({ at: 0, marker: 'z' }), letters: [letter('y')] })).toMatch(/^2 requests or dead letters/)
  })

  test('one request too many in a window', () => {
    const published = ['a', 'b', 'c'].map((marker) => good(marker, { person: marker }))
    const two = [
      { at: 100, marker: 'a', person: 'a' },
      { at: 600, marker: 'b', person: 'b' },
    ]
    const soon = account(...two, { at: 1_099, marker: 'c', person: 'c' })
    const later = account(...two, { at: 1_100, marker: 'c', person: 'c' })
    expect(failuresOf({ published, limit: 2, arrivals: soon })).toMatch(/^3 requests arrived within 1000 ms; the limit is 2/)
    expect(failuresOf({ published, limit: 2, arrivals: later })).toBe('')
  })

  test('two published events that can not be told apart are refused', () => {
    expect(() => judge({ published: [good('a'), good('a')] })).toThrow(RangeError)
    expect(() => judge({ published: [bodyless('a', 'destroy'), bodyless('b', 'destroy')] })).toThrow(RangeError)
  })
})

const inversions = (arrivals: Arrival[], published = [good('a'), good('b')], letters: Evidence['letters'] = []) =>
  judge({ published, arrivals, letters }).inversions

describe('order', () => {
  test('the next event before the answer to the one before', () => {
    const arrivals = account({ at: 0, marker: 'a', answeredAt: 50 }, { at: 49, marker: 'b' })
    expect(inversions(arrivals)).toEqual({ count: 1, examples: [{ person: 'u1', before: 'a', after: 'b' }] })
    expect(judge({ published: [good('a'), good('b')], arrivals }).failures.join()).toMatch(/1 times .* b overtook a/)
  })

  test('the next event with the answer', () => {
    expect(inversions(account({ at: 0, marker: 'a', answeredAt: 50 }, { at: 50, marker: 'b' })).count).toBe(0)
  })

  test('the next event while the one before waits for its retry', () => {
    const arrivals = account({ at: 0, marker: 'a', status: 503 }, { at: 100, marker: 'b' }, { at: 500, marker: 'a' })
    expect(inversions(arrivals).count).toBe(1)
  })

  test('a repeat of the one before, after a crash, is no inversion', () => {
    expect(inversions(account({ at: 0, marker: 'a' }, { at: 100, marker: 'b' }, { at: 500, marker: 'a' })).count).toBe(0)
  })

  test('the first arrival counts, though refused', () => {
    const arrivals = account({ at: 0, marker: 'b', status: 503 }, { at: 1, marker: 'a' }, { at: 500, marker: 'b' })
    expect(inversions(arrivals).count).toBe(1)
  })

  test('the last try of a dead-lettered event counts', () => {
    const tries = [0, 500].map((at) => ({ at, marker: 'a', status: 400 }))
    expect(inversions(account(...tries, { at: 400, marker: 'b' }), undefined, [letter('a')]).count).toBe(1)
    expect(inversions(account(...tries, { at: 600, marker: 'b' }), undefined, [letter('a')]).count).toBe(0)
  })

  test('a dead letter that was never sent lets nobody pass', () => {
    const published = [good('a'), good('b'), good('c')]
    const arrivals = account({ at: 0, marker: 'c' }, { at: 100, marker: 'a' })
    expect(inversions(arrivals, published, [letter('b')]).examples).toEqual([{ person: 'u1', before: 'a', after: 'c' }])
  })

  test('a lost event is overtaken by the next', () => {
    expect(inversions(account({ at: 0, marker: 'b' })).count).toBe(1)
  })

  test('people do not wait for each other, and nobody waits for a bad event', () => {
    const published = [good('a'), good('b', { person: 'u2' }), bad('x'), good('c')]
    const arrivals = account({ at: 0, marker: 'b', person: 'u2' }, { at: 100, marker: 'a' }, { at: 200, marker: 'c' })
    expect(inversions(arrivals, published, [letter('x')]).count).toBe(0)
  })
})

describe('order in batches', () => {
  const [a, b] = [{ marker: 'a' }, { marker: 'b' }]

  test('two events of one person in one batch are inverted, whatever became of them', () => {
    expect(inversions(batches({ at: 0, operations: [a, b] })).count).toBe(1)
    expect(inversions(batches({ at: 0, operations: [b, a] })).count).toBe(1)
    expect(inversions(batches({ at: 0, answeredAt: 0, operations: [a, b] })).count).toBe(1)
    const refused = batches({ at: 0, operations: [{ ...a, status: 400 }, { ...b, status: 503 }] }, { at: 500, operations: [b] })
    expect(inversions(refused, undefined, [letter('a')]).count).toBe(1)
    // their first ones apart, but then together
    const later = batches({ at: 0, operations: [{ ...a, status: 503 }] }, { at: 500, operations: [b, a] })
    expect(inversions(later).count).toBe(1)
  })

  test('a batch whose body was long in coming arrived when its head did', () => {
    const [later, inTime] = account({ at: 100, ...b }, { at: 50, ...a })
    const [slow] = batches({ at: 0, operations: [{ ...b, n: 2, status: 503 }] })
    expect(inversions([later!, inTime!, slow!]).count).toBe(1)
    expect(inversions([later!, inTime!]).count).toBe(0)
  })

  test('one after the other in two batches, or of two people in one, they are not', () => {
    expect(inversions(batches({ at: 0, operations: [a, { marker: 'x', person: 'u2' }] }, { at: 10, operations: [b] })).count).toBe(0)
    const published = [good('a'), good('b', { person: 'u2' })]
    expect(inversions(batches({ at: 0, operations: [a, { marker: 'b', person: 'u2' }] }), published).count).toBe(0)
  })

  test('an event that failed in its batch is waited for', () => {
    const soon = batches({ at: 0, operations: [{ ...a, status: 400 }] }, { at: 100, operations: [b] }, { at: 200, operations: [a] })
    expect(inversions(soon).count).toBe(1)
    const inTime = batches({ at: 0, operations: [{ ...a, status: 400 }] }, { at: 100, operations: [a] }, { at: 110, operations: [b] })
    expect(inversions(inTime).count).toBe(0)
  })
})

const duplicates = (arrivals: Arrival[], published = [good('a')]) => judge({ published, arrivals }).duplicates

describe('duplicates', () => {
  test('with the same id and timestamp are covered', () => {
    const repeats = account({ at: 0, marker: 'a' }, { at: 50, marker: 'a' }, { at: 90, marker: 'a' })
    expect(duplicates(repeats)).toEqual({ received: 2, covered: 2, uncovered: 0 })
  })

  test('with another id, none, or another timestamp are not', () => {
    expect(duplicates(account({ at: 0, marker: 'a' }, { at: 50, marker: 'a', eventId: 'other' })).uncovered).toBe(1)
    expect(duplicates(account({ at: 0, marker: 'a', eventId: null }, { at: 50, marker: 'a', eventId: null })).uncovered).toBe(1)
    const other = account({ at: 0, marker: 'a' }, { at: 50, marker: 'a', timestamp: 1_700_000_001 })
    expect(duplicates(other).uncovered).toBe(1)
    expect(judge({ published: [good('a')], arrivals: other }).failures.join()).toMatch(/^1 repeated requests/)
  })

  test('of what was refused before are none', () => {
    expect(duplicates(account({ at: 0, marker: 'a', status: 503 }, { at: 50, marker: 'a' })).received).toBe(0)
  })

  test('of an identify are covered by the timestamp alone', () => {
    const identify = { marker: 'a', operation: 'identify', eventId: null } as const
    expect(duplicates(account({ at: 0, ...identify }, { at: 50, ...identify })).covered).toBe(1)
    expect(duplicates(account({ at: 0, ...identify }, { at: 50, ...identify, timestamp: null })).uncovered).toBe(1)
  })

  test.each(['addDevice', 'deleteDevice', 'addToSegment', 'addRelationships', 'identifyObject', 'unsubscribe'] as const)('of a call that makes no difference done twice (%s) are covered', (operation) => {
    const call = { marker: 'a', operation, eventId: null, timestamp: null } as const
    expect(duplicates(account({ at: 0, ...call }, { at: 50, ...call }))).toEqual({ received: 1, covered: 1, uncovered: 0 })
  })

  test('of a metric are covered by the timestamp', () => {
    const metric = { marker: 'a', operation: 'reportMetric', eventId: null } as const
    expect(duplicates(account({ at: 0, ...metric }, { at: 50, ...metric })).covered).toBe(1)
    expect(duplicates(account({ at: 0, ...metric, timestamp: null }, { at: 50, ...metric, timestamp: null })).uncovered).toBe(1)
  })

  test.each(['email', 'broadcast', 'formSubmit'] as const)('of what is promised at least once (%s) are counted for themselves', (operation) => {
    const call = { marker: 'a', operation, eventId: null, timestamp: null } as const
    const verdict = judge({ published: [good('a', { type: operation })], arrivals: account({ at: 0, ...call, status: 503 }, { at: 20, ...call }, { at: 50, ...call }, { at: 90, ...call }) })
    expect(verdict).toMatchObject({ failures: [], repeatedSends: 2, duplicates: { received: 0, covered: 0, uncovered: 0 } })
  })

  test.each(['merge', 'unsuppress', 'deleteObject'] as const)('of a %s are covered unless another event of the person lies between', (operation) => {
    const call = { marker: 'a', operation, eventId: null, timestamp: null } as const
    expect(duplicates(account({ at: 0, ...call }, { at: 50, ...call })).covered).toBe(1)
    expect(duplicates(account({ at: 0, ...call }, { at: 20, marker: 'b' }, { at: 50, ...call }), [good('a'), good('b')]).uncovered).toBe(1)
  })

  test.each(['suppress', 'destroy'] as const)('of a %s are covered unless another event of the person lies between', (operation) => {
    const published = [bodyless('a', operation), good('b')]
    const between = (person: string, status = 200) =>
      account({ at: 0, operation }, { at: 50, marker: 'b', person, status }, { at: 90, operation }, { at: 150, marker: 'b' })
    expect(duplicates(between('u2'), published).covered).toBe(2)
    expect(duplicates(between('u1', 503), published)).toEqual({ received: 1, covered: 1, uncovered: 0 })
    expect(duplicates(between('u1'), published)).toEqual({ received: 2, covered: 1, uncovered: 1 })
    // as after a crash: the person's older event is repeated before the destroy is
    const replay = account({ at: 0, marker: 'b' }, { at: 20, operation }, { at: 500, marker: 'b' }, { at: 520, operation })
    expect(duplicates(replay, [good('b'), bodyless('a', operation)])).toEqual({ received: 2, covered: 1, uncovered: 1 })
  })
})

describe('the window', () => {
  test.each([
    [0, []],
    [1, [0, 1_000]],
    [2, [0, 999.9]],
    [3, [2_500, 900, 1_100, 1_899, 0]],
  ])('is half open, and begins anywhere: at most %d of %j', (most, times) => {
    expect(
      mostInWindow(
        times.map((at) => ({ at })),
        1_000,
      ),
    ).toBe(most)
  })

  test('the budget is what a slot a window and an answer allows', () => {
    // 96 requests in one second, each answered after 40 ms: 100 slots could have made 100 / 1.04 of them.
    const arrivals = account(...Array.from({ length: 96 }, (_, i) => ({ at: 5_000 + i * 10, answeredAt: 5_040 + i * 10 })))
    const used = budget(arrivals, { limit: 100, windowMs: 1_000, from: 5_000, to: 6_000 })
    expect(used).toMatchObject({ requests: 96, perSecond: 96, rttMs: 40 })
    expect(used.ceilingPerSecond).toBeCloseTo(96.15, 2)
    expect(used.used).toBeCloseTo(0.998, 3)
  })

  test('the budget takes the span only, and no span without an answer', () => {
    const arrivals = account({ at: 0 }, { at: 100 }, { at: 200, status: null, answeredAt: null }, { at: 300 })
    expect(budget(arrivals, { limit: 10, windowMs: 1_000, from: 100, to: 300 }).requests).toBe(2)
    expect(() => budget(arrivals, { limit: 10, windowMs: 1_000, from: 200, to: 300 })).toThrow(RangeError)
    expect(() => budget(arrivals, { limit: 10, windowMs: 1_000, from: 100, to: 100 })).toThrow(RangeError)
  })

  test('counts a request once, however many operations it carries', () => {
    const arrivals = batches(...[0, 400, 900].map((at) => ({ at, answeredAt: at + 40, operations: [{}, {}, {}] })))
    expect(mostInWindow(arrivals, 1_000)).toBe(3)
    expect(mostInWindow(arrivals, 500)).toBe(2)
    expect(mostInWindow(arrivals, 1_000, 'operation')).toBe(9)
    expect(budget(arrivals, { limit: 3, windowMs: 960, from: 0, to: 1_000 })).toMatchObject({ requests: 3, rttMs: 40, ceilingPerSecond: 3, used: 1 })
    expect(budget(arrivals, { limit: 9, windowMs: 960, from: 0, to: 1_000, unit: 'operation' })).toMatchObject({ requests: 9, ceilingPerSecond: 9, used: 1 })
  })

  test('recovery counts requests of which something was accepted', () => {
    const [good, bad] = [{ status: 200 }, { status: 400 }]
    const at = (time: number, ...operations: Partial<Arrival>[]) => ({ at: time, operations })
    const arrivals = batches(at(0, good, good, good), at(2_000, bad, good), at(2_500, bad, bad), at(2_999, good, bad))
    expect(recoveryMs(arrivals, { from: 0, perSecond: 2 })).toBe(2_000)
    expect(recoveryMs(arrivals, { from: 0, perSecond: 1 })).toBe(0)
    expect(recoveryMs(arrivals, { from: 1, perSecond: 3 })).toBeNull()
    expect(recoveryMs(arrivals, { from: 0, perSecond: 3, unit: 'operation' })).toBe(0)
    expect(recoveryMs(arrivals, { from: 1, perSecond: 3, unit: 'operation' })).toBeNull()
  })
})
