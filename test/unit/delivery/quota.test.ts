import * as fc from 'fast-check'
import { Quota } from '../../../src/delivery/quota.ts'

test('gives so many a minute, and more as the minute passes', () => {
  const quota = new Quota(2)
  expect([0, 10, 20, 59_999, 60_000, 60_001, 60_010].map((now) => quota.take(now))).toEqual([true, true, false, false, true, false, true])
})

test('a quota of none gives none', () => {
  expect([0, 1e9].map((now) => new Quota(0).take(now))).toEqual([false, false])
})

test('never more than the limit in any minute, and refuses only when it was reached', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(40_000), { maxLength: 80 }), (limit, gaps) => {
    const quota = new Quota(limit)
    const given: number[] = []
    let now = 0
    for (const gap of gaps) {
      now += gap
      const inLastMinute = given.filter((at) => now - at < 60_000).length
      expect(quota.left(now)).toBe(limit - inLastMinute)
      expect(quota.take(now)).toBe(inLastMinute < limit)
      if (inLastMinute < limit) given.push(now)
    }
  }))
})
