import { spawnSync } from 'node:child_process'
import { Account } from './account.ts'
import type { Details } from './account.ts'
import { DEFAULT_LIMITS } from './server.ts'

const W = 1000

function details(operation: Details['operation'], person: string, more: Partial<Details> = {}): Details {
  return { operation, person, subject: null, eventId: null, timestamp: null, marker: null, ...more }
}

function account({ limit = 7, unit = 'request' as 'request' | 'operation', startedAt = 0 } = {}): Account {
  return new Account({ ...DEFAULT_LIMITS, track: { limit, windowMs: W, unit } }, startedAt)
}

/** The sums of an API of which nothing was asked. */
function unused(api: 'transactional' | 'general' | 'broadcast') {
  const { limit, windowMs } = DEFAULT_LIMITS[api]
  return { requests: 0, operations: 0, mostInWindow: 0, refused: 0, limit, windowMs }
}

describe('the account', () => {
  test('sums up operations, statuses, answers and event ids', () => {
    const sums = account({ startedAt: 3 })
    const page = sums.arrive(10, 'track', details('track', 'a'))
    const hung = sums.arrive(20, 'track', details('track', 'b'))
    const refused = sums.arrive(30, 'track', details('destroy', 'c'))
    sums.describe(page, [details('page', 'a', { eventId: 'x', timestamp: 1, marker: 'm' })], 12)
    sums.refuse('track')
    sums.answer(page, 15, 200)
    sums.answer(refused, 45, 429)
    expect([sums.accept('x'), sums.accept('y'), sums.accept('x')]).toEqual([true, true, false])
    const byStatus = { 200: 1, 429: 1, none: 1 }
    expect(sums.summary(1011)).toEqual({
      requests: 3, operations: 3, byStatus, operationsByStatus: byStatus, byOperation: { page: 1, track: 1, destroy: 1 },
      apis: {
        track: { requests: 3, operations: 3, mostInWindow: 3, refused: 1, limit: 7, windowMs: W },
        transactional: unused('transactional'), general: unused('general'), broadcast: unused('broadcast'),
      },
      mostInWindow: 3, limit: 7, windowMs: W, refused: 1, meanResponseMs: 10, rateLast: 2, distinctEventIds: 2, repeatedEventIds: 1,
      startedAt: 3, now: 1011,
    })
    expect(sums.arrivals).toEqual([...page.arrivals, ...hung.arrivals, ...refused.arrivals])
    expect(sums.arrivals[0]).toEqual({
      n: 0, request: 0, index: 0, api: 'track', at: 10, answeredAt: 15, operation: 'page', person: 'a', subject: null, status: 200, fault: null,
      eventId: 'x', timestamp: 1, marker: 'm',
    })
    expect(sums.arrivals[1]).toMatchObject({ n: 1, request: 1, answeredAt: null, status: null })
  })

  test('a request of many operations has as many arrivals, one after the other, once its body is there', () => {
    const sums = account()
    const batch = sums.arrive(10, 'track', null)
    const other = sums.arrive(20, 'track', details('track', 'x'))
    expect(sums.summary(20)).toMatchObject({ requests: 2, operations: 1, byStatus: { none: 2 }, operationsByStatus: { none: 1 } })
    sums.describe(batch, ['a', 'b', 'c'].map((person) => details('identify', person)), 30)
    sums.answer(other, 40, 200)
    sums.answer(batch, 50, 207, (index) => index === 1)
    expect(sums.arrivals.map(({ n, request, index, at, person, status, answeredAt }) => [n, request, index, at, person, status, answeredAt])).toEqual([
      [0, 1, 0, 20, 'x', 200, 40], [1, 0, 0, 10, 'a', 200, 50], [2, 0, 1, 10, 'b', 400, 50], [3, 0, 2, 10, 'c', 200, 50],
    ])
    expect(sums.summary(60)).toMatchObject({
      requests: 2, operations: 4, byStatus: { 200: 1, 207: 1 }, operationsByStatus: { 200: 3, 400: 1 }, byOperation: { track: 1, identify: 3 },
      mostInWindow: 2, rateLast: 2, meanResponseMs: 30,
    })
  })

  test('the window counts operations if it is told to, from when the body tells how many there are', () => {
    const sums = account({ unit: 'operation' })
    const batch = sums.arrive(0, 'track', null)
    sums.describe(sums.arrive(W - 1, 'track', details('track', 'x')), [details('track', 'x')], W - 1)
    sums.describe(batch, ['a', 'b', 'c'].map((person) => details('identify', person)), W)
    expect(sums.summary(2 * W - 1)).toMatchObject({ requests: 2, operations: 4, mostInWindow: 4, rateLast: 3 })
  })

  test('each API has sums of its own', () => {
    const sums = account()
    for (const at of [0, 10, 20]) sums.arrive(at, 'transactional', details('email', 'a'))
    sums.arrive(30, 'track', details('track', 'a'))
    sums.refuse('transactional')
    const { apis, ...whole } = sums.summary(40)
    expect(apis.transactional).toMatchObject({ requests: 3, operations: 3, mostInWindow: 3, refused: 1, limit: 100 })
    expect(apis.track).toMatchObject({ requests: 1, operations: 1, mostInWindow: 1, refused: 0 })
    expect(whole).toMatchObject({ requests: 4, operations: 4, mostInWindow: 1, refused: 0, rateLast: 1, byStatus: { none: 4 } })
  })

  test('keeps 200,000 arrivals in 100 MB, so a million in 500', () => {
    const fill = `import('./test/stand-in/account.ts').then(async ({ Account }) => {
      const { DEFAULT_LIMITS } = await import('./test/stand-in/server.ts')
      const account = new Account(DEFAULT_LIMITS, 0)
      for (let n = 0; n < 200_000; n++) {
        const details = { operation: 'track', person: 'person-' + n, subject: null, eventId: null, timestamp: null, marker: null }
        const request = account.arrive(n + 0.1, 'track', details)
        const eventId = String(n).padStart(26, '0')
        account.describe(request, [{ ...details, eventId, timestamp: n, marker: 'marker-of-event-' + n }], n + 0.1)
        account.accept(eventId)
        account.answer(request, n + 0.2, 200)
      }
      console.log(account.summary(1e9).distinctEventIds)
    })`
    const { stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=100', '-e', fill], { encoding: 'utf8' })
    expect({ stdout, stderr }).toEqual({ stdout: '200000\n', stderr: '' })
  }, 60_000)
})
