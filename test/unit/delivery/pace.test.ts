import { LARGEST_BATCH } from '../../../src/delivery/batcher.ts'
import { estimateOf, type Carrier } from '../../../src/delivery/operations.ts'
import { Pace } from '../../../src/delivery/pace.ts'
import { decodeEvent, type CustomerEvent } from '../../../src/event.ts'
import { accepted, failed, rejected, throttled } from './post.ts'

/** Events with a text of so many bytes in it. */
const eventsOf = (count: number, bytes = 100): CustomerEvent[] => Array.from({ length: count }, (_, offset) => {
  const value = Buffer.from(JSON.stringify({ type: 'track', userId: `u${offset}`, payload: { event: 'e', properties: { text: 'x'.repeat(bytes) } } }))
  return decodeEvent({ topic: 't', partition: 0, offset, timestamp: 1, key: null, value }, undefined, 'n') as CustomerEvent
})
const note = (pace: Pace, { count = 1, carrier = 'alone' as Carrier, ms = 50, verdict = accepted, bytes = 100, times = 1 }): void => {
  for (let i = 0; i < times; i += 1) pace.note(eventsOf(count, bytes), carrier, verdict, ms)
}

test('nothing is known before the first', () => {
  const pace = new Pace()
  expect([pace.delivered, pace.eventsPerRequest, pace.perSecond(10)]).toEqual([0, NaN, NaN])
})

test('one event a request: requests in flight by the time of each', () => {
  const pace = new Pace()
  note(pace, { ms: 40, times: 3 })
  note(pace, { ms: 80, times: 1 })
  expect([pace.delivered, pace.eventsPerRequest, pace.perSecond(10)]).toEqual([4, 1, 200])
})

test('a request could carry as many as fill a batch, whatever it did carry', () => {
  const [few, many] = [new Pace(), new Pace()]
  note(few, { carrier: 'batch' })
  note(many, { carrier: 'batch', count: 500 })
  const full = LARGEST_BATCH / estimateOf(eventsOf(1)[0] as CustomerEvent)
  expect(few.eventsPerRequest).toBeCloseTo(full)
  expect(many.eventsPerRequest / full).toBeCloseTo(1, 1)
  expect(few.perSecond(10)).toBeCloseTo(200 * full)
})

test('larger events fill it sooner', () => {
  const pace = new Pace()
  note(pace, { carrier: 'batch', count: 10, bytes: 24_000 })
  expect(Math.floor(pace.eventsPerRequest)).toBe(19)
})

test('a mean of those that share a request and those that can\'t: by requests, not by events', () => {
  const pace = new Pace()
  note(pace, { carrier: 'segment:add:7:id', count: 90 })
  note(pace, { count: 1, times: 10 })
  // 90 of them take 0.09 of a call of 1,000 people, 10 take a request each
  expect(pace.eventsPerRequest).toBeCloseTo(100 / 10.09)
})

test('what was not accepted tells nothing: neither a time-out nor a refusal is how fast it goes', () => {
  const pace = new Pace()
  note(pace, { ms: 50 })
  for (const verdict of [failed, rejected, throttled()]) note(pace, { ms: 10_000, verdict, times: 50 })
  expect([pace.delivered, pace.perSecond(10)]).toEqual([1, 200])
})

test('of a batch of which some failed, the others were delivered', () => {
  const pace = new Pace()
  note(pace, { carrier: 'batch', count: 5, verdict: { kind: 'partly', status: 207, failed: new Map([[2, { message: 'no', passing: false }]]) } })
  expect(pace.delivered).toBe(4)
})

test('only lately counts: other answers, other events', () => {
  const pace = new Pace()
  note(pace, { ms: 50, times: 2_000 })
  note(pace, { ms: 500, carrier: 'batch', count: 100, times: 1_500 })
  expect(pace.perSecond(10) / pace.eventsPerRequest).toBeCloseTo(20, 0)
  expect(pace.eventsPerRequest).toBeGreaterThan(1_000)
})
