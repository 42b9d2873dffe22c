import * as fc from 'fast-check'
import { backoffMs, retryAfterMs } from '../../../src/delivery/backoff.ts'

const options = fc.record({
  baseMs: fc.integer({ min: 1, max: 600_000 }),
  capMs: fc.integer({ min: 1, max: 3_600_000 }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
})
const failures = fc.integer({ min: 1, max: 2_000 })
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('backoff', () => {
  test('doubles from the base up to the cap', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((count) => backoffMs(count, { baseMs: 1_000, capMs: 60_000, jitter: 0 }, 0.5))
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  })

  test('is spread by the jitter, up and down', () => {
    const at = (chance: number) => backoffMs(1, { baseMs: 1_000, capMs: 60_000, jitter: 0.25 }, chance)
    expect([at(0), at(0.5), at(1 - 2 ** -30)]).toEqual([750, 1_000, expect.closeTo(1_250, 3)])
  })

  test('is never below zero, never over the cap, and within the jitter of the doubled base', () => {
    fc.assert(fc.property(failures, options, random, (count, given, chance) => {
      const wait = backoffMs(count, given, chance)
      const doubled = Math.min(given.capMs, given.baseMs * 2 ** (count - 1))
      expect(wait).toBeGreaterThanOrEqual(doubled * (1 - given.jitter) - 1e-6)
      expect(wait).toBeLessThanOrEqual(Math.min(given.capMs, doubled * (1 + given.jitter)) + 1e-6)
      expect(wait).toBeGreaterThanOrEqual(0)
      expect(wait).toBeLessThanOrEqual(given.capMs)
    }))
  })

  test('never shrinks with another failure', () => {
    fc.assert(fc.property(failures, options, random, (count, given, chance) => {
      const [wait, next] = [backoffMs(count, given, chance), backoffMs(count + 1, given, chance)]
      expect(next).toBeGreaterThanOrEqual(wait)
    }))
  })

  test('is twice as long after another failure while the cap is far', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), options, random, (count, given, chance) => {
      const far = { ...given, capMs: Number.MAX_SAFE_INTEGER }
      expect(backoffMs(count + 1, far, chance)).toBeCloseTo(backoffMs(count, far, chance) * 2, 3)
    }))
  })

  test('the jitter spreads: other chances give other waits', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), (count) => {
      const given = { baseMs: 1_000, capMs: 60_000, jitter: 0.25 }
      expect(backoffMs(count, given, 0.1)).toBeLessThan(backoffMs(count, given, 0.9))
    }))
  })
})

const now = Date.UTC(2026, 2, 4, 5, 6, 7)
const cap = 60_000

describe('Retry-After', () => {
  test.each([
    ['seconds', '7', 7_000],
    ['seconds with blanks around', '  7 ', 7_000],
    ['seconds with a fraction', '0.5', 500],
    ['zero', '0', 0],
    ['negative seconds', '-5', 0],
    ['seconds over the cap', '61', cap],
    ['seconds that no number can hold', '9'.repeat(400), cap],
    ['a date', new Date(now + 12_000).toUTCString(), 12_000],
    ['a date of the old kind', 'Wednesday, 04-Mar-26 05:06:19 GMT', 12_000],
    ['a date that is past', new Date(now - 12_000).toUTCString(), 0],
    ['a date far away', 'Fri, 01 Jan 2100 00:00:00 GMT', cap],
  ])('%s', (_name, header, wait) => {
    expect(retryAfterMs(header, now, cap)).toBe(wait)
  })

  test.each([undefined, '', '   ', 'soon', 'NaN', 'Infinity', '0x', '{}'])('%j is as good as none', (header) => {
    expect(retryAfterMs(header, now, cap)).toBeUndefined()
  })

  test('whatever comes: none, or within zero and the cap', () => {
    const header = fc.oneof(
      fc.string(), fc.string({ unit: 'binary' }), fc.double().map(String), fc.bigInt().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()), fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    )
    fc.assert(fc.property(header, fc.integer({ min: 0, max: 8_640_000_000_000_000 }), fc.integer({ min: 1, max: 3_600_000 }), (text, at, capMs) => {
      const wait = retryAfterMs(text, at, capMs)
      if (wait === undefined) return
      expect(wait).toBeGreaterThanOrEqual(0)
      expect(wait).toBeLessThanOrEqual(capMs)
    }), { numRuns: 1_000 })
  })

  test('any whole number of seconds is obeyed up to the cap', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 }), (seconds) => {
      expect(retryAfterMs(String(seconds), now, 3_600_000)).toBe(Math.min(seconds * 1_000, 3_600_000))
    }))
  })
})
