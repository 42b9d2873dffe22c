import * as fc from 'fast-check'
import {
  isAnswered, summaryOf, verdictOf, verdictOfBatch, verdictOfFailure, verdictOfOperation, verdictOfSingle, verdictOfStranger, verdictOfTooLarge,
} from '../../../src/delivery/verdict.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'

const answer = (status: number, body?: string, retryAfter?: string) => verdictOf({ status, body, retryAfter })

describe('an answer', () => {
  test.each([200, 201, 202, 204, 299])('%d is accepted, whatever the body', (status) => {
    for (const body of [undefined, '', '{}', '<html>']) expect(answer(status, body)).toEqual({ kind: 'accepted', status })
  })

  test('429 is a matter of the limit', () => {
    expect(answer(429, '<html>', '7')).toEqual({ kind: 'throttled', status: 429, retryAfter: '7' })
    expect(answer(429)).toEqual({ kind: 'throttled', status: 429, retryAfter: undefined })
  })

  test.each([500, 501, 503, 520, 599, 408, 421, 425])('%d may pass, and the request is over', (status) => {
    expect(answer(status)).toEqual({ kind: 'unavailable', status, cause: `status ${status}`, answered: true })
  })

  test.each([502, 504])('%d comes from a proxy: the request may go on behind it', (status) => {
    expect(answer(status)).toEqual({ kind: 'unavailable', status, cause: `status ${status}`, answered: false })
  })

  test.each([301, 302, 304, 307, 308])('%d is a wrong region or URL, never the fault of the event', (status) => {
    expect(answer(status)).toMatchObject({ kind: 'unavailable', status, cause: expect.stringContaining('CUSTOMERIO_REGION'), answered: true })
  })

  test.each([400, 409, 413, 414, 422])('%d refuses the event', (status) => {
    expect(answer(status)).toEqual({ kind: 'rejected', status, message: 'no message' })
  })

  test.each([401, 402, 403, 404, 405, 407, 410, 451])('%d: the credentials, the address, or this one event', (status) => {
    expect(answer(status)).toEqual({ kind: 'unauthorised', status })
  })

  test('every status has exactly one verdict, and only 2xx is accepted', () => {
    fc.assert(fc.property(fc.integer({ min: 100, max: 999 }), fc.option(fc.string(), { nil: undefined }), (status, body) => {
      const verdict = answer(status, body)
      expect(verdict.kind === 'accepted').toBe(status >= 200 && status < 300)
      expect(verdict.status).toBe(status)
    }))
  })
})

describe('the words of a refusal', () => {
  test.each([
    ['a list', '{"meta":{"errors":["id is too long","name is missing"]}}', 'id is too long; name is missing'],
    ['one', '{"meta":{"error":"id is too long"}}', 'id is too long'],
    ['a list of objects', '{"errors":[{"reason":"required","field":"name"}]}', '{"reason":"required","field":"name"}'],
    ['no meta', '{"error":"?"}', 'the answer has no readable message'],
    ['null', 'null', 'the answer has no readable message'],
    ['no JSON', '<html>Bad Request</html>', 'the answer has no readable message'],
    ['a torn JSON', '{"meta":{"er', 'the answer has no readable message'],
    ['nothing', '', 'no message'],
  ])('%s', (_name, body, message) => {
    expect(answer(400, body)).toEqual({ kind: 'rejected', status: 400, message })
  })

  test('are cut at 500 characters, and are text whatever the body holds', () => {
    expect(answer(400, JSON.stringify({ meta: { error: 'x'.repeat(2_000) } }))).toMatchObject({ message: 'x'.repeat(500) })
    fc.assert(fc.property(fc.oneof(fc.json(), fc.json().map((json) => `{"meta":{"errors":${json}}}`), fc.string()), (body) => {
      const verdict = answer(400, body)
      if (verdict.kind !== 'rejected') throw new Error(verdict.kind)
      expect(typeof verdict.message).toBe('string')
      expect(verdict.message.length).toBeLessThanOrEqual(500)
    }))
  })
})

const networkError = (code: string) => Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code }) })

describe('no answer', () => {
  test.each(['TimeoutError', 'AbortError'])('%s: the request may still be under way if it had begun to leave', (name) => {
    const error = new DOMException('too late', name)
    expect([true, false].map((begun) => verdictOfFailure(error, begun))).toEqual([false, true].map((answered) => ({ kind: 'unavailable', status: undefined, cause: 'timeout', answered })))
  })

  test.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'ETIMEDOUT', 'ECONNREFUSED', 'ENOTFOUND', 'CERT_HAS_EXPIRED', 'FENCED', 'UNSENT', 'EWHATEVER'])('%s: the same', (code) => {
    expect([true, false].map((begun) => verdictOfFailure(networkError(code), begun)))
      .toEqual([false, true].map((answered) => ({ kind: 'unavailable', status: undefined, cause: `network ${code}`, answered })))
  })

  test('the code is found however deep it is wrapped, and a chain of causes without end is no trap', () => {
    expect(verdictOfFailure({ cause: { cause: { code: 'ENOTFOUND' } } }, false)).toMatchObject({ cause: 'network ENOTFOUND' })
    const loop: { cause?: unknown } = {}
    loop.cause = loop
    expect(verdictOfFailure(loop, true)).toMatchObject({ cause: 'network', answered: false })
  })

  test.each([undefined, null, 'text', 7, { code: 7 }, new Error('?')])('an unknown throw (%p) may still be under way', (thrown) => {
    expect(verdictOfFailure(thrown, true)).toEqual({ kind: 'unavailable', status: undefined, cause: 'network', answered: false })
  })
})

