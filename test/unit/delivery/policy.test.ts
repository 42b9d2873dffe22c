import * as fc from 'fast-check'
import { afterAsking, ALL_FAIL, decide, type Evidence } from '../../../src/delivery/policy.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'

const options = { retries: 4, unconfirmed: 'retry' as const, baseMs: 1_000, capMs: 60_000, jitter: 0 }
const good = { attempts: 20, failed: 2 }
const bad = { attempts: 20, failed: 3 }
const few = { attempts: 19, failed: 2 }
const nobody = { attempts: 0, failed: 0 }
const evidence = (failures: number, others: Evidence['others'], quota = true, attempts = failures): Evidence => ({ together: false, parted: false, attempts, failures, others, takeQuota: () => quota })
const down: Verdict = { kind: 'unavailable', status: 503, cause: 'status 503', answered: true }
const refused: Verdict = { kind: 'unauthorised', status: 403 }
const fine: Verdict = { kind: 'accepted', status: 200 }
const throttled: Verdict = { kind: 'throttled', status: 429, retryAfter: undefined }
const rejected: Verdict = { kind: 'rejected', status: 400, message: 'too long' }
const goodDay = { kind: 'retry', badDay: false }
const badDay = { kind: 'retry', badDay: true }

const decided = (verdict: Verdict, given: Evidence) => decide(verdict, given, options, 0.5)

test('accepted is delivered, rejected is a dead letter at once with the words of the server', () => {
  expect(decided(fine, evidence(1, nobody))).toEqual({ kind: 'delivered' })
  expect(decided(rejected, evidence(1, bad, false))).toEqual({ kind: 'dead-letter', reason: 'rejected', message: 'too long' })
})

test('a 429 is no attempt of the event, however often it comes', () => {
  expect(decided(throttled, evidence(99, good))).toEqual({ ...goodDay, afterMs: 0, cause: 'throttled' })
})

test.each([good, few, nobody, bad, ALL_FAIL])('a failure is tried again by backoff, as often as is allowed; on a bad day it does not count (others: $failed of $attempts failed)', (others) => {
  const waits = [1, 2, 3, 4].map((failures) => decided(down, evidence(failures, others)))
  const day = others.failed > 2 ? badDay : goodDay
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000].map((afterMs) => ({ ...day, afterMs, cause: 'status_503' })))
})

test('after a bad day the retries begin anew, at the backoff that was reached', () => {
  const waits = [1, 2, 3, 4].map((failures) => decided(down, evidence(failures, good, true, failures + 5)))
  expect(waits).toEqual([32_000, 60_000, 60_000, 60_000].map((afterMs) => ({ ...goodDay, afterMs, cause: 'status_503' })))
})

test.each<[string, number | undefined, string]>([
  ['status 500', 500, 'status_500'],
  ['timeout', undefined, 'timeout'],
  ['network ECONNRESET', undefined, 'network'],
])('the cause in the metric has few values: %s', (cause, status, label) => {
  expect(decided({ kind: 'unavailable', status, cause, answered: false }, evidence(1, good))).toMatchObject({ cause: label })
})

test('out of retries on a good day: a dead letter', () => {
  expect(decided(down, evidence(5, good))).toEqual({ kind: 'dead-letter', reason: 'exhausted', message: 'status 503' })
})

test('out of retries on a bad day: it waits at the longest backoff, with no failure counted', () => {
  expect(decided(down, evidence(5, bad))).toEqual({ ...badDay, afterMs: 60_000, cause: 'bad_day' })
})

test('out of retries with the quota used up: it waits at the longest backoff, and its failures stay counted', () => {
  expect(decided(down, evidence(5, good, false))).toEqual({ ...goodDay, afterMs: 60_000, cause: 'quota' })
})

test('a bad day takes nothing from the quota', () => {
  const takeQuota = jest.fn(() => true)
  decided(down, { ...evidence(5, bad), takeQuota })
  decided(down, { ...evidence(4, good), takeQuota })
  decided(down, { ...evidence(5, few), takeQuota })
  expect(takeQuota).not.toHaveBeenCalled()
})

test('out of retries with too few others to tell, or refused: the account is asked; not if so many of the few fail that it must be the day', () => {
  expect([nobody, few, { attempts: 3, failed: 2 }].map((others) => decided(down, evidence(5, others)).kind)).toEqual(['ask', 'ask', 'ask'])
  expect(decided(down, evidence(5, { attempts: 3, failed: 3 }))).toMatchObject(badDay)
  expect(decided(refused, evidence(1, good))).toEqual({ kind: 'ask' })
})

