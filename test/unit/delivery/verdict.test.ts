import * as fc from 'fast-check'
import { verdictOf, verdictOfFailure } from '../../../src/delivery/verdict.ts'

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
  test.each(['TimeoutError', 'AbortError'])('%s: the request may still be under way', (name) => {
    expect(verdictOfFailure(new DOMException('too late', name))).toEqual({ kind: 'unavailable', status: undefined, cause: 'timeout', answered: false })
  })

  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'ENETUNREACH', 'EHOSTUNREACH'])('%s: nothing was sent', (code) => {
    expect(verdictOfFailure(networkError(code))).toEqual({ kind: 'unavailable', status: undefined, cause: `network ${code}`, answered: true })
  })

  test.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'ETIMEDOUT', 'EWHATEVER'])('%s: the request may still be under way', (code) => {
    expect(verdictOfFailure(networkError(code))).toEqual({ kind: 'unavailable', status: undefined, cause: `network ${code}`, answered: false })
  })

  test('the code is found however deep it is wrapped, and a chain of causes without end is no trap', () => {
    expect(verdictOfFailure({ cause: { cause: { code: 'ENOTFOUND' } } })).toMatchObject({ cause: 'network ENOTFOUND' })
    const loop: { cause?: unknown } = {}
    loop.cause = loop
    expect(verdictOfFailure(loop)).toMatchObject({ cause: 'network', answered: false })
  })

  test.each([undefined, null, 'text', 7, { code: 7 }, new Error('?')])('an unknown throw (%p) may still be under way', (thrown) => {
    expect(verdictOfFailure(thrown)).toEqual({ kind: 'unavailable', status: undefined, cause: 'network', answered: false })
  })
})
