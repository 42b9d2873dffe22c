import * as fc from 'fast-check'
import { Load } from './load.ts'

const W = 1000

test('finds the fullest window, and the load of the last one, as counting them all does', () => {
  const gap = fc.oneof(fc.constant(0), fc.constant(W), fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 700, noNaN: true }))
  const steps = fc.array(fc.record({ gap, weight: fc.integer({ min: 1, max: 5 }) }), { maxLength: 200 })
  fc.assert(fc.property(steps, fc.integer({ min: 0, max: 2 * W }), (steps, later) => {
    const load = new Load(W)
    const entries: { at: number; weight: number }[] = []
    for (const { gap, weight } of steps) {
      const at = (entries.at(-1)?.at ?? 0) + gap
      entries.push({ at, weight })
      load.add(at, weight)
      // Asking must not change what is counted.
      load.within(at)
    }
    const now = (entries.at(-1)?.at ?? 0) + later
    const sum = (chosen: typeof entries) => chosen.reduce((total, { weight }) => total + weight, 0)
    const windows = entries.map(({ at: start }) => sum(entries.filter(({ at }) => start <= at && at < start + W)))
    expect([load.most(), load.within(now)]).toEqual([Math.max(0, ...windows), sum(entries.filter(({ at }) => now < at + W))])
  }))
})

test('what has left the window is forgotten, and counts as before', () => {
  const load = new Load(W)
  for (let n = 0; n < 10_000; n++) load.add(n * 10, n % 100)
  expect([load.most(), load.within(100_000), load.within(100_980), load.within(200_000)]).toEqual([4950, 4950, 99, 0])
})