const asked = (verdict: Verdict, account: Verdict, given: Evidence, times = 1) => afterAsking(verdict, account, times, given, options, 0.5)

test('the account works, and enough others: the event is at fault', () => {
  expect(asked(down, fine, evidence(5, good))).toEqual({ kind: 'dead-letter', reason: 'exhausted', message: 'status 503' })
  expect(asked(down, fine, evidence(5, bad))).toMatchObject(badDay)
})

test('the account works, but too few calls yet: it is asked again, up to twenty times', () => {
  expect([1, 19].map((times) => asked(down, fine, evidence(5, few), times))).toEqual([{ kind: 'ask' }, { kind: 'ask' }])
  expect(asked(down, fine, evidence(5, few), 20)).toMatchObject({ kind: 'dead-letter' })
})

test('refused though the account works: it is tried again as often as a failure, then given up', () => {
  expect([1, 4].map((failures) => asked(refused, fine, evidence(failures, nobody)))).toEqual([1_000, 8_000].map((afterMs) => ({ ...goodDay, afterMs, cause: 'status_403' })))
  expect(asked(refused, fine, evidence(5, nobody))).toEqual({ kind: 'dead-letter', reason: 'forbidden', message: 'status 403 though the credentials work' })
})

test('the account works, but the quota is used up: it waits', () => {
  for (const verdict of [down, refused]) expect(asked(verdict, fine, evidence(5, good, false))).toEqual({ ...goodDay, afterMs: 60_000, cause: 'quota' })
})

test('the account is refused too: it waits for the credentials, and no failure counts', () => {
  for (const verdict of [refused, down]) expect(asked(verdict, refused, evidence(5, nobody))).toEqual({ ...badDay, afterMs: 0, cause: 'credentials_refused' })
})

test.each([down, throttled, rejected])('the account can\'t tell ($kind): nothing is given up', (account) => {
  expect(asked(refused, account, evidence(1, nobody))).toEqual({ ...badDay, afterMs: 1_000, cause: 'unauthorised' })
  expect(asked(down, account, evidence(5, nobody))).toEqual({ ...badDay, afterMs: 60_000, cause: 'bad_day' })
})

const together = (failures: number, others: Evidence['others'], attempts = failures): Evidence => ({ ...evidence(failures, others, true, attempts), together: true })

describe('several that were sent together', () => {
  test('rejected: halved at once, whatever the others', () => {
    for (const others of [good, bad, few, nobody, ALL_FAIL]) expect(decided(rejected, together(0, others))).toEqual({ kind: 'halve', afterMs: 0, cause: 'rejected' })
  })

  test('failed: tried once more as they are, then halved after the next backoff', () => {
    expect([1, 2, 3].map((failures) => decided(down, together(failures, good)))).toEqual([
      { ...goodDay, afterMs: 1_000, cause: 'status_503' }, { kind: 'halve', afterMs: 2_000, cause: 'status_503' }, { kind: 'halve', afterMs: 4_000, cause: 'status_503' },
    ])
    // with nobody else to tell by, halves cost little and tell more
    expect(decided(down, together(2, nobody))).toMatchObject({ kind: 'halve' })
    // of a part it is expected that one half fails
    expect(decided(down, { ...together(1, good), parted: true })).toEqual({ kind: 'halve', afterMs: 1_000, cause: 'status_503' })
  })

  test.each([bad, ALL_FAIL])('on a bad day ($failed of $attempts others failed) they are never halved, and it does not count', (others) => {
    const waits = [1, 2, 4, 5, 9].map((failures) => decided(down, together(failures, others)))
    expect(waits).toEqual([1_000, 2_000, 8_000, 60_000, 60_000].map((afterMs, n) => ({ ...badDay, afterMs, cause: n < 3 ? 'status_503' : 'bad_day' })))
  })

  test('after a bad day they are tried once more together', () => {
    expect(decided(down, together(1, good, 4))).toEqual({ ...goodDay, afterMs: 8_000, cause: 'status_503' })
    expect(decided(down, together(2, good, 5))).toEqual({ kind: 'halve', afterMs: 16_000, cause: 'status_503' })
  })

  test('throttled: together again, with nobody to blame', () => {
    expect(decided(throttled, together(9, good))).toEqual({ ...goodDay, afterMs: 0, cause: 'throttled' })
  })

  test('refused: the account is asked; if that works, once more and then halves', () => {
    expect(decided(refused, together(0, good))).toEqual({ kind: 'ask' })
    expect([1, 2].map((failures) => asked(refused, fine, together(failures, nobody)))).toEqual([
      { ...goodDay, afterMs: 1_000, cause: 'status_403' }, { kind: 'halve', afterMs: 2_000, cause: 'status_403' },
    ])
    for (const failures of [1, 2, 9]) {
      expect(asked(refused, refused, together(failures, nobody))).toEqual({ ...badDay, afterMs: 0, cause: 'credentials_refused' })
      expect(asked(refused, down, together(failures, nobody))).toMatchObject({ ...badDay, cause: 'unauthorised' })
    }
  })

  test('are never given up together, and take nothing from the quota', () => {
    const takeQuota = jest.fn(() => true)
    const verdict = fc.constantFrom(fine, throttled, rejected, down, refused)
    const others = fc.nat(40).chain((attempts) => fc.record({ attempts: fc.constant(attempts), failed: fc.nat(attempts) }))
    fc.assert(fc.property(verdict, verdict, fc.integer({ min: 1, max: 12 }), others, (given, account, failures, seen) => {
      const found = { ...together(failures, seen), takeQuota }
      const first = decide(given, found, options, 0.5)
      const last = first.kind === 'ask' ? asked(given, account, found, 20) : first
      expect(['delivered', 'retry', 'halve']).toContain(last.kind)
    }))
    expect(takeQuota).not.toHaveBeenCalled()
  })
})