describe('an answer to a batch', () => {
  const errors = (...list: unknown[]) => ({ errors: list })
  const at = (index: unknown, more: object = { reason: 'required', field: 'name', message: 'is missing' }) => ({ batch_index: index, ...more })
  const failedOf = (verdict: Verdict) => (verdict.kind === 'partly' ? Object.fromEntries(verdict.failed) : verdict.kind)

  test.each([200, 207])('%d: those that are named failed, all others were accepted', (status) => {
    expect(verdictOfBatch(status, errors(at(3), at(0, { message: 'no' })), 5)).toEqual({
      kind: 'partly', status,
      failed: new Map([[3, { message: 'required: name: is missing', passing: false }], [0, { message: 'no', passing: false }]]),
    })
  })

  test.each<[string, unknown]>([
    ['no errors', {}], ['errors that are null', { errors: null }], ['no body', ''], ['null', null], ['a list', []],
  ])('%s: all accepted, unless the status says that some failed', (_name, answer) => {
    expect(verdictOfBatch(200, answer, 3)).toEqual({ kind: 'accepted', status: 200 })
    expect(verdictOfBatch(207, answer, 3)).toMatchObject({ kind: 'rejected', status: 207 })
  })

  test('an empty list: none failed', () => {
    for (const status of [200, 207]) expect(verdictOfBatch(status, errors(), 3)).toEqual({ kind: 'accepted', status })
  })

  test.each(['text', 7, true, { 0: 'x' }])('errors that are no list (%p): any of them may have failed', (given) => {
    expect(verdictOfBatch(200, { errors: given }, 3)).toMatchObject({ kind: 'rejected', status: 200 })
  })

  test('all of them failed for a while: that is the day, not the events', () => {
    const passing = (index: number) => at(index, { reason: 'internal_error' })
    expect(verdictOfBatch(207, errors(passing(0), passing(1), passing(2)), 3)).toMatchObject({ kind: 'unavailable', status: 207, answered: true })
    expect(verdictOfBatch(207, errors(passing(0)), 1)).toMatchObject({ kind: 'unavailable' })
    expect(verdictOfBatch(207, errors(passing(0), passing(1)), 3)).toMatchObject({ kind: 'partly' })
    expect(verdictOfBatch(207, errors(passing(0), at(1), passing(2)), 3)).toMatchObject({ kind: 'partly' })
    // named twice is not two
    expect(verdictOfBatch(207, errors(passing(0), passing(0)), 2)).toMatchObject({ kind: 'partly' })
  })

  test('some failed for a while, and it is not told which: all again, with nobody to blame', () => {
    expect(verdictOfBatch(207, errors({ reason: 'throttled', message: 'words' }), 3)).toEqual({ kind: 'unavailable', status: 207, cause: expect.not.stringContaining('words'), answered: true })
  })

  test.each<[string, unknown]>([
    ['missing', undefined], ['null', null], ['no number', '1'], ['not whole', 1.5], ['below 0', -1], ['as large as the batch', 3], ['not finite', Infinity],
  ])('an index that is %s: any of them may have failed, so that all is sent again in parts, be others named or not', (_name, index) => {
    const rejected = { kind: 'rejected', status: 207, message: 'required: name: is missing' }
    for (const list of [[at(index)], [at(0, { message: 'no' }), at(index)], [at(index), at(0, { message: 'no' })]]) expect(verdictOfBatch(207, errors(...list), 3)).toEqual(rejected)
  })

  test.each([null, 'text', 7, true])('an error that is %p says nothing of an operation', (error) => {
    expect(verdictOfBatch(207, errors(error), 3)).toEqual({ kind: 'rejected', status: 207, message: 'no message' })
  })

  test('cut short: what failed is not known, so all is sent again; nothing is under way any more', () => {
    const verdict = verdictOfBatch(207, undefined, 3)
    expect(verdict).toEqual({ kind: 'unavailable', status: 207, cause: expect.stringContaining('cut short'), answered: true })
    expect(isAnswered(verdict)).toBe(true)
  })

  test.each<[boolean, string]>([
    ...['rate_limited', 'throttled', 'TOO_MANY_REQUESTS', 'timeout', 'time_out', 'service_unavailable', 'internal_error', 'temporarily_down', 'try_again'].map((reason) => [true, reason] as [boolean, string]),
    ...['required', 'invalid', 'too_long', 'parse_error', 'unknown_action', 'timestamp', 'no_such_person', ''].map((reason) => [false, reason] as [boolean, string]),
  ])('passing: %p, if the reason is "%s"; the other words do not tell', (passing, reason) => {
    const verdict = verdictOfBatch(207, errors(at(1, { reason, message: 'rate internal timeout' })), 3)
    expect(verdict.kind === 'partly' && verdict.failed.get(1)?.passing).toBe(passing)
  })

  test.each<[string, object, string]>([
    ['nothing', {}, 'no message'],
    ['no text', { reason: 7, field: ['x'], message: { a: 1 } }, 'no message'],
    ['empty texts', { reason: '', field: '', message: 'no' }, 'no'],
    ['too much', { message: 'x'.repeat(5_000) }, 'x'.repeat(500)],
  ])('%s in an error is a message all the same', (_name, more, message) => {
    expect(failedOf(verdictOfBatch(207, errors(at(1, more)), 3))).toEqual({ 1: { message, passing: false } })
  })

  test('whatever comes: accepted, or places within the batch, or all of it again', () => {
    const index = fc.oneof(fc.integer({ min: -2, max: 6 }), fc.jsonValue())
    const error = fc.oneof(fc.jsonValue(), fc.record({ batch_index: index, reason: fc.oneof(fc.string(), fc.jsonValue()), message: fc.oneof(fc.string(), fc.jsonValue()) }, { requiredKeys: [] }))
    const body = fc.oneof(fc.jsonValue(), fc.record({ errors: fc.oneof(fc.jsonValue(), fc.array(error)) }))
    fc.assert(fc.property(body, fc.integer({ min: 1, max: 5 }), fc.constantFrom(200, 207), (answer, size, status) => {
      const verdict = verdictOfBatch(status, answer, size)
      expect(['accepted', 'partly', 'rejected', 'unavailable']).toContain(verdict.kind)
      expect(verdict.status).toBe(status)
      if (verdict.kind !== 'partly') return
      expect(verdict.failed.size).toBeGreaterThan(0)
      for (const [place, fault] of verdict.failed) {
        expect(Number.isInteger(place) && place >= 0 && place < size).toBe(true)
        expect(fault.message.length).toBeLessThanOrEqual(500)
      }
    }))
  })
})

