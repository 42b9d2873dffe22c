import { Faults, parsePlan, takesEffect } from './faults.ts'
import type { Attempt, FaultPlan, FaultRule } from './faults.ts'

const TRACK: Attempt = { operation: 'track', person: 'p', key: 'k' }

function rule(name: string, match: FaultRule['match'] = {}): FaultRule {
  return { name, match, effect: { status: 503 } }
}

/** The names of the rules that a sequence of attempts falls under; a number sets the time (ms) of those after it. */
function names(plan: FaultPlan, ...steps: (Attempt | number)[]): (string | undefined)[] {
  const faults = new Faults(plan, 1, 1000)
  let at = 1000
  return steps.flatMap((step) => {
    if (typeof step !== 'number') return [faults.decide(step, at)?.name]
    at = 1000 + step
    return []
  })
}

/** Which of 2,000 attempts a rule with this ratio hits. */
function hits(seed: number, ratio: number): boolean[] {
  const faults = new Faults({ rules: [rule('some', { ratio })] }, seed, 0)
  return Array.from({ length: 2000 }, () => faults.decide(TRACK, 0) !== undefined)
}

describe('a fault plan', () => {
  test('has no faults if it is empty', () => {
    expect(names({}, TRACK)).toEqual([undefined])
    expect(new Faults({}, 1, 0).delayMs(undefined)).toBe(0)
  })

  test('takes the first rule that matches', () => {
    const ofQ = rule('tracks of q', { operation: ['track', 'page'], person: ['q'] })
    const rules = [rule('identifies', { operation: ['identify'] }), ofQ, rule('all')]
    expect(names({ rules }, TRACK, { ...TRACK, person: 'q' }, { ...TRACK, operation: 'identify' }, { ...TRACK, person: null }))
      .toEqual(['all', 'tracks of q', 'identifies', 'all'])
  })

  test('firstAttempts counts the attempts at each event, whichever rule they fell under', () => {
    const rules = [rule('once', { times: 1 }), rule('first two', { firstAttempts: 2 })]
    const other = { ...TRACK, key: 'other' }
    expect(names({ rules }, TRACK, TRACK, TRACK, other, other, other))
      .toEqual(['once', 'first two', undefined, 'first two', 'first two', undefined])
  })

  test('times stops a rule after it applied so often', () => {
    expect(names({ rules: [rule('twice', { times: 2 })] }, TRACK, TRACK, TRACK)).toEqual(['twice', 'twice', undefined])
  })

  test('fromMs and untilMs count from the setting of the plan, untilMs excluded', () => {
    expect(names({ rules: [rule('hour', { fromMs: 10, untilMs: 20 })] }, 0, TRACK, 9.9, TRACK, 10, TRACK, 19.9, TRACK, 20, TRACK))
      .toEqual([undefined, undefined, 'hour', 'hour', undefined])
  })

  test('ratio hits about so many, the same ones for the same seed', () => {
    const count = hits(1, 0.3).filter(Boolean).length
    expect(count).toBeGreaterThan(500)
    expect(count).toBeLessThan(700)
    expect(hits(1, 0.3)).toEqual(hits(1, 0.3))
    expect(hits(2, 0.3)).not.toEqual(hits(1, 0.3))
    expect(hits(1, 0)).not.toContain(true)
    expect(hits(1, 1)).not.toContain(false)
  })

  test('delays lie in their range: the latency, plus the delay of the rule', () => {
    const faults = new Faults({ latencyMs: [10, 20] }, 1, 0)
    const delays = Array.from({ length: 500 }, () => faults.delayMs({ delayMs: [100, 200] }))
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(110)
    expect(Math.max(...delays)).toBeLessThanOrEqual(220)
    expect(new Set(delays).size).toBeGreaterThan(100)
    expect(new Faults({}, 1, 0).delayMs({ delayMs: 7 })).toBe(7)
  })

  test.each([
    [undefined, true], [{ delayMs: 5 }, true], [{ reset: 'after' as const }, true], [{ reset: 'before' as const }, false],
    [{ status: 503 }, false], [{ status: 503, accept: true }, true], [{ hang: true as const }, false],
    [{ hang: true as const, accept: true }, true], [{ torn: true as const }, false], [{ torn: true as const, accept: true }, true],
  ])('under %j an event takes effect: %p', (effect, expected) => {
    expect(takesEffect(effect)).toBe(expected)
  })

  test.each([
    ['no object', 5],
    ['an unknown key', { rule: [] }],
    ['a rule without a name', { rules: [{ effect: { hang: true } }] }],
    ['an unknown operation', { rules: [{ name: 'r', match: { operation: ['Track'] }, effect: { hang: true } }] }],
    ['an unknown condition', { rules: [{ name: 'r', match: { persons: ['p'] }, effect: { hang: true } }] }],
    ['a ratio above 1', { rules: [{ name: 'r', match: { ratio: 2 }, effect: { hang: true } }] }],
    ['an effect that does nothing', { rules: [{ name: 'r', effect: {} }] }],
    ['two answers', { rules: [{ name: 'r', effect: { status: 500, hang: true } }] }],
    ['a body without a status', { rules: [{ name: 'r', effect: { delayMs: 1, body: '' } }] }],
    ['headers without a status', { rules: [{ name: 'r', effect: { hang: true, headers: {} } }] }],
    ['accept with a reset', { rules: [{ name: 'r', effect: { reset: 'before', accept: true } }] }],
    ['accept with a mere delay', { rules: [{ name: 'r', effect: { delayMs: 1, accept: false } }] }],
    ['a status that is none', { rules: [{ name: 'r', effect: { status: 99 } }] }],
    ['a header that cannot be sent', { rules: [{ name: 'r', effect: { status: 500, headers: { 'a b': 'c' } } }] }],
    ['a range upside down', { latencyMs: [2, 1] }],
    ['a delay beyond a timer', { latencyMs: [0, 2 ** 31] }],
  ])('is refused with %s', (_what, plan) => {
    expect(() => parsePlan(plan)).toThrow(/^not a fault plan:\n/)
  })

  test('the complaint names the place', () => {
    expect(() => parsePlan({ rules: [rule('fine'), { name: 'r', effect: { status: 99 } }] })).toThrow(/rules\[1\]\.effect\.status/)
  })
})
