import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { createTrack, type CustomerIo } from '../../../src/delivery/customerio.ts'
import type { CustomerEvent } from '../../../src/event.ts'
import { answer, startHttpTarget, type HttpTarget, type Respond } from './http-target.ts'

const siteId = 'site'
const apiKey = 'key-Ü:%'
let target: HttpTarget
let customerIo: CustomerIo

let present: string
let maySend: boolean
let refusals: number

const clientOf = (url: string, timeoutMs = 5_000) => createTrack({
  siteId, apiKey: () => present, region: 'eu', url, timeoutMs, connections: 2, onRefused: () => { refusals += 1 }, maySend: () => maySend,
})

beforeEach(async () => {
  target = await startHttpTarget()
  present = apiKey
  refusals = 0
  maySend = true
  customerIo = clientOf(target.url)
})
afterEach(async () => {
  await customerIo.close()
  await target.close()
})

const event: CustomerEvent = {
  kind: 'event', type: 'track', person: 'u1', id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', timestamp: 1_700_000_000, name: 'login', data: { plan: 'pro' }, bytes: 200,
}
const attempt = async (client: CustomerIo, one: CustomerEvent) => client.attempt([one], 'alone')

const verdictAfter = async (respond: Respond) => {
  target.respond = respond
  return attempt(customerIo, event)
}

describe('what is sent', () => {
  const happening = { id: event.id, timestamp: event.timestamp, data: event.data }

  test.each<[Partial<CustomerEvent> & { type: CustomerEvent['type'] }, string, unknown]>([
    [{ type: 'identify', name: '' }, 'PUT /api/v1/customers/u1', { plan: 'pro', _timestamp: 1_700_000_000 }],
    [{ type: 'track' }, 'POST /api/v1/customers/u1/events', { name: 'login', ...happening }],
    [{ type: 'page', name: '/home' }, 'POST /api/v1/customers/u1/events', { name: '/home', type: 'page', ...happening }],
    [{ type: 'screen', name: 'Home' }, 'POST /api/v1/customers/u1/events', { name: 'Home', type: 'screen', ...happening }],
    [{ type: 'trackAnonymous', person: 'anon 1' }, 'POST /api/v1/events', { name: 'login', anonymous_id: 'anon 1', ...happening }],
    [{ type: 'suppress', name: '', data: {} }, 'POST /api/v1/customers/u1/suppress', {}],
    [{ type: 'destroy', name: '', data: {} }, 'DELETE /api/v1/customers/u1', undefined],
  ])('%j', async (given, line, body) => {
    expect(await attempt(customerIo, { ...event, ...given })).toEqual({ kind: 'accepted', status: 200 })
    expect(target.received).toHaveLength(1)
    const [request] = target.received
    expect(`${request?.method} ${request?.path}`).toBe(line)
    expect(request?.body ? JSON.parse(request.body) : undefined).toEqual(body)
    expect(request?.headers.authorization).toBe(`Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`)
  })

  test('without a timestamp there is none', async () => {
    await attempt(customerIo, { ...event, timestamp: undefined })
    await attempt(customerIo, { ...event, type: 'identify', timestamp: undefined })
    expect(target.received.map(({ body }) => JSON.parse(body) as unknown)).toEqual([{ name: 'login', id: event.id, data: { plan: 'pro' } }, { plan: 'pro' }])
  })

  test('an attribute named _timestamp does not decide the order of updates', async () => {
    await attempt(customerIo, { ...event, type: 'identify', data: { _timestamp: 1 } })
    expect(JSON.parse(target.received[0]?.body ?? '')).toEqual({ _timestamp: 1_700_000_000 })
  })

  test.each(['a/b', '../events', '..%2f', '%', 'a?b#c', 'a b+c', 'Zoë 🧁', 'x@y.z', ';:&=,$', '日本'])('a person with the id %s stays one segment of the path', async (person) => {
    await attempt(customerIo, { ...event, type: 'destroy', person })
    const segments = (target.received[0]?.path ?? '').split('/')
    expect(segments.slice(0, -1)).toEqual(['', 'api', 'v1', 'customers'])
    expect(decodeURIComponent(segments.at(-1) ?? '')).toBe(person)
  })

  test('text outside of ASCII arrives as it was', async () => {
    const data = { city: 'Zürich 🧁', [`k${'é'.repeat(10)}`]: '\u2028"\\' }
    await attempt(customerIo, { ...event, name: 'grüßen', data })
    expect(JSON.parse(target.received[0]?.body ?? '')).toMatchObject({ name: 'grüßen', data })
  })

  test('the question about the credentials changes nothing', async () => {
    expect(await customerIo.probe()).toEqual({ kind: 'accepted', status: 200 })
    expect(target.received.map(({ method, path, body }) => [method, path, body])).toEqual([['GET', '/api/v1/accounts/region', '']])
  })

  test.each<[string, string, object]>([
    ['the region of the settings', '{"region":"eu","environment_id":3}', { kind: 'accepted', status: 200 }],
    ['another region', '{"region":"us","environment_id":3}', { kind: 'unauthorised', status: 200, region: 'us' }],
    ['another region, under its other name', '{"data_center":"us","environment_id":3}', { kind: 'unauthorised', status: 200, region: 'us' }],
    ['no region', '{"region":7}', { kind: 'accepted', status: 200 }],
  ])('the account tells %s', async (_what, body, verdict) => {
    target.respond = answer(200, body)
    expect(await customerIo.probe()).toEqual(verdict)
  })

  test('connections are used again, and there are never more than allowed', async () => {
    let most = 0
    target.respond = (response) => {
      most = Math.max(most, target.sockets.size)
      setTimeout(() => response.end('{}'), 5)
    }
    await Promise.all(Array.from({ length: 20 }, async () => attempt(customerIo, event)))
    expect([target.received.length, most]).toEqual([20, 2])
  })
})

