import * as fc from 'fast-check'
import { Breaker, type BreakerState } from '../../../src/delivery/breaker.ts'

const backoff = { baseMs: 1_000, capMs: 60_000, jitter: 0 }
const chance = 0.5

test('closed lets everything through, and a failure among successes does not open it', () => {
  const breaker = new Breaker(backoff)
  breaker.failed(0, false, chance)
  expect([breaker.state(0), breaker.allowed(0), breaker.waitMs(0)]).toEqual(['closed', Infinity, 0])
})

test('most attempts failed: open for a backoff, then one attempt at a time', () => {
  const breaker = new Breaker(backoff)
  breaker.failed(100, true, chance)
  expect([breaker.state(100), breaker.allowed(100), breaker.waitMs(100)]).toEqual(['open', 0, 1_000])
  expect([breaker.state(1_099), breaker.allowed(1_099), breaker.waitMs(1_099)]).toEqual(['open', 0, 1])
  expect([breaker.state(1_100), breaker.allowed(1_100), breaker.waitMs(1_100)]).toEqual(['half-open', 1, 0])
})

test('a failed trial opens it again, for longer; a good one closes it, and the next time begins short', () => {
  const breaker = new Breaker(backoff)
  breaker.failed(0, true, chance)
  breaker.failed(1_000, false, chance)
  expect([breaker.state(1_000), breaker.waitMs(1_000)]).toEqual(['open', 2_000])
  expect(breaker.state(3_000)).toBe('half-open')
  breaker.succeeded()
  expect([breaker.state(3_000), breaker.allowed(3_000)]).toEqual(['closed', Infinity])
  breaker.failed(3_000, true, chance)
  expect(breaker.waitMs(3_000)).toBe(1_000)
})

test('failures of what was in flight when it opened do not prolong it', () => {
  const breaker = new Breaker(backoff)
  for (const now of [0, 10, 20]) breaker.failed(now, true, chance)
  expect(breaker.waitMs(20)).toBe(980)
})

test('refused credentials let nothing through, whatever succeeds or how long it lasts, until the account works', () => {
  const breaker = new Breaker(backoff)
  breaker.refused(0, chance)
  breaker.succeeded()
  breaker.failed(1e9, true, chance)
  expect([breaker.state(1e9), breaker.allowed(1e9), breaker.waitMs(1e9)]).toEqual(['refused', 0, 0])
  breaker.credentialsWork()
  expect([breaker.state(1e9), breaker.allowed(1e9)]).toEqual(['closed', Infinity])
})

test('each refusal of the account makes the next question wait longer, and a refusal ends any other state', () => {
  const breaker = new Breaker(backoff)
  breaker.failed(0, true, chance)
  const waits = [0, 1, 2].map((now) => {
    breaker.refused(now, chance)
    return breaker.waitMs(now)
  })
  expect([breaker.state(2), waits]).toEqual(['refused', [1_000, 2_000, 4_000]])
})

test('other credentials than the refused ones: the question is due at once, and if they are refused, too, the waits begin short', () => {
  const breaker = new Breaker(backoff)
  for (const now of [0, 1, 2]) breaker.refused(now, chance)
  breaker.credentialsChanged(10)
  expect([breaker.state(10), breaker.allowed(10), breaker.waitMs(10)]).toEqual(['refused', 0, 0])
  breaker.refused(20, chance)
  expect(breaker.waitMs(20)).toBe(1_000)
})

test('other credentials say nothing of a server that is down', () => {
  const breaker = new Breaker(backoff)
  breaker.failed(0, true, chance)
  breaker.credentialsChanged(10)
  expect([breaker.state(10), breaker.waitMs(10)]).toEqual(['open', 990])
})

test('that the account works says nothing of a server that is down', () => {
  const breaker = new Breaker(backoff)
  breaker.failed(0, true, chance)
  breaker.credentialsWork()
  expect(breaker.state(0)).toBe('open')
})

type Step = 'good' | 'bad' | 'mostly bad' | 'refused' | 'works' | number

/** The diagram at the head of the class, said once more: the backoffs in a row, and when the last one ends. */
interface Model { state: BreakerState; row: number; until: number }

function next(model: Model, step: Step, now: number): Model {
  const wait = (state: BreakerState, row: number): Model => ({ state, row, until: now + Math.min(backoff.capMs, backoff.baseMs * 2 ** (row - 1)) })
  const closed: Model = { state: 'closed', row: 0, until: 0 }
  if (typeof step === 'number') return model.state === 'open' && now >= model.until ? { ...model, state: 'half-open' } : model
  if (step === 'refused') return wait('refused', model.state === 'refused' ? model.row + 1 : 1)
  if (model.state === 'refused') return step === 'works' ? closed : model
  if (step === 'good') return closed
  if (step === 'works') return model
  return model.state === 'half-open' || (model.state === 'closed' && step === 'mostly bad') ? wait('open', model.row + 1) : model
}

test('goes its ways and no others', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(fc.constantFrom<Step>('good', 'bad', 'mostly bad', 'refused', 'works'), fc.nat(130_000), fc.nat(3_000))
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const breaker = new Breaker(backoff)
    let [model, now]: [Model, number] = [{ state: 'closed', row: 0, until: 0 }, 0]
    for (const each of steps) {
      if (typeof each === 'number') now += each
      else if (each === 'good') breaker.succeeded()
      else if (each === 'refused') breaker.refused(now, chance)
      else if (each === 'works') breaker.credentialsWork()
      else breaker.failed(now, each === 'mostly bad', chance)
      model = next(model, each, now)
      expect(breaker.state(now)).toBe(model.state)
      expect(breaker.allowed(now)).toBe({ closed: Infinity, 'half-open': 1, open: 0, refused: 0 }[model.state])
      expect(breaker.waitMs(now)).toBe(model.state === 'open' || model.state === 'refused' ? Math.max(0, model.until - now) : 0)
    }
  }), { numRuns: 500 })
})
