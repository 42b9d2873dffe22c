import * as fc from 'fast-check'
import { afterAsking, ALL_FAIL, decide, type Evidence } from '../../../src/delivery/policy.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'

const options = { retries: 4, baseMs: 1_000, capMs: 60_000, jitter: 0 }
const good = { attempts: 20, failed: 2 }
const bad = { attempts: 20, failed: 3 }
const few = { attempts: 19, failed: 2 }
const nobody = { attempts: 0, failed: 0 }
const evidence = (failures: number, others: Evidence['others'], quota = true, attempts = failures): Evidence => ({ attempts, failures, others, takeQuota: () => quota })
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