describe('an answer to a single call', () => {
  test('may have errors, too; one that was cut short had been decided', () => {
    expect(verdictOfSingle(200, {})).toEqual({ kind: 'accepted', status: 200 })
    expect(verdictOfSingle(200, undefined)).toEqual({ kind: 'accepted', status: 200 })
    expect(verdictOfSingle(200, { errors: [{ batch_index: 0, reason: 'required' }] })).toEqual({
      kind: 'partly', status: 200, failed: new Map([[0, { message: 'required', passing: false }]]),
    })
    expect(verdictOfSingle(200, { errors: [{ reason: 'required', message: 'is missing' }] })).toEqual({ kind: 'rejected', status: 200, message: 'required: is missing' })
    expect(verdictOfSingle(200, { errors: [{ batch_index: 1, reason: 'required' }] })).toMatchObject({ kind: 'rejected' })
  })
})

test('an operation that failed in a batch has the verdict that it would have had alone', () => {
  expect(verdictOfOperation({ message: 'no such person', passing: false }, 207)).toEqual({ kind: 'rejected', status: 207, message: 'no such person' })
  const later = verdictOfOperation({ message: 'the words of the server', passing: true }, 207)
  expect(later).toMatchObject({ kind: 'unavailable', status: 207, answered: true })
  expect(JSON.stringify(later)).not.toContain('words')
})

test('too large for a request, or an answer of a stranger: nothing is under way', () => {
  expect(verdictOfTooLarge()).toEqual({ kind: 'rejected', status: 413, message: expect.any(String) })
  expect(verdictOfStranger(200)).toEqual({ kind: 'unavailable', status: 200, cause: expect.stringContaining('CUSTOMERIO_URL'), answered: true })
})

test('the words for people never hold anything of a body', () => {
  const words = 'ada@example.com'
  const verdicts: [Verdict, string][] = [
    [{ kind: 'partly', status: 207, failed: new Map([[0, { message: words, passing: false }], [4, { message: words, passing: true }]]) }, '2 operations of a batch refused'],
    [{ kind: 'rejected', status: 400, message: words }, 'status 400'],
    [{ kind: 'throttled', status: 429, retryAfter: words }, 'status 429'],
    [verdictOfOperation({ message: words, passing: true }, 207), 'failed in a batch'],
  ]
  for (const [verdict, summary] of verdicts) expect([summaryOf(verdict), isAnswered(verdict)]).toEqual([summary, true])
})
