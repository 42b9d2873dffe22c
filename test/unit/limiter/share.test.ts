import * as fc from 'fast-check'
import { FixedShare } from '../../../src/limiter/share.ts'

function fixedShare(limit: number, divisor: number) {
  let now = 100
  let timer: { due: number; run: () => void } | undefined
  const share = new FixedShare({ limit: () => limit, divisor, quarantineMs: 16_000, clock: () => now, after: (ms, run) => { timer = { due: now + ms, run } } })
  const told: number[] = []
  share.onChange(() => told.push(share.slots()))
  const goTo = (time: number) => {
    now = time
    if (timer && timer.due <= now) timer.run()
  }
  return { share, told, goTo }
}

test('nothing until what a predecessor sent has left the window; then the part, and who listens is told', () => {
  const { share, told, goTo } = fixedShare(80, 3)
  expect(share.slots()).toBe(0)
  goTo(16_099)
  expect([share.slots(), told]).toEqual([0, []])
  goTo(16_100)
  expect([share.slots(), told]).toEqual([26, [26]])
})

test('the parts of all processes never add up to more than the limit, and waste less than one slot each', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1_000 }), (limit, divisor) => {
    const { share, goTo } = fixedShare(limit, divisor)
    goTo(1e9)
    expect(share.slots() * divisor).toBeLessThanOrEqual(limit)
    expect((share.slots() + 1) * divisor).toBeGreaterThan(limit)
  }))
})
