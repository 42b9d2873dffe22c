import * as fc from 'fast-check'
import { Gate } from '../../../src/delivery/gate.ts'

const backoff = { baseMs: 1_000, capMs: 60_000, jitter: 0 }
const chance = 0.5

test('is open, with all slots, until a 429 comes', () => {
  const gate = new Gate(backoff)
  expect([gate.closedFor(0), gate.part(0), gate.closedFor(1e9), gate.part(1e9)]).toEqual([0, 1, 0, 1])
})

test('stays shut for the Retry-After, to the millisecond', () => {
  const gate = new Gate(backoff)
  gate.throttled(100, 5_000, chance)
  expect([100, 5_099, 5_100, 9_000].map((now) => gate.closedFor(now))).toEqual([5_000, 1, 0, 0])
})

test('without a Retry-After it stays shut by backoff, longer with each repetition', () => {
  const gate = new Gate(backoff)
  let now = 0
  const waits = [1, 2, 3, 4].map(() => {
    gate.throttled(now, undefined, chance)
    const wait = gate.closedFor(now)
    now += wait + 10
    return wait
  })
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000])
})

test('the first 429 takes no slots; the second soon after halves them, down to an eighth', () => {
  const gate = new Gate(backoff)
  const parts = [0, 1, 2, 3, 4, 5].map((n) => {
    gate.throttled(n * 100, 99, chance)
    return gate.part(n * 100)
  })
  expect(parts.slice(0, 3)).toEqual([1, expect.closeTo(0.5, 3), expect.closeTo(0.25, 3)])
  expect(parts.slice(3)).toEqual([expect.closeTo(0.125, 3), 0.125, 0.125])
})

test('429s of requests that were in flight when the gate shut count once', () => {
  const gate = new Gate(backoff)
  for (const now of [0, 10, 20, 30]) gate.throttled(now, 1_000, chance)
  expect(gate.closedFor(30)).toBe(1_000)
  expect(gate.part(2_000)).toBe(1)
})

test('a 429 long after the last is a first one again', () => {
  const gate = new Gate(backoff)
  gate.throttled(0, 1_000, chance)
  gate.throttled(31_001, undefined, chance)
  expect([gate.part(31_001), gate.closedFor(31_001)]).toEqual([1, 1_000])
})

test('wins the slots back slowly: from a half to all in ten seconds', () => {
  const gate = new Gate(backoff)
  gate.throttled(0, 0, chance)
  gate.throttled(0, 1_000, chance)
  expect([0, 1_000, 6_000, 11_000, 99_000].map((now) => gate.part(now))).toEqual([0.5, 0.5, 0.75, 1, 1])
})

interface Step { after: number; retryAfter: number | undefined; random: number }
const steps = fc.array(fc.record({
  after: fc.nat(40_000),
  retryAfter: fc.option(fc.nat(60_000), { nil: undefined }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
}), { minLength: 1, maxLength: 30 })

/** Runs the story; `look` sees the gate after each 429. */
function run(story: Step[], look: (gate: Gate, now: number) => void): { gate: Gate; end: number } {
  const gate = new Gate({ ...backoff, jitter: 0.25 })
  let end = 0
  for (const { after, retryAfter, random } of story) {
    end += after
    gate.throttled(end, retryAfter, random)
    look(gate, end)
  }
  return { gate, end }
}

test('never open before any Retry-After is over', () => {
  fc.assert(fc.property(steps, fc.nat(100_000), (story, later) => {
    let [time, until] = [0, 0]
    for (const { after, retryAfter } of story) {
      time += after
      until = Math.max(until, time + (retryAfter ?? 0))
    }
    const { gate, end } = run(story, () => {})
    expect(gate.closedFor(end + later)).toBeGreaterThanOrEqual(Math.max(0, until - (end + later)))
  }))
})

test('the part is always within (0, 1], never grows while shut, and comes back to 1', () => {
  fc.assert(fc.property(steps, fc.array(fc.nat(5_000), { maxLength: 20 }), (story, looks) => {
    const { gate, end } = run(story, (each, now) => {
      expect(each.part(now)).toBeGreaterThan(0)
      expect(each.part(now)).toBeLessThanOrEqual(1)
    })
    let now = end
    for (const look of looks) {
      const [before, shut] = [gate.part(now), gate.closedFor(now)]
      now += look
      expect(gate.part(now)).toBeGreaterThanOrEqual(before)
      expect(gate.part(now) > before && look <= shut).toBe(false)
    }
    const opens = now + gate.closedFor(now)
    expect(gate.part(opens + 20_000)).toBe(1)
  }))
})
