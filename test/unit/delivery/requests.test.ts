import { createRequests, type Requests } from '../../../src/delivery/requests.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'
import { answer, startHttpTarget, type HttpTarget } from './http-target.ts'

let target: HttpTarget
let requests: Requests
let maySend: boolean
let refusals: number

beforeEach(async () => {
  target = await startHttpTarget()
  maySend = true
  refusals = 0
  requests = createRequests({ onRefused: () => { refusals += 1 }, maySend: () => maySend, connections: 2 })
})
afterEach(async () => {
  await requests.close()
  await target.close()
})

/** A call as customerio-node makes it: an answer that is not good is thrown. */
async function call(path = '/', body?: string): Promise<unknown> {
  const response = await fetch(`${target.url}${path}`, {
    method: 'POST', redirect: 'manual', dispatcher: requests.dispatcher, ...(body !== undefined && { body, headers: { 'Content-Length': String(Buffer.byteLength(body)) } }),
  } as RequestInit)
  const text = await response.text()
  if (!response.ok) throw Object.assign(new Error('not good'), { body: text })
  return text === '' ? {} : JSON.parse(text)
}

const accepted: Verdict = { kind: 'accepted', status: 200 }

test('a good answer is accepted, or what is made of it', async () => {
  expect(await requests.judge(call)).toEqual(accepted)
  target.respond = answer(202, '{"a":1}')
  const seen: unknown[] = []
  const ofAnswer = (...args: [number, unknown]): Verdict => {
    seen.push(args)
    return { kind: 'rejected', status: 202, message: 'on second thoughts' }
  }
  expect(await requests.judge(call, { ofAnswer })).toEqual({ kind: 'rejected', status: 202, message: 'on second thoughts' })
  expect(seen).toEqual([[202, { a: 1 }]])
})

test('of another answer, or none, nothing more is made', async () => {
  const ofAnswer = jest.fn((): Verdict => accepted)
  for (const [status, kind] of [[400, 'rejected'], [401, 'unauthorised'], [429, 'throttled'], [500, 'unavailable'], [302, 'unavailable']] as const) {
    target.respond = answer(status, '{}')
    expect(await requests.judge(call, { ofAnswer })).toMatchObject({ kind, status })
  }
  await target.close()
  expect(await requests.judge(call, { ofAnswer })).toMatchObject({ kind: 'unavailable', status: undefined })
  expect(ofAnswer).not.toHaveBeenCalled()
  target = await startHttpTarget()
})

test('a good answer that is torn is made of without its body', async () => {
  target.respond = (response) => {
    response.writeHead(207, { 'content-length': '100' }).write('{"errors":')
    setImmediate(() => response.destroy())
  }
  const seen: unknown[] = []
  await requests.judge(call, { ofAnswer: (...args) => {
    seen.push(args)
    return accepted
  } })
  expect(seen).toEqual([[207, undefined]])
})

describe('the bytes of a body', () => {
  test('more than allowed are not sent: the verdict is that of a 413', async () => {
    expect(await requests.judge(async () => call('/', 'x'.repeat(1_001)), { most: 1_000 })).toEqual({ kind: 'rejected', status: 413, message: expect.any(String) })
    expect(await requests.judge(async () => call('/', 'é'.repeat(501)), { most: 1_000 })).toMatchObject({ status: 413 })
    expect(target.received).toEqual([])
    expect(await requests.judge(async () => call('/', 'é'.repeat(500)), { most: 1_000 })).toEqual(accepted)
    expect(await requests.judge(call, { most: 1_000 })).toEqual(accepted)
  })

  test('without a bound there is none, and the bound of one call is not that of another', async () => {
    const [bound, free] = await Promise.all([requests.judge(async () => call('/', 'x'.repeat(2_000)), { most: 1_000 }), requests.judge(async () => call('/', 'x'.repeat(3_000_000)))])
    expect([bound.kind, free.kind, target.received.map(({ body }) => body.length)]).toEqual(['rejected', 'accepted', [3_000_000]])
  })
})

test('behind a shut fence nothing leaves', async () => {
  maySend = false
  expect(await requests.judge(call)).toEqual({ kind: 'unavailable', status: undefined, cause: 'network FENCED', answered: true })
  expect(target.received).toEqual([])
  maySend = true
  expect(await requests.judge(call)).toEqual(accepted)
})

test('a second request within one call is refused: it has no slot; the first one\'s answer decides', async () => {
  target.respond = answer(503)
  const twice = async () => {
    await call('/first').catch(() => {})
    return call('/second')
  }
  expect(await requests.judge(twice)).toMatchObject({ kind: 'unavailable', status: 503 })
  expect(target.received.map(({ path }) => path)).toEqual(['/first'])
  // in the next call it is the first again
  target.respond = answer(200)
  expect(await requests.judge(call)).toEqual(accepted)
})

test('a call that asks for nothing was not sent, whatever it throws or returns', async () => {
  for (const thrown of [new TypeError('no'), undefined, 'text', Object.assign(new Error('x'), { body: 'y' })]) {
    expect(await requests.judge(async () => { throw thrown })).toMatchObject({ kind: 'unavailable', status: undefined, answered: true })
  }
  expect(await requests.judge(async () => 'done')).toMatchObject({ kind: 'unavailable', status: undefined })
})

test('who was refused looks whether the credentials are still the right ones; nobody else does', async () => {
  for (const status of [400, 429, 500, 200]) {
    target.respond = answer(status, '{}')
    await requests.judge(call)
  }
  expect(refusals).toBe(0)
  target.respond = answer(401, 'no')
  await Promise.all([requests.judge(call), requests.judge(call)])
  expect(refusals).toBe(2)
})

test('calls side by side do not mix up what they saw', async () => {
  target.respond = (response, request) => {
    const status = Number(request.url?.slice(1))
    setTimeout(() => response.writeHead(status, { 'retry-after': String(status) }).end('{}'), status % 7)
  }
  const statuses = [200, 429, 503, 401, 400, 207, 500, 204]
  const verdicts = await Promise.all(statuses.map(async (status) => requests.judge(async () => call(`/${status}`))))
  expect(verdicts.map(({ status }) => status)).toEqual(statuses)
  expect(verdicts[1]).toEqual({ kind: 'throttled', status: 429, retryAfter: '429' })
})

test('what is sent past it is not its business', async () => {
  maySend = false
  expect(await call()).toEqual({})
})