describe('another key', () => {
  const keys = () => target.received.map(({ headers }) => Buffer.from(headers.authorization?.slice('Basic '.length) ?? '', 'base64').toString().split(':').slice(1).join(':'))

  test('is used from the next request on, over the same connections; what is under way goes on with the old one', async () => {
    const connections = new Set<Socket>()
    let answerFirst = (): void => {}
    const arrived = new Promise<void>((resolve) => {
      target.respond = (response, request) => {
        connections.add(request.socket)
        answerFirst = () => { response.end('{}') }
        resolve()
      }
    })
    const first = attempt(customerIo, event)
    await arrived
    present = 'the-next-key'
    answerFirst()
    expect(await first).toEqual({ kind: 'accepted', status: 200 })
    target.respond = (response, request) => {
      connections.add(request.socket)
      response.end('{}')
    }
    await attempt(customerIo, event)
    await customerIo.probe()
    expect(keys()).toEqual([apiKey, 'the-next-key', 'the-next-key'])
    expect(connections.size).toBeLessThanOrEqual(2)
  })

  test.each([[401, 1], [403, 1], [400, 0], [500, 0], [200, 0]])('status %d tells %d times that the credentials were refused', async (status, times) => {
    await verdictAfter(answer(status, '{}'))
    expect(refusals).toBe(times)
  })
})

