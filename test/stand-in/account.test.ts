import { spawnSync } from 'node:child_process'
import * as fc from 'fast-check'
import { Account } from './account.ts'

const W = 1000

describe('the account', () => {
  test('finds the fullest window, and the load of the last one, as counting them all does', () => {
    const gap = fc.oneof(fc.constant(0), fc.constant(W), fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 700, noNaN: true }))
    fc.assert(fc.property(fc.array(gap, { maxLength: 200 }), fc.integer({ min: 0, max: 2 * W }), (gaps, later) => {
      const account = new Account(100, W, 0)
      const times: number[] = []
      for (const step of gaps) {
        const at = (times.at(-1) ?? 0) + step
        times.push(at)
        account.arrive(at, 'track', null)
        // Asking must not change what is counted.
        account.summary(at)
      }
      const now = (times.at(-1) ?? 0) + later
      const counts = times.map((start) => times.filter((at) => start <= at && at < start + W).length)
      const { requests, mostInWindow, rateLast } = account.summary(now)
      expect({ requests, mostInWindow, rateLast }).toEqual({
        requests: times.length,
        mostInWindow: Math.max(0, ...counts),
        rateLast: times.filter((at) => now < at + W).length,
      })
    }))
  })

  test('sums up operations, statuses, answers and event ids', () => {
    const account = new Account(7, W, 3)
    const page = account.arrive(10, 'track', 'a')
    const hung = account.arrive(20, 'track', 'b')
    const refused = account.arrive(30, 'destroy', 'c')
    account.describe(page, { operation: 'page', person: 'a', eventId: 'x', timestamp: 1, marker: 'm' })
    account.refuse()
    account.answer(page, 15, 200)
    account.answer(refused, 45, 429)
    expect([account.accept('x'), account.accept('y'), account.accept('x')]).toEqual([true, true, false])
    expect(account.summary(1011)).toEqual({
      requests: 3, byStatus: { 200: 1, 429: 1, none: 1 }, byOperation: { page: 1, track: 1, destroy: 1 }, mostInWindow: 3, limit: 7,
      windowMs: W, refused: 1, meanResponseMs: 10, rateLast: 2, distinctEventIds: 2, repeatedEventIds: 1, startedAt: 3, now: 1011,
    })
    expect(account.arrivals).toEqual([page, hung, refused])
    expect(page).toEqual({
      n: 0, at: 10, answeredAt: 15, operation: 'page', person: 'a', status: 200, fault: null, eventId: 'x', timestamp: 1, marker: 'm',
    })
    expect(hung).toMatchObject({ n: 1, answeredAt: null, status: null })
  })

  test('keeps 200,000 arrivals in 100 MB, so a million in 500', () => {
    const fill = `import('./test/stand-in/account.ts').then(({ Account }) => {
      const account = new Account(100, 1000, 0)
      for (let n = 0; n < 200_000; n++) {
        const arrival = account.arrive(n + 0.1, 'track', 'person-' + n)
        const eventId = String(n).padStart(26, '0')
        account.describe(arrival, { operation: 'track', person: 'person-' + n, eventId, timestamp: n, marker: 'marker-of-event-' + n })
        account.accept(eventId)
        account.answer(arrival, n + 0.2, 200)
      }
      console.log(account.summary(1e9).distinctEventIds)
    })`
    const { stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=100', '-e', fill], { encoding: 'utf8' })
    expect({ stdout, stderr }).toEqual({ stdout: '200000\n', stderr: '' })
  }, 60_000)
})
