import * as fc from 'fast-check'
import { Slots } from '../../../src/limiter/slots.ts'
import { mostInWindow } from '../../support/window.ts'

const times = { windowMs: 1_000, latestArrivalMs: 3_000 }

test('as many are held as were taken, and never more than are usable', () => {
  const slots = new Slots(times)
  expect([slots.take(3), slots.take(3, 2), slots.held]).toEqual([true, true, 3])
  expect([slots.take(3), slots.take(4, 2), slots.held]).toEqual([false, false, 3])
  expect([slots.take(4), slots.held]).toEqual([true, 4])
})

test('what is given back can be taken again; of a share that has shrunk not until enough are back', () => {
  const slots = new Slots(times)
  slots.take(5, 5)
  slots.giveBack(2)
  expect([slots.held, slots.take(3), slots.take(5, 2), slots.held]).toEqual([3, false, true, 5])
  slots.giveBack()
  expect(slots.held).toBe(4)
})

test.each([
  ['answered: quiet at once, free after a window', true, 700, 0, 1_000],
  ['not answered: quiet when it can\'t arrive any more, free a window later', false, 700, 2_300, 3_300],
  ['not answered, and told later than it could arrive', false, 5_000, 0, 1_000],
])('%s', (_name, answered, afterMs, quietMs, freeMs) => {
  expect(new Slots(times).ended({ answered, sentAt: 10_000 }, 10_000 + afterMs)).toEqual({ quietMs, freeMs })
})

test('no window at the server holds more than there are slots, wherever requests and answers are held up', () => {
  const requests = fc.array(fc.record({
    slots: fc.integer({ min: 1, max: 3 }), afterMs: fc.nat(300), arrivesAfterMs: fc.nat(2_999), backAfterMs: fc.nat(500),
    answered: fc.boolean(), timeoutMs: fc.integer({ min: 1, max: 2_000 }),
  }), { minLength: 1, maxLength: 60 })
  fc.assert(fc.property(requests, fc.integer({ min: 3, max: 8 }), (given, usable) => {
    const slots = new Slots(times)
    const arrivals: { at: number }[] = []
    let held: { slots: number; freeAt: number }[] = []
    let now = 0
    for (const { slots: count, afterMs, arrivesAfterMs, backAfterMs, answered, timeoutMs } of given) {
      now += afterMs
      while (true) {
        for (const { slots: back } of held.filter(({ freeAt }) => freeAt <= now)) slots.giveBack(back)
        held = held.filter(({ freeAt }) => freeAt > now)
        if (slots.take(usable, count)) break
        now = Math.min(...held.map(({ freeAt }) => freeAt))
      }
      for (let n = 0; n < count; n += 1) arrivals.push({ at: now + arrivesAfterMs })
      const endsAt = now + (answered ? arrivesAfterMs + backAfterMs : timeoutMs)
      held.push({ slots: count, freeAt: endsAt + slots.ended({ answered, sentAt: now }, endsAt).freeMs })
    }
    expect(mostInWindow(arrivals, times.windowMs)).toBeLessThanOrEqual(usable)
  }))
})
