import * as fc from 'fast-check'
import { RecentPeak } from '../../../src/limiter/peak.ts'

test('of nothing it is nothing', () => {
  expect(new RecentPeak(5_000).at(123_456)).toBe(0)
})

test('a peak counts for one to two halves, a value for as long as it stays', () => {
  const peak = new RecentPeak(10)
  peak.note(7, 101)
  peak.note(2, 102)
  expect([102, 109, 110, 119].map((now) => peak.at(now))).toEqual([7, 7, 7, 7])
  expect([120, 500].map((now) => peak.at(now))).toEqual([2, 2])
  peak.note(0, 501)
  expect([509, 510, 519, 520].map((now) => peak.at(now))).toEqual([2, 2, 2, 0])
})

test('never less than the most of the last half, never more than the most of the last two', () => {
  const changes = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 30 }), value: fc.nat(9) }), { maxLength: 20 })
  fc.assert(fc.property(changes, fc.nat(40), (given, lookAfterMs) => {
    const peak = new RecentPeak(10)
    let now = 0
    const values: { from: number; value: number }[] = [{ from: 0, value: 0 }]
    for (const { afterMs, value } of given) {
      now += afterMs
      peak.note(value, now)
      values.push({ from: now, value })
    }
    now += lookAfterMs
    const until = (index: number) => values[index + 1]?.from ?? Infinity
    const mostSince = (since: number) => Math.max(...values.filter((_, index) => until(index) >= since).map(({ value }) => value))
    expect(peak.at(now)).toBeGreaterThanOrEqual(mostSince(now - 9))
    expect(peak.at(now)).toBeLessThanOrEqual(mostSince(now - 20))
  }))
})
