import type { Arrival } from '../stand-in/account.ts'
import { ceilingOf, figuresOf, regained, usedOf } from './acts.ts'

const arrival = (at: number, status: number | null = 200): Arrival =>
  ({ n: 0, request: 0, index: 0, api: 'track', at, answeredAt: at + 50, operation: 'track', person: null, subject: null, status, fault: null, eventId: null, timestamp: null, marker: null })

/** So many a second, evenly spread. */
const steady = (from: number, to: number, perSecond: number): Arrival[] =>
  Array.from({ length: ((to - from) * perSecond) / 1_000 }, (_, n) => arrival(from + (n * 1_000) / perSecond))

const CEILING = 100

test('the ceiling is L*W/(W+RTT)', () => {
  expect(ceilingOf(steady(0, 10_000, 100), { from: 0, to: 10_000 }, { limit: 105, windowMs: 1_000 })).toBe(100)
})

test('what was refused, or had no answer, used nothing', () => {
  const arrivals = [...steady(0, 10_000, 50), ...Array.from({ length: 100 }, (_, n) => arrival(n, n % 2 ? 429 : null))]
  expect(usedOf(arrivals, { from: 0, to: 10_000 }, CEILING)).toBe(0.5)
})

describe('how soon it was used again', () => {
  const span = { from: 0, to: 30_000 }
  test.each([
    ['all the time', steady(0, 30_000, 100), { halfMs: 0, mostMs: 0 }],
    ['after nothing for 8 s', steady(8_000, 30_000, 100), { halfMs: 7_500, mostMs: 7_800 }],
    ['half of it, then all', [...steady(0, 20_000, 60), ...steady(20_000, 30_000, 100)], { halfMs: 0, mostMs: 19_400 }],
    ['two gaps: the last one counts', [...steady(0, 5_000, 100), ...steady(10_000, 15_000, 100), ...steady(20_000, 30_000, 100)],
      { halfMs: 19_500, mostMs: 19_800 }],
    ['half of it, never all', steady(0, 30_000, 60), { halfMs: 0, mostMs: null }],
    ['not any more', steady(0, 20_000, 100), { halfMs: null, mostMs: null }],
  ])('%s', (_name, arrivals, expected) => {
    expect(regained(arrivals, span, CEILING)).toEqual(expected)
  })
})

test('the figures of an act are of its own arrivals', () => {
  const act = { name: 'one', workers: 3, from: 10_000, changedAt: 12_000, to: 40_000 }
  const own = [...steady(10_000, 25_000, 50), ...steady(25_000, 40_000, 100)]
  const arrivals = [...steady(0, 10_000, 200), ...own, ...steady(40_000, 50_000, 200)]
  expect(figuresOf(arrivals, act, { windowMs: 1_000, steadyMs: 15_000 }, CEILING)).toEqual({
    changeMs: 2_000, lengthMs: 30_000, used: 0.75, usedAtEnd: 1, again: { halfMs: 0, mostMs: 14_500 }, most: 100, refused: 0,
  })
})