describe('what an answer means', () => {
  const html = '<html><body>Too busy</body></html>'

  test.each<[string, Respond, object]>([
    ['200', answer(200, '{}'), { kind: 'accepted', status: 200 }],
    ['200 without a body', answer(200), { kind: 'accepted', status: 200 }],
    ['200 with HTML', answer(200, html), { kind: 'unavailable', status: 200, cause: expect.stringContaining('CUSTOMERIO_URL'), answered: true }],
    ['204', answer(204), { kind: 'accepted', status: 204 }],
    ['400 with a list of errors', answer(400, '{"meta":{"errors":["id is too long","no name"]}}'), { kind: 'rejected', status: 400, message: 'id is too long; no name' }],
    ['400 with one error', answer(400, '{"meta":{"error":"no name"}}'), { kind: 'rejected', status: 400, message: 'no name' }],
    ['401 in plain text', answer(401, 'Unauthorized request'), { kind: 'unauthorised', status: 401 }],
    ['403', answer(403, '{"meta":{"error":"forbidden"}}'), { kind: 'unauthorised', status: 403 }],
    ['404', answer(404, 'Not Found'), { kind: 'unauthorised', status: 404 }],
    ['413', answer(413, html), { kind: 'rejected', status: 413, message: expect.any(String) }],
    ['429', answer(429, '{}'), { kind: 'throttled', status: 429, retryAfter: undefined }],
    ['429 with a Retry-After', answer(429, '{}', { 'retry-after': '7' }), { kind: 'throttled', status: 429, retryAfter: '7' }],
    ['429 with HTML', answer(429, html, { 'Retry-After': 'Wed, 04 Mar 2026 05:06:07 GMT' }), { kind: 'throttled', status: 429, retryAfter: 'Wed, 04 Mar 2026 05:06:07 GMT' }],
    ['500', answer(500, '{"meta":{"error":"oops"}}'), { kind: 'unavailable', status: 500, cause: 'status 500', answered: true }],
    ['502 with HTML', answer(502, html), { kind: 'unavailable', status: 502, cause: 'status 502', answered: false }],
    ['503', answer(503), { kind: 'unavailable', status: 503, cause: 'status 503', answered: true }],
  ])('%s', async (_name, respond, verdict) => {
    expect(await verdictAfter(respond)).toEqual(verdict)
    expect(target.received).toHaveLength(1)
  })

  test.each([301, 302, 307, 308])('a redirect (%d) is not followed, be it to the same host or another', async (status) => {
    const elsewhere = await startHttpTarget()
    for (const location of [`${target.url}/x`, `${elsewhere.url}/x`]) {
      target.received.length = 0
      expect(await verdictAfter(answer(status, '', { location }))).toMatchObject({ kind: 'unavailable', status, cause: expect.stringContaining('CUSTOMERIO_REGION') })
      expect([target.received.length, elsewhere.received.length]).toEqual([1, 0])
    }
    await elsewhere.close()
  })

  test('a redirect that leads nowhere is one, too', async () => {
    expect(await verdictAfter(answer(302))).toMatchObject({ kind: 'unavailable', status: 302 })
  })

  test('after each of them the next attempt is fine', async () => {
    for (const status of [302, 400, 429, 500]) {
      await verdictAfter(answer(status, html, { location: `${target.url}/x` }))
      expect(await verdictAfter(answer(200, '{}'))).toEqual({ kind: 'accepted', status: 200 })
    }
  })

  test('attempts side by side do not mix up their answers', async () => {
    target.respond = (response) => {
      const { body } = target.received.at(-1) as { body: string }
      const { status } = (JSON.parse(body) as { data: { status: number } }).data
      setTimeout(() => response.writeHead(status, { 'retry-after': String(status) }).end('{}'), status % 7)
    }
    const statuses = [200, 429, 500, 401, 400, 503, 204, 403]
    const verdicts = await Promise.all(statuses.map(async (status) => attempt(customerIo, { ...event, data: { status } })))
    expect(verdicts.map(({ status }) => status)).toEqual(statuses)
    expect(verdicts.map(({ kind }) => kind)).toEqual(['accepted', 'throttled', 'unavailable', 'unauthorised', 'rejected', 'unavailable', 'accepted', 'unauthorised'])
  })
})

/** Head and the beginning of a longer body, then the end of the connection. */
const torn = (status: number): Respond => (response) => {
  response.writeHead(status, { 'content-length': '1000', 'content-type': 'application/json' })
  response.write('{"meta":')
  setTimeout(() => response.destroy(), 20)
}

