import * as fc from 'fast-check'
import { afterAsking, decide, type Evidence } from '../../../src/delivery/policy.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'

const options = { retries: 4, baseMs: 1_000, capMs: 60_000, jitter: 0 }
const good = { attempts: 10, successRatio: 0.9 }
const bad = { attempts: 10, successRatio: 0.89 }
const nobody = { attempts: 0, successRatio: NaN }
const evidence = (failures: number, others: Evidence['others'], quota = true): Evidence => ({ failures, others, takeQuota: () => quota })
const down: Verdict = { kind: 'unavailable', status: 503, cause: 'status 503', answered: true }
const refused: Verdict = { kind: 'unauthorised', status: 403 }
const fine: Verdict = { kind: 'accepted', status: 200 }
const throttled: Verdict = { kind: 'throttled', status: 429, retryAfter: undefined }
const rejected: Verdict = { kind: 'rejected', status: 400, message: 'too long' }

const decided = (verdict: Verdict, given: Evidence) => decide(verdict, given, options, 0.5)

test('accepted is delivered, rejected is a dead letter at once with the words of the server', () => {
  expect(decided(fine, evidence(1, nobody))).toEqual({ kind: 'delivered' })
  expect(decided(rejected, evidence(1, bad, false))).toEqual({ kind: 'dead-letter', reason: 'rejected', message: 'too long' })
})

test('a 429 is no attempt of the event, however often it comes', () => {
  expect(decided(throttled, evidence(99, good))).toEqual({ kind: 'retry', afterMs: 0, cause: 'throttled', counted: false })
})

test('a failure is tried again by backoff, as often as is allowed', () => {
  const waits = [1, 2, 3, 4].map((failures) => decided(down, evidence(failures, good)))
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000].map((afterMs) => ({ kind: 'retry', afterMs, cause: 'status_503', counted: true })))
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

test('out of retries on a bad day, or with the quota used up: it waits at the longest backoff', () => {
  const wait = { kind: 'retry', afterMs: 60_000, cause: 'bad_day', counted: true }
  expect(decided(down, evidence(5, bad))).toEqual(wait)
  expect(decided(down, evidence(5, good, false))).toEqual(wait)
})

test('a bad day takes nothing from the quota', () => {
  const takeQuota = jest.fn(() => true)
  decided(down, { failures: 5, others: bad, takeQuota })
  decided(down, { failures: 4, others: good, takeQuota })
  expect(takeQuota).not.toHaveBeenCalled()
})

test('out of retries with nobody around, or refused: the account is asked', () => {
  expect(decided(down, evidence(5, nobody))).toEqual({ kind: 'ask' })
  expect(decided(refused, evidence(1, good))).toEqual({ kind: 'ask' })
})

const asked = (verdict: Verdict, account: Verdict, given = evidence(5, nobody)) => afterAsking(verdict, account, given, options, 0.5)

test('the account works: the event is at fault', () => {
  expect(asked(refused, fine)).toEqual({ kind: 'dead-letter', reason: 'forbidden', message: 'status 403 though the credentials work' })
  expect(asked(down, fine)).toEqual({ kind: 'dead-letter', reason: 'exhausted', message: 'status 503' })
})

test('the account works, but the quota is used up: it waits', () => {
  expect(asked(down, fine, evidence(5, nobody, false))).toEqual({ kind: 'retry', afterMs: 60_000, cause: 'quota', counted: true })
  expect(asked(refused, fine, evidence(1, nobody, false))).toEqual({ kind: 'retry', afterMs: 60_000, cause: 'quota', counted: false })
})

test('the account is refused too: it waits for the credentials, and loses no attempt', () => {
  for (const verdict of [refused, down]) expect(asked(verdict, refused)).toEqual({ kind: 'retry', afterMs: 0, cause: 'credentials_refused', counted: false })
})

test.each([down, throttled, rejected])('the account can\'t tell ($kind): nothing is given up', (account) => {
  expect(asked(refused, account, evidence(1, nobody))).toEqual({ kind: 'retry', afterMs: 1_000, cause: 'unauthorised', counted: false })
  expect(asked(down, account)).toEqual({ kind: 'retry', afterMs: 60_000, cause: 'bad_day', counted: true })
})

test('a dead letter for a failure needs retries used up, others that succeed, and quota; for a refusal an account that works, and quota', () => {
  const verdict = fc.constantFrom(fine, throttled, rejected, down, refused)
  const ratio = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(fc.property(verdict, verdict, fc.integer({ min: 1, max: 12 }), fc.nat(3), ratio, fc.boolean(), (given, account, failures, attempts, successRatio, quota) => {
    const seen = evidence(failures, { attempts, successRatio: attempts === 0 ? NaN : successRatio }, quota)
    const first = decide(given, seen, options, 0.5)
    const last = first.kind === 'ask' ? afterAsking(given, account, seen, options, 0.5) : first
    const othersWork = first.kind === 'ask' ? account === fine : attempts > 0 && successRatio >= 0.9
    const givenUp = given === rejected || (given === down && failures > options.retries && othersWork && quota) || (given === refused && account === fine && quota)
    expect(last.kind === 'dead-letter').toBe(givenUp)
  }))
})
