import { connect } from 'node:net'
import { SendSMSRequest } from 'customerio-node'
import { appClient, closeStandIns, openStandIn, outcomeOf, rawCall, trackClient, until } from './helpers.ts'
import type { StandInOptions } from './server.ts'
import { controlOf } from '../support/stand-in.ts'

const W = 60_000

afterEach(closeStandIns)

/** A stand-in whose clock stands still unless a test moves it. */
async function withClock(limit: number, options: StandInOptions = {}) {
  const time = { now: 0 }
  const standIn = await openStandIn({ limit, windowMs: W, clock: () => time.now, ...options })
  return { time, standIn, client: trackClient(standIn.url), control: controlOf(standIn.url), app: appClient(standIn.url) }
}

test('over the limit: 429 with Retry-After and a JSON body, until the oldest request has left the window', async () => {
  const { time, client, control } = await withClock(2)
  const statuses: (number | undefined)[] = []
  const identify = async () => {
    const outcome = await outcomeOf(client.identify('u', { at: time.now }))
    statuses.push(outcome.status)
    return outcome
  }
  await identify()
  time.now = 500
  await identify()
  time.now = 1000
  const refused = await identify()
  expect(refused).toMatchObject({ status: 429, body: { errors: [{ detail: 'rate limit exceeded', status: '429' }] } })
  expect(refused.headers).toMatchObject({ 'retry-after': '59', 'content-type': 'application/json' })
  expect(await control.person('u')).toMatchObject({ attributes: { at: 500 } })

  time.now = W - 0.5
  expect((await identify()).headers['retry-after']).toBe('1')
  // The refused ones did not use up the window: at W exactly the first is out of it, and one more fits.
  time.now = W
  await identify()
  await identify()
  time.now = W + 500
  await identify()
  expect(statuses).toEqual([200, 200, 429, 429, 200, 429, 200])
  expect(await control.account()).toMatchObject({ requests: 7, refused: 3, byStatus: { 200: 4, 429: 3 }, mostInWindow: 5, rateLast: 5 })
})

test('every request counts, whatever it is answered; the control API does not', async () => {
  const { standIn, client, control } = await withClock(7)
  await control.faults({ rules: [
    { name: 'status', match: { person: ['status'] }, effect: { status: 503 } },
    { name: 'hang', match: { person: ['hang'] }, effect: { hang: true } },
    { name: 'reset', match: { person: ['reset'] }, effect: { reset: 'before' } },
  ] })
  for (let n = 0; n < 20; n++) await control.account()
  await rawCall(standIn.url, 'GET', '/nowhere')
  await rawCall(standIn.url, 'PUT', '/api/v1/customers/u', '{')
  await rawCall(standIn.url, 'DELETE', '/api/v1/customers/u', undefined, { siteId: 'wrong', apiKey: 'wrong' })
  await outcomeOf(client.identify('status'))
  await outcomeOf(client.identify('reset'))
  const hung = outcomeOf(client.identify('hang'))
  await until(() => standIn.account().requests === 6)
  expect((await outcomeOf(client.getAccountRegion())).status).toBe(200)
  expect((await outcomeOf(client.getAccountRegion())).status).toBe(429)
  expect(standIn.account()).toMatchObject({
    requests: 8, byStatus: { 404: 1, 400: 1, 401: 1, 503: 1, 200: 1, 429: 1, none: 2 }, refused: 1,
  })
  await standIn.close()
  expect((await hung).error?.message).toBe('fetch failed')
})

