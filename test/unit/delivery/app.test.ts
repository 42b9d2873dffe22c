import { createApp, type CustomerIo } from '../../../src/delivery/customerio.ts'
import { decodeEvent, type CustomerEvent } from '../../../src/event.ts'
import { json, recordOf } from '../helpers.ts'
import { answer, startHttpTarget, type HttpTarget, type Respond } from './http-target.ts'

let target: HttpTarget
let app: CustomerIo
let apiKey: string
let maySend: boolean
let refusals: number

const appOf = (url: string | undefined, timeoutMs = 5_000, region: 'us' | 'eu' = 'us') => createApp({
  apiKey: () => apiKey, region, url, timeoutMs, connections: 2, onRefused: () => { refusals += 1 }, maySend: () => maySend,
})

beforeEach(async () => {
  target = await startHttpTarget()
  apiKey = 'app-key'
  maySend = true
  refusals = 0
  app = appOf(target.url)
})
afterEach(async () => {
  await app.close()
  await target.close()
})

function eventOf(type: string, payload: object): CustomerEvent {
  const event = decodeEvent(recordOf({ value: json({ type, payload, ...(type !== 'broadcast' && { userId: 'u1' }) }) }), undefined, 'test')
  if (event.kind === 'invalid') throw new Error(event.message)
  return event
}
const template = { transactional_message_id: 3 }
const email = eventOf('email', { to: 'a@b.c', ...template })
const attempt = async (event: CustomerEvent, client = app) => client.attempt([event], 'alone')
const verdictAfter = async (respond: Respond, event = email) => {
  target.respond = respond
  return attempt(event)
}
const accepted = { kind: 'accepted', status: 200 }

test.each([
  ['email', { to: 'a@b.c', ...template }, '/v1/send/email'],
  ['push', { title: 'hi', ...template }, '/v1/send/push'],
  ['sms', { to: '+1', ...template }, '/v1/send/sms'],
  ['inApp', template, '/v1/send/in_app'],
  ['broadcast', { broadcastId: 12, data: { a: 1 } }, '/v1/campaigns/12/triggers'],
])('%s: one request, with the key of the App API', async (type, payload, path) => {
  expect(await attempt(eventOf(type, payload))).toEqual(accepted)
  expect(target.received.map(({ method, path: at, headers }) => [method, at, headers.authorization])).toEqual([['POST', path, 'Bearer app-key']])
})

test('a large message is sent: attachments of two million bytes, or ten thousand recipients', async () => {
  const attached = eventOf('email', { to: 'a@b.c', ...template, attachments: { 'a.pdf': Buffer.alloc(1_999_998).toString('base64') } })
  const named = eventOf('broadcast', { broadcastId: 12, recipients: { ids: Array.from({ length: 10_000 }, (_, n) => `${'x'.repeat(60)}${n}`) } })
  for (const event of [attached, named]) expect(await attempt(event)).toEqual(accepted)
  expect(target.received.every(({ body }) => body.length > 600_000)).toBe(true)
})

test('the question about the credentials changes nothing', async () => {
  expect(await app.probe()).toEqual(accepted)
  expect(target.received.map(({ method, path, body, headers }) => [method, path, body, headers.authorization])).toEqual([['GET', '/v1/transactional', '', 'Bearer app-key']])
  target.respond = answer(401, '{"meta":{"error":"Unauthorized request"}}')
  expect(await app.probe()).toEqual({ kind: 'unauthorised', status: 401 })
})

test('another key is used from the next request on', async () => {
  await attempt(email)
  apiKey = 'the-next-key'
  await attempt(email)
  await app.probe()
  expect(target.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer app-key', 'Bearer the-next-key', 'Bearer the-next-key'])
})

describe('what an answer means', () => {
  test.each<[string, Respond, { kind: string } & Record<string, unknown>]>([
    ['200 with the id of the delivery', answer(200, '{"delivery_id":"d","queued_at":1}'), accepted],
    ['400', answer(400, '{"meta":{"error":"no such message"}}'), { kind: 'rejected', status: 400, message: 'no such message' }],
    ['401', answer(401, '{"meta":{"error":"Unauthorized request"}}'), { kind: 'unauthorised', status: 401 }],
    ['404', answer(404, '{"meta":{"error":"not found"}}'), { kind: 'unauthorised', status: 404 }],
    ['429', answer(429, '{"errors":[{"detail":"too many requests","status":"429"}]}', { 'retry-after': '10' }), { kind: 'throttled', status: 429, retryAfter: '10' }],
    ['500', answer(500, '{}'), { kind: 'unavailable', status: 500, cause: 'status 500', answered: true }],
    ['502', answer(502, '<html>'), { kind: 'unavailable', status: 502, cause: 'status 502', answered: false }],
    ['HTML', answer(200, '<html>'), { kind: 'unavailable', status: 200, cause: expect.stringContaining('CUSTOMERIO_APP_URL'), answered: true }],
  ])('%s', async (_name, respond, verdict) => {
    expect(await verdictAfter(respond)).toEqual(verdict)
    expect(target.received).toHaveLength(1)
    expect(refusals).toBe(verdict.kind === 'unauthorised' ? 1 : 0)
  })

  test('a torn body: the message had been taken', async () => {
    expect(await verdictAfter((response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"delivery_id":')
      setImmediate(() => response.destroy())
    })).toEqual(accepted)
  })

  test('a redirect is not followed: a message would be sent by who knows whom', async () => {
    expect(await verdictAfter(answer(307, '', { location: `${target.url}/elsewhere` }))).toMatchObject({ kind: 'unavailable', status: 307, cause: expect.stringContaining('CUSTOMERIO_APP_URL') })
    expect(target.received).toHaveLength(1)
  })
})

describe('whether a message may have been sent', () => {
  test('a hang, or a connection that breaks: yes', async () => {
    await app.close()
    app = appOf(target.url, 300)
    expect(await verdictAfter(() => {})).toEqual({ kind: 'unavailable', status: undefined, cause: 'timeout', answered: false })
    expect(await verdictAfter((_response, request) => { request.socket.resetAndDestroy() })).toMatchObject({ kind: 'unavailable', status: undefined, answered: false })
    expect(target.received).toHaveLength(2)
  })

  test('nobody listens, the fence is shut, or the event is of another API: no', async () => {
    maySend = false
    expect(await attempt(email)).toMatchObject({ kind: 'unavailable', cause: 'network FENCED', answered: true })
    maySend = true
    expect(await attempt({ ...email, type: 'track' })).toMatchObject({ kind: 'unavailable', status: undefined, answered: true })
    expect(await app.attempt([email, email], 'alone')).toMatchObject({ kind: 'unavailable', status: undefined, answered: true })
    expect(target.received).toEqual([])
    const closed = await startHttpTarget()
    await closed.close()
    const client = appOf(closed.url)
    expect(await attempt(email, client)).toEqual({ kind: 'unavailable', status: undefined, cause: 'network ECONNREFUSED', answered: true })
    await client.close()
  })
})

test('each region has its own host', async () => {
  const hosts: string[] = []
  const fetched = jest.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
    hosts.push(String(input))
    throw new TypeError('not sent in a test')
  })
  for (const region of ['us', 'eu'] as const) {
    const client = appOf(undefined, 1_000, region)
    await client.probe()
    await client.close()
  }
  fetched.mockRestore()
  expect(hosts).toEqual(['https://api.customer.io/v1/transactional', 'https://api-eu.customer.io/v1/transactional'])
})
