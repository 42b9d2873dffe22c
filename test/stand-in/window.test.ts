import * as fc from 'fast-check'
import { SlidingWindow } from './window.ts'

const W = 1000

/** Gaps (ms) between requests: bursts, exact window lengths, and anything between. */
const gaps = fc.array(fc.oneof(
  fc.constant(0), fc.constant(W), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: W + 5 }),
  fc.double({ min: 0, max: 400, noNaN: true }),
), { maxLength: 200 })
const limits = fc.integer({ min: 1, max: 12 })

function decide(window: SlidingWindow, steps: number[]) {
  let at = 0
  return steps.map((gap) => {
    at += gap
    return { at, admission: window.admit(at) }
  })
}

describe('the sliding window', () => {
  test('never holds more than the limit in any window', () => {
    fc.assert(fc.property(limits, gaps, (limit, steps) => {
      const admitted = decide(new SlidingWindow(limit, W), steps).filter(({ admission }) => admission.admitted)
      for (const { at: start } of admitted) {
        expect(admitted.filter(({ at }) => start <= at && at < start + W).length).toBeLessThanOrEqual(limit)
      }
    }))
  })

  test('refuses only when the last window holds the limit', () => {
    fc.assert(fc.property(limits, gaps, (limit, steps) => {
      const admitted: number[] = []
      for (const { at, admission } of decide(new SlidingWindow(limit, W), steps)) {
        const inLastWindow = admitted.filter((earlier) => at < earlier + W).length
        expect(admission.admitted).toBe(inLastWindow < limit)
        if (admission.admitted) admitted.push(at)
      }
    }))
  })

  test('tells the least whole number of seconds, at least 1, after which the request is admitted', () => {
    const wholeGaps = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1 })
    fc.assert(fc.property(limits, wholeGaps, fc.integer({ min: 1, max: 9000 }), (limit, steps, windowMs) => {
      const { at, admission } = decide(new SlidingWindow(limit, windowMs), steps).at(-1)!
      fc.pre(!admission.admitted)
      const isAdmittedAfter = (seconds: number) => {
        const window = new SlidingWindow(limit, windowMs)
        decide(window, steps)
        return window.admit(at + seconds * 1000).admitted
      }
      const { retryAfterS } = admission
      expect(retryAfterS).toBeGreaterThanOrEqual(1)
      expect(isAdmittedAfter(retryAfterS)).toBe(true)
      expect(retryAfterS > 1 && isAdmittedAfter(retryAfterS - 1)).toBe(false)
    }))
  })

  test('a request counts until just before its time plus the window', () => {
    const window = new SlidingWindow(1, W)
    expect(window.admit(5)).toEqual({ admitted: true })
    expect(window.admit(5)).toEqual({ admitted: false, retryAfterS: 1 })
    expect(window.admit(1004.999)).toEqual({ admitted: false, retryAfterS: 1 })
    expect(window.admit(1005)).toEqual({ admitted: true })
  })

  test('what counts several takes so many places, all or none', () => {
    const weighted = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 600 }), weight: fc.integer({ min: 1, max: 8 }) }), { maxLength: 100 })
    fc.assert(fc.property(limits, weighted, (limit, steps) => {
      const window = new SlidingWindow(limit, W)
      const admitted: { at: number; weight: number }[] = []
      let at = 0
      for (const { gap, weight } of steps) {
        at += gap
        const taken = admitted.filter((earlier) => at < earlier.at + W).reduce((sum, { weight }) => sum + weight, 0)
        const admission = window.admit(at, weight)
        expect(admission.admitted).toBe(taken + weight <= limit)
        if (admission.admitted) admitted.push({ at, weight })
      }
    }))
    expect(new SlidingWindow(2, W).admit(0, 3)).toEqual({ admitted: false, retryAfterS: 1 })
  })

  test.each([[0, W], [1.5, W], [NaN, W], [1, 0], [1, NaN]])('refuses to be made with limit %p and window %p', (limit, windowMs) => {
    expect(() => new SlidingWindow(limit, windowMs)).toThrow(RangeError)
  })
})
