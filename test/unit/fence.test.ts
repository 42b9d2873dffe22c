import * as fc from 'fast-check'
import { Fence } from '../../src/kafka/fence.ts'

test('shut until a heartbeat is acknowledged', () => {
  expect(new Fence(1_000).isOpen(0)).toBe(false)
})

test('open for its length from the sending, and not a moment longer', () => {
  const fence = new Fence(1_000)
  fence.acknowledged(500)
  expect([499, 500, 1_499, 1_500, 9_000].map((now) => fence.isOpen(now))).toEqual([true, true, true, false, false])
})

test('each newer heartbeat prolongs it; an older one that is acknowledged late does not shorten it', () => {
  const fence = new Fence(1_000)
  fence.acknowledged(500)
  fence.acknowledged(900)
  fence.acknowledged(700)
  expect([1_899, 1_900].map((now) => fence.isOpen(now))).toEqual([true, false])
})

test('a new generation begins shut', () => {
  const fence = new Fence(1_000)
  fence.acknowledged(500)
  fence.shut()
  expect(fence.isOpen(501)).toBe(false)
  fence.acknowledged(600)
  expect([1_599, 1_600].map((now) => fence.isOpen(now))).toEqual([true, false])
})

test('open exactly if a heartbeat since the last shut was sent less than its length ago', () => {
  const step = fc.oneof(fc.record({ sentAt: fc.nat(500) }), fc.constant('shut' as const))
  fc.assert(fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step), fc.nat(800), (length, steps, now) => {
    const fence = new Fence(length)
    for (const each of steps) {
      if (each === 'shut') fence.shut()
      else fence.acknowledged(each.sentAt)
    }
    const proofs = steps.slice(steps.lastIndexOf('shut') + 1) as { sentAt: number }[]
    expect(fence.isOpen(now)).toBe(proofs.some(({ sentAt }) => now - sentAt < length))
  }))
})