describe('a batch', () => {
  const events = ['u1', 'u2', 'u3'].map((person): CustomerEvent => ({ ...event, person }))
  const afterBatch = async (respond: Respond, batch = events) => {
    target.respond = respond
    return customerIo.attempt(batch, 'batch')
  }

  test('is one request of v2, with an operation for each event, in their order', async () => {
    expect(await customerIo.attempt([...events, { ...event, type: 'identify', person: 'u4', name: '' }], 'batch')).toEqual({ kind: 'accepted', status: 200 })
    expect(target.received.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /api/v2/batch'])
    const operation = (id: string) => ({ type: 'person', identifiers: { id }, action: 'event', name: 'login', id: event.id, timestamp: 1_700_000_000, attributes: { plan: 'pro' } })
    expect(JSON.parse(target.received[0]?.body ?? '')).toEqual({
      batch: [operation('u1'), operation('u2'), operation('u3'), { type: 'person', identifiers: { id: 'u4' }, action: 'identify', timestamp: 1_700_000_000, attributes: { plan: 'pro' } }],
    })
    expect(target.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`)
  })

  test.each<[string, Respond, object]>([
    ['207', answer(207, '{"errors":[{"batch_index":1,"reason":"required","field":"name","message":"is missing"}]}'),
      { kind: 'partly', status: 207, failed: new Map([[1, { message: 'required: name: is missing', passing: false }]]) }],
    ['200 with errors', answer(200, '{"errors":[{"batch_index":2,"reason":"invalid"}]}'), { kind: 'partly', status: 200, failed: new Map([[2, { message: 'invalid', passing: false }]]) }],
    ['an index that is none of the batch\'s', answer(207, '{"errors":[{"batch_index":3,"reason":"invalid"}]}'), { kind: 'rejected', status: 207, message: 'invalid' }],
    ['400', answer(400, '{"errors":[{"reason":"invalid","field":"batch","message":"is no list"}]}'),
      { kind: 'rejected', status: 400, message: '{"reason":"invalid","field":"batch","message":"is no list"}' }],
    ['413', answer(413), { kind: 'rejected', status: 413, message: 'no message' }],
    ['401', answer(401, 'Unauthorized request'), { kind: 'unauthorised', status: 401 }],
    ['429', answer(429, '{}', { 'retry-after': '3' }), { kind: 'throttled', status: 429, retryAfter: '3' }],
    ['503', answer(503, '<html>'), { kind: 'unavailable', status: 503, cause: 'status 503', answered: true }],
    ['200 with HTML', answer(200, '<html>'), { kind: 'unavailable', status: 200, cause: expect.stringContaining('CUSTOMERIO_URL'), answered: true }],
    ['204', answer(204), { kind: 'accepted', status: 204 }],
  ])('answered with %s', async (_name, respond, verdict) => {
    expect(await afterBatch(respond)).toEqual(verdict)
  })

  test('whose answer is torn: which of them failed is not known, so all is to be sent again; it has arrived, though', async () => {
    const cut = { kind: 'unavailable', answered: true, cause: expect.stringContaining('cut short') }
    expect(await afterBatch(torn(207))).toMatchObject({ ...cut, status: 207 })
    expect(await afterBatch(torn(200))).toMatchObject({ ...cut, status: 200 })
    // of another status the body does not matter
    expect(await afterBatch(torn(500))).toMatchObject({ kind: 'unavailable', status: 500, cause: 'status 500' })
  })

  test('over 480,000 bytes is not sent, and is what a 413 would be; all else has no such bound here', async () => {
    const big = events.map((one): CustomerEvent => ({ ...one, data: { note: 'x'.repeat(160_000) } }))
    expect(await afterBatch(answer(200, '{}'), big)).toEqual({ kind: 'rejected', status: 413, message: expect.any(String) })
    expect(target.received).toEqual([])
    expect(await afterBatch(answer(200, '{}'), big.slice(1))).toEqual({ kind: 'accepted', status: 200 })
    expect(await attempt(customerIo, { ...event, data: { note: 'x'.repeat(500_000) } })).toEqual({ kind: 'accepted', status: 200 })
  })

  test('exactly 480,000 bytes are sent', async () => {
    await afterBatch(answer(200, '{}'), [{ ...event, data: { note: '' } }])
    const empty = Buffer.byteLength(target.received.pop()!.body)
    const sized = (bytes: number) => afterBatch(answer(200, '{}'), [{ ...event, data: { note: 'é'.repeat((bytes - empty) / 2) + 'x'.repeat((bytes - empty) % 2) } }])
    expect(await sized(480_000)).toEqual({ kind: 'accepted', status: 200 })
    expect(await sized(480_001)).toMatchObject({ kind: 'rejected', status: 413 })
    expect(target.received.map(({ body }) => Buffer.byteLength(body))).toEqual([480_000])
  })
})

test('people of a segment are one request, whose answer is a plain one', async () => {
  const added = ['u1', 'u2'].map((person): CustomerEvent => ({ ...event, type: 'addToSegment', person, data: { segmentId: 7 } }))
  expect(await customerIo.attempt(added, 'segment:add:7:id')).toEqual({ kind: 'accepted', status: 200 })
  target.respond = answer(400, '{"meta":{"error":"no such segment"}}')
  expect(await customerIo.attempt(added.map((one): CustomerEvent => ({ ...one, type: 'removeFromSegment' })), 'segment:remove:7:id')).toEqual({ kind: 'rejected', status: 400, message: 'no such segment' })
  target.respond = torn(200)
  expect(await customerIo.attempt(added, 'segment:add:7:id')).toEqual({ kind: 'accepted', status: 200 })
  expect(target.received.map(({ method, path, body }) => [method, path, JSON.parse(body)])).toEqual([
    ['POST', '/api/v1/segments/7/add_customers', { ids: ['u1', 'u2'] }], ['POST', '/api/v1/segments/7/remove_customers', { ids: ['u1', 'u2'] }],
    ['POST', '/api/v1/segments/7/add_customers', { ids: ['u1', 'u2'] }],
  ])
})

test('one operation alone by v2 may fail in a good answer, too', async () => {
  const related: CustomerEvent = { ...event, type: 'addRelationships', name: '', data: { relationships: [{ objectTypeId: 1, objectId: 'acme' }] } }
  expect(await attempt(customerIo, related)).toEqual({ kind: 'accepted', status: 200 })
  target.respond = answer(200, '{"errors":[{"reason":"invalid","field":"cio_relationships","message":"no such type"}]}')
  expect(await attempt(customerIo, related)).toEqual({ kind: 'rejected', status: 200, message: 'invalid: cio_relationships: no such type' })
  expect(target.received.map(({ path }) => path)).toEqual(['/api/v2/entity', '/api/v2/entity'])
})

describe('an answer that does not come whole', () => {
  test.each<[number, object]>([
    [200, { kind: 'accepted', status: 200 }],
    [400, { kind: 'rejected', status: 400, message: 'no message' }],
    [429, { kind: 'throttled', status: 429 }],
    [500, { kind: 'unavailable', status: 500, answered: true }],
  ])('a torn body: the status %d had been decided', async (status, verdict) => {
    expect(await verdictAfter(torn(status))).toMatchObject(verdict)
  })

  test('a body that never ends: the status had been decided', async () => {
    await customerIo.close()
    customerIo = clientOf(target.url, 300)
    expect(await verdictAfter((response) => { response.writeHead(200, { 'content-length': '10' }).write('{') })).toEqual({ kind: 'accepted', status: 200 })
  })

  test('a body without end is not read to it: the status had been decided, and the connection is reset', async () => {
    let written = 0
    const closed = new Promise<unknown>((resolve) => {
      target.respond = (response, request) => {
        request.socket.once('close', resolve)
        response.writeHead(400)
        const write = (): void => {
          while (response.writable && response.write(Buffer.alloc(65_536))) written += 65_536
        }
        response.on('drain', write)
        write()
      }
    })
    expect(await attempt(customerIo, event)).toEqual({ kind: 'rejected', status: 400, message: 'no message' })
    await closed
    expect(written).toBeLessThan(64 * 1_048_576)
  })

  test('a reset: the request may have arrived', async () => {
    const verdict = await verdictAfter((_response, request) => { request.socket.resetAndDestroy() })
    expect(verdict).toEqual({ kind: 'unavailable', status: undefined, cause: expect.stringMatching(/^network (ECONNRESET|UND_ERR_SOCKET)$/), answered: false })
    expect(target.received).toHaveLength(1)
  })

  test('an end without an answer: the same', async () => {
    const verdict = await verdictAfter((_response, request) => { request.socket.destroy() })
    expect(verdict).toMatchObject({ kind: 'unavailable', status: undefined, answered: false })
    expect(target.received).toHaveLength(1)
  })

  test('a hang: a timeout, and the connection is reset, so that nothing can arrive later', async () => {
    await customerIo.close()
    customerIo = clientOf(target.url, 300)
    const closed = new Promise<unknown>((resolve) => {
      target.respond = (_response, request) => { request.socket.once('close', resolve) }
    })
    expect(await attempt(customerIo, event)).toEqual({ kind: 'unavailable', status: undefined, cause: 'timeout', answered: false })
    await closed
    expect([target.received.length, target.sockets.size]).toEqual([1, 0])
  })

  test('no HTTP', async () => {
    const server = createServer((socket) => { socket.on('error', () => {}).resume().end('hello\r\n\r\n') }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect(await attempt(client, event)).toMatchObject({ kind: 'unavailable', status: undefined, answered: false })
    await client.close()
    server.close()
    await once(server, 'close')
  })

  test('nobody listens: nothing was sent', async () => {
    await target.close()
    expect(await attempt(customerIo, event)).toEqual({ kind: 'unavailable', status: undefined, cause: 'network ECONNREFUSED', answered: true })
  })

  test('a connection that does not come about until the timeout: nothing was sent', async () => {
    const greetings: Buffer[] = []
    const server = createServer((socket) => {
      socket.on('error', () => {}).on('data', (part) => greetings.push(part))
      ended.push(() => socket.destroy())
    }).listen(0, '127.0.0.1')
    const ended: (() => void)[] = []
    await once(server, 'listening')
    const client = clientOf(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, 300)
    expect(await attempt(client, event)).toEqual({ kind: 'unavailable', status: undefined, cause: 'timeout', answered: true })
    // it was at it, and never got beyond the handshake
    expect(greetings.length).toBeGreaterThan(0)
    for (const end of ended) end()
    await client.close()
    server.close()
    await once(server, 'close')
  })

  test('a server that speaks no TLS: nothing was sent', async () => {
    const client = clientOf(target.url.replace('http:', 'https:'))
    expect(await attempt(client, event)).toMatchObject({ kind: 'unavailable', status: undefined, cause: expect.stringMatching(/^network ERR_SSL/), answered: true })
    expect(target.received).toEqual([])
    await client.close()
  })

  test('never a throw, even for what the client refuses to send: then nothing was sent', async () => {
    const unsent = { kind: 'unavailable', status: undefined, answered: true }
    expect(await attempt(customerIo, { ...event, name: '' })).toMatchObject(unsent)
    expect(await attempt(customerIo, { ...event, person: '\ud800' })).toMatchObject(unsent)
    for (const events of [[], [event, event]]) expect(await customerIo.attempt(events, 'alone')).toMatchObject(unsent)
    expect(await customerIo.attempt([], 'segment:add:7:id')).toMatchObject(unsent)
    expect(await customerIo.attempt([{ ...event, type: 'trackAnonymous' }], 'batch')).toMatchObject(unsent)
    expect(target.received).toHaveLength(0)
  })
})

test('close ends all connections', async () => {
  const closed: Promise<unknown>[] = []
  target.respond = (response, request) => {
    const socket: Socket = request.socket
    closed.push(once(socket, 'close'))
    response.end('{}')
  }
  await Promise.all([attempt(customerIo, event), attempt(customerIo, event)])
  await customerIo.close()
  await Promise.all(closed)
  expect(target.sockets.size).toBe(0)
})

test('the fence is asked once more when a request leaves: behind a shut one nothing does, and its slot is free', async () => {
  maySend = false
  expect(await attempt(customerIo, event)).toEqual({ kind: 'unavailable', status: undefined, cause: 'network FENCED', answered: true })
  expect(target.received).toEqual([])
})

test('each region has its own host', async () => {
  const hosts: string[] = []
  const fetched = jest.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
    hosts.push(new URL(String(input)).host)
    throw new TypeError('not sent in a test')
  })
  for (const region of ['us', 'eu'] as const) {
    const client = createTrack({ siteId, apiKey: () => apiKey, region, url: undefined, timeoutMs: 1_000, connections: 1, onRefused: () => {}, maySend: () => true })
    await client.probe()
    await client.close()
  }
  fetched.mockRestore()
  expect(hosts).toEqual(['track.customer.io', 'track-eu.customer.io'])
})