test('part of a batch has no verdict of its own', () => {
  expect(() => decided({ kind: 'partly', status: 207, failed: new Map() }, evidence(1, good))).toThrow('verdict of its own')
})

describe('a message that may have been sent', () => {
  const careful = { ...options, unconfirmed: 'dead-letter' as const }
  const unanswered: Verdict = { kind: 'unavailable', status: undefined, cause: 'timeout', answered: false }

  test('is not sent again, be it a good day or a bad one, and takes nothing from the quota', () => {
    for (const others of [good, bad, nobody, ALL_FAIL]) {
      expect(decide(unanswered, evidence(1, others, false), careful, 0.5)).toEqual({ kind: 'dead-letter', reason: 'unconfirmed', message: 'timeout: it may have been sent' })
    }
  })

  test('is tried again like any other if that is what the settings say', () => {
    expect(decide(unanswered, evidence(1, good), options, 0.5)).toEqual({ ...goodDay, afterMs: 1_000, cause: 'timeout' })
  })

  test('is not one that was answered, or never sent', () => {
    const unsent: Verdict = { kind: 'unavailable', status: undefined, cause: 'network ECONNREFUSED', answered: true }
    expect(decide(unsent, evidence(1, good), careful, 0.5)).toEqual({ ...goodDay, afterMs: 1_000, cause: 'network' })
    for (const verdict of [down, throttled, rejected, refused, fine]) {
      expect(decide(verdict, evidence(1, good), careful, 0.5)).toEqual(decide(verdict, evidence(1, good), options, 0.5))
    }
    expect(decide(unsent, evidence(5, good), careful, 0.5)).toMatchObject({ kind: 'dead-letter', reason: 'exhausted' })
  })
})

test('a dead letter for a failure needs retries used up, enough others that succeed, and quota; for a refusal retries used up, an account that works, and quota', () => {
  const verdict = fc.constantFrom(fine, throttled, rejected, down, refused)
  const others = fc.nat(40).chain((attempts) => fc.record({ attempts: fc.constant(attempts), failed: fc.nat(attempts) }))
  fc.assert(fc.property(verdict, verdict, fc.integer({ min: 1, max: 12 }), others, fc.boolean(), (given, account, failures, seen, quota) => {
    const found = evidence(failures, seen, quota)
    const first = decide(given, found, options, 0.5)
    const last = first.kind === 'ask' ? asked(given, account, found, 20) : first
    const othersWork = seen.failed <= Math.max(20, seen.attempts) / 10 && (seen.attempts >= 20 || account === fine)
    const givenUp = given === rejected || (failures > options.retries && quota && ((given === down && othersWork) || (given === refused && account === fine)))
    expect(last.kind === 'dead-letter').toBe(givenUp)
  }), { numRuns: 1_000 })
})