test('a refused request takes no effect, and no attempt from the fault plan, but shows all it said', async () => {
  const { time, standIn, client, control } = await withClock(1)
  await client.identify('u')
  await control.faults({ rules: [{ name: 'first', match: { firstAttempts: 1 }, effect: { status: 500 } }] })
  const event = { name: 'n', id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', timestamp: 5, data: { _marker: 'm' } }
  const answers = [(await outcomeOf(client.track('u', event))).status]
  for (let n = 0; n < 2; n++) {
    time.now += W
    answers.push((await outcomeOf(client.track('u', event))).status)
  }
  expect(answers).toEqual([429, 500, 200])
  const said = { index: 0, api: 'track', operation: 'track', person: 'u', subject: null, eventId: event.id, timestamp: 5, marker: 'm' }
  expect(await control.arrivals(1)).toEqual([
    { n: 1, request: 1, at: 0, answeredAt: 0, status: 429, fault: null, ...said },
    { n: 2, request: 2, at: W, answeredAt: W, status: 500, fault: 'first', ...said },
    { n: 3, request: 3, at: 2 * W, answeredAt: 2 * W, status: 200, fault: null, ...said },
  ])
  expect(standIn.account()).toMatchObject({ distinctEventIds: 1, repeatedEventIds: 0, refused: 1 })
})

test('a request arrives with its head, however long its body takes', async () => {
  const { time, standIn, control } = await withClock(1)
  const socket = connect(Number(new URL(standIn.url).port), '127.0.0.1').on('error', () => {})
  time.now = 10
  socket.write('PUT /api/v1/customers/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Basic x\r\nContent-Length: 2\r\n\r\n')
  await until(() => standIn.account().requests === 1)
  expect(await control.arrivals()).toMatchObject([{ n: 0, at: 10, operation: 'identify', person: 'slow', answeredAt: null, status: null }])
  expect((await rawCall(standIn.url, 'GET', '/')).status).toBe(429)
  time.now = 30
  socket.write('{}')
  await until(() => standIn.account().byStatus[401] === 1)
  expect(await control.arrivals()).toMatchObject([{ n: 0, at: 10, answeredAt: 30, status: 401 }, { n: 1, request: 1, at: 10 }])
  expect(standIn.account().meanResponseMs).toBe(10)
})

test('a client that leaves in the middle of its request has arrived all the same', async () => {
  const { standIn, control } = await withClock(5)
  const socket = connect(Number(new URL(standIn.url).port), '127.0.0.1')
  socket.write('POST /api/v1/customers/u/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{')
  await until(() => standIn.account().requests === 1)
  socket.destroy()
  await outcomeOf(trackClient(standIn.url).identify('v'))
  expect(await control.arrivals()).toMatchObject([{ operation: 'track', person: 'u', status: null }, { person: 'v', status: 200 }])
})

/** A batch of so many page views. */
function pages(count: number) {
  return Array.from({ length: count }, (_, n) => ({ type: 'person', identifiers: { id: `u${n}` }, action: 'page', name: '/' }))
}

test('a batch is one request, however many operations it carries; refused, none of them takes effect', async () => {
  const { standIn, client, control } = await withClock(2)
  const statuses: unknown[] = []
  for (const count of [50, 1, 3]) statuses.push((await outcomeOf(client.batch(pages(count)))).status)
  expect(statuses).toEqual([200, 200, 429])
  expect(standIn.account()).toMatchObject({ requests: 3, operations: 54, mostInWindow: 3, refused: 1, operationsByStatus: { 200: 51, 429: 3 } })
  expect((await control.arrivals(51)).map(({ request, index, status }) => [request, index, status])).toEqual([[2, 0, 429], [2, 1, 429], [2, 2, 429]])
  expect((await control.person('u0'))?.eventCount).toBe(2)
})

test('where operations count, a batch takes as many places as it has operations, and all or none', async () => {
  const { time, standIn, client, control } = await withClock(10, { unit: 'operation' })
  const statuses: unknown[] = []
  const send = async (count: number) => {
    const { status, headers } = await outcomeOf(client.batch(pages(count)))
    statuses.push([status, headers['retry-after']])
  }
  await send(6)
  time.now = 500
  await send(4)
  await send(1)
  time.now = 20_000
  await outcomeOf(client.addCustomersToSegment(1, ['a', 'b']))
  await send(11)
  time.now = W
  await send(7)
  await send(6)
  expect(statuses).toEqual([[200, undefined], [200, undefined], [429, '60'], [429, '60'], [429, '1'], [200, undefined]])
  const { track } = (await control.account()).apis
  expect(track).toEqual({ requests: 7, operations: 37, mostInWindow: 37 - 6, refused: 4, limit: 10, windowMs: W })
  expect(standIn.account().mostInWindow).toBe(31)
})

test('each API has a window of its own', async () => {
  const { time, client, control, app } = await withClock(1, { apis: { transactional: { limit: 2, windowMs: W } } })
  const sms = () => outcomeOf(app.sendSMS(new SendSMSRequest({ identifiers: { id: 'u' }, transactional_message_id: 1 })))
  const broadcast = () => outcomeOf(app.triggerBroadcast(1))
  const calls = { track: () => outcomeOf(client.identify('u')), sms, list: () => outcomeOf(app.listTransactionalMessages()), broadcast, general: () => outcomeOf(app.listExports()) }
  const statuses: unknown[] = []
  for (const call of ['track', 'sms', 'list', 'broadcast', 'track', 'sms', 'broadcast', 'general'] as const) statuses.push([call, (await calls[call]()).status])
  expect(statuses).toEqual([
    ['track', 200], ['sms', 200], ['list', 200], ['broadcast', 200], ['track', 429], ['sms', 429], ['broadcast', 429], ['general', 404],
  ])
  const refused = await broadcast()
  expect(refused).toMatchObject({ headers: { 'retry-after': '10' }, body: { errors: [{ detail: 'rate limit exceeded', status: '429' }] } })
  time.now = 10_000
  expect((await broadcast()).status).toBe(200)
  for (let n = 0; n < 10; n++) await calls.general()
  expect((await calls.general()).status).toBe(429)
  expect(await control.account()).toMatchObject({
    limit: 1, refused: 1, mostInWindow: 2, requests: 21,
    apis: {
      track: { requests: 2, refused: 1, limit: 1 },
      transactional: { requests: 3, mostInWindow: 3, refused: 1, limit: 2, windowMs: W },
      general: { requests: 12, refused: 1, limit: 10, windowMs: 1000 },
      broadcast: { requests: 4, mostInWindow: 3, refused: 2, limit: 1, windowMs: 10_000 },
    },
  })
})

test('a batch whose body never comes has arrived all the same, and is told as one', async () => {
  const { standIn, control } = await withClock(5)
  const socket = connect(Number(new URL(standIn.url).port), '127.0.0.1')
  socket.write('POST /api/v2/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{')
  await until(() => standIn.account().requests === 1)
  expect(await control.arrivals()).toEqual([])
  socket.destroy()
  await until(() => standIn.account().operations === 1)
  expect(await control.arrivals()).toMatchObject([{ n: 0, request: 0, operation: 'batch', person: null, status: null }])
})
