import { Faults, parsePlan, takesEffect } from './faults.ts'
import type { Attempt, FaultPlan, FaultRule } from './faults.ts'
import type { Operation } from './routes.ts'

/** A request of one operation, as v1 has them. */
function one(operation: Operation, person: string | null = 'p', key = 'k'): Attempt {
  return { call: null, bytes: 100, operations: [{ operation, person }], keyOf: () => key }
}

/** A batch of track events, each of a person; their keys are the people's names. */
function batch(...people: string[]): Attempt {
  return { call: 'batch', bytes: 100 * people.length, operations: people.map((person) => ({ operation: 'track', person })), keyOf: (index) => people[index]! }
}

const TRACK = one('track')

function rule(name: string, match: FaultRule['match'] = {}): FaultRule {
  return { name, match, effect: { status: 503 } }
}

/** The names of the rules that a sequence of attempts falls under; a number sets the time (ms) of those after it. */
function names(plan: FaultPlan, ...steps: (Attempt | number)[]): (string | undefined)[] {
  const faults = new Faults(plan, 1, 1000)
  let at = 1000
  return steps.flatMap((step) => {
    if (typeof step !== 'number') return [faults.decide(step, at)?.rule.name]
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
    expect(names({ rules }, TRACK, one('track', 'q'), one('identify'), one('track', null)))
      .toEqual(['all', 'tracks of q', 'identifies', 'all'])
  })

  test('firstAttempts counts the attempts at each event, whichever rule they fell under', () => {
    const rules = [rule('once', { times: 1 }), rule('first two', { firstAttempts: 2 })]
    const other = one('track', 'p', 'other')
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
    [{ partial: {} }, true], [{ status: 503 }, false], [{ status: 503, accept: true }, true], [{ hang: true as const }, false],
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
    ['a partial failure and a status', { rules: [{ name: 'r', effect: { status: 500, partial: {} } }] }],
    ['accept with a partial failure', { rules: [{ name: 'r', effect: { partial: {}, accept: true } }] }],
    ['a partial failure as 500', { rules: [{ name: 'r', effect: { partial: { asStatus: 500 } } }] }],
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

describe('batches', () => {
  test('fall under a rule that says nothing of operations', () => {
    expect(names({ rules: [rule('all')] }, batch('a', 'b'))).toEqual(['all'])
  })

  test('fall under a rule if one operation fits in all it asks for', () => {
    const rules = [rule('tracks of q', { operation: ['track'], person: ['q'] }), rule('identifies', { operation: ['identify'] })]
    const mixed: Attempt = { ...batch('q', 'p'), operations: [{ operation: 'identify', person: 'q' }, { operation: 'track', person: 'p' }] }
    expect(names({ rules }, batch('p', 'q'), batch('p'), mixed)).toEqual(['tracks of q', undefined, 'identifies'])
  })

  test('and entities can be named as such', () => {
    const rules = [rule('batches of q', { operation: ['batch'], person: ['q'] }), rule('entities', { operation: ['entity'] })]
    expect(names({ rules }, batch('p', 'q'), batch('p'), { ...TRACK, call: 'entity' }, one('track', 'q')))
      .toEqual(['batches of q', undefined, 'entities', undefined])
  })

  test('can be told by their size', () => {
    expect(names({ rules: [rule('long', { atLeastOperations: 2 })] }, TRACK, batch('a'), batch('a', 'b'))).toEqual([undefined, undefined, 'long'])
    expect(names({ rules: [rule('large', { atLeastBytes: 200 })] }, TRACK, batch('a'), batch('a', 'b'))).toEqual([undefined, undefined, 'large'])
  })

  test('count an attempt for each operation, and fail as a whole only if none would fail too often', () => {
    const rules = [rule('first', { firstAttempts: 1 })]
    expect(names({ rules }, batch('a', 'b'), batch('b', 'c'), batch('c'), batch('d', 'e'))).toEqual(['first', undefined, undefined, 'first'])
    const ofPeople = [rule('first of a', { firstAttempts: 1, person: ['a'] })]
    expect(names({ rules: ofPeople }, batch('b'), batch('a', 'b'), batch('a', 'c'))).toEqual([undefined, 'first of a', undefined])
  })

  describe('of which a part fails', () => {
    const failed = (partial: object, match: FaultRule['match'], ...attempts: Attempt[]) => {
      const faults = new Faults(parsePlan({ rules: [{ name: 'part', match, effect: { partial } }] }), 1, 0)
      return attempts.map((attempt) => {
        const hit = faults.decide(attempt, 0)
        return hit && [...hit.failed!]
      })
    }

    test('match as batches only', () => {
      expect(failed({}, {}, TRACK, { ...TRACK, call: 'entity' }, batch('a'))).toEqual([undefined, undefined, [0]])
    })

    test('fail in what fits the rule, and in those of its people', () => {
      expect(failed({}, { person: ['b', 'c'] }, batch('a', 'b', 'c'), batch('a'))).toEqual([[1, 2], undefined])
      expect(failed({ person: ['c'] }, {}, batch('a', 'b', 'c'), batch('a'))).toEqual([[2], []])
      expect(failed({ person: ['c'] }, { person: ['b'] }, batch('a', 'b', 'c'))).toEqual([[]])
    })

    test('fail in about so many', () => {
      const many = batch(...Array.from({ length: 2000 }, (_, n) => `p${n}`))
      const [first, second] = failed({ ratio: 0.3 }, {}, many, many)
      expect(first!.length).toBeGreaterThan(500)
      expect(first!.length).toBeLessThan(700)
      expect(second).not.toEqual(first)
      expect(failed({ ratio: 0.3 }, {}, many)).toEqual([first])
    })

    test('fail in their first attempts', () => {
      expect(failed({}, { firstAttempts: 1 }, batch('a', 'b'), batch('b', 'c'), batch('a', 'b', 'c'))).toEqual([[0, 1], [1], undefined])
    })
  })
})
