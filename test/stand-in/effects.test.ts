import { Agent, request } from 'node:http'
import { once } from 'node:events'
import { connect } from 'node:net'
import { DEFAULT_CREDENTIALS } from './server.ts'
import type { StandIn } from './server.ts'
import type { FaultEffect, FaultPlan } from './faults.ts'
import { closeStandIns, openStandIn, outcomeOf, rawCall, trackClient, until } from './helpers.ts'
import { controlOf } from '../support/stand-in.ts'
import type { StandInControl } from '../support/stand-in.ts'

// Each kind of fault, as Customer.io's own client meets it.

const EVENT = { name: 'n', id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', data: { _marker: 'm' } }

let standIn: StandIn
let control: StandInControl
beforeEach(async () => {
  standIn = await openStandIn()
  control = controlOf(standIn.url)
})
afterEach(closeStandIns)

/** Sends the event under a fault; its outcome, what the account says of it, and how many times it took effect. */
async function under(effect: FaultEffect, timeout?: number) {
  await control.faults({ rules: [{ name: 'fault', effect }] })
  const outcome = await outcomeOf(trackClient(standIn.url, DEFAULT_CREDENTIALS, timeout).track('u', EVENT))
  const [arrival] = await control.arrivals()
  return { outcome, arrival: arrival!, took: (await control.person('u'))?.eventCount ?? 0 }
}

test('status: the given answer, and no effect', async () => {
  const { outcome, arrival, took } = await under({ status: 503 })
  expect(outcome).toMatchObject({ status: 503, body: { meta: { error: 'fault: fault' } } })
  expect(arrival).toMatchObject({ status: 503, fault: 'fault', answeredAt: expect.any(Number), marker: 'm', eventId: EVENT.id })
  expect(took).toBe(0)
  expect(standIn.account().distinctEventIds).toBe(0)
})

test('status with accept: the effect all the same, once', async () => {
  const { outcome, took } = await under({ status: 500, accept: true })
  expect([outcome.status, took]).toEqual([500, 1])
  await control.faults({})
  expect((await outcomeOf(trackClient(standIn.url).track('u', EVENT))).status).toBe(200)
  expect((await control.person('u'))?.eventCount).toBe(1)
  expect(standIn.account()).toMatchObject({ distinctEventIds: 1, repeatedEventIds: 1 })
})

test('accept makes no invalid request valid', async () => {
  await control.faults({ rules: [{ name: 'fault', effect: { status: 200, accept: true } }] })
  expect((await outcomeOf(trackClient(standIn.url).track('u', { ...EVENT, id: 'bad' }))).status).toBe(200)
  expect(await control.person('u')).toBeUndefined()
})

test('a body that is no JSON', async () => {
  const { outcome } = await under({ status: 502, body: '<html>Bad gateway</html>', headers: { 'content-type': 'text/html' } })
  expect(outcome.status).toBeUndefined()
  expect(outcome.error?.message).toMatch(/Unable to parse JSON/)
})

test.each(['7', 'Wed, 21 Oct 2065 07:28:00 GMT', '-5', '99999999999', 'soon'])('429 with Retry-After %s', async (retryAfter) => {
  const { outcome, arrival } = await under({ status: 429, headers: { 'Retry-After': retryAfter } })
  expect([outcome.status, outcome.headers['retry-after'], arrival.fault]).toEqual([429, retryAfter, 'fault'])
  // Only the window's own refusals count as refused.
  expect(standIn.account()).toMatchObject({ refused: 0, byStatus: { 429: 1 } })
})

test('429 without Retry-After', async () => {
  expect((await under({ status: 429 })).outcome.headers).not.toHaveProperty('retry-after')
})

test('a redirect: the client follows it, without credentials, and that is a request of its own', async () => {
  await control.faults({ rules: [
    { name: 'moved', match: { person: ['u'] }, effect: { status: 307, headers: { location: `${standIn.url}/api/v1/customers/v/events` } } },
  ] })
  expect((await outcomeOf(trackClient(standIn.url).track('u', EVENT))).error?.message).toMatch(/Unauthorized/)
  expect(await control.arrivals()).toMatchObject([{ person: 'u', status: 307, fault: 'moved' }, { person: 'v', status: 401, fault: null }])
})

test('hang: no answer, and the socket stays open until the client gives up', async () => {
  const { outcome, arrival, took } = await under({ hang: true }, 200)
  expect(outcome.error?.name).toBe('TimeoutError')
  expect(arrival).toMatchObject({ status: null, answeredAt: null, fault: 'fault' })
  expect(took).toBe(0)
  expect(standIn.account()).toMatchObject({ byStatus: { none: 1 }, meanResponseMs: null })
})

test('hang with accept: the effect, but no answer', async () => {
  expect((await under({ hang: true, accept: true }, 200)).took).toBe(1)
})

test.each([['before', 0], ['after', 1]] as const)('reset %s the effect', async (reset, effects) => {
  const { outcome, arrival, took } = await under({ reset })
  expect(outcome.error).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNRESET' } })
  expect(arrival).toMatchObject({ status: null, answeredAt: null, fault: 'fault' })
  expect(took).toBe(effects)
})

test('a reset is one on the wire, not an end of the stream', async () => {
  await control.faults({ rules: [{ name: 'fault', effect: { reset: 'before' } }] })
  const socket = connect(Number(new URL(standIn.url).port), '127.0.0.1').resume()
  socket.write('POST /api/v1/customers/u/suppress HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
  const [error] = await once(socket, 'error')
  expect(error.code).toBe('ECONNRESET')
})

test('torn: a good answer that is shorter than it says', async () => {
  const { outcome, arrival, took } = await under({ torn: true })
  expect(outcome.error).toMatchObject({ message: 'terminated', cause: { message: 'other side closed' } })
  // No complete answer and no effect, so none at all: who counts 200s must not count this one.
  expect(arrival).toMatchObject({ status: null, answeredAt: null, fault: 'fault' })
  expect(took).toBe(0)
  expect((await under({ torn: true, accept: true })).took).toBe(1)
  expect((await control.arrivals()).at(-1)).toMatchObject({ status: 200, answeredAt: expect.any(Number), fault: 'fault' })

  const torn = await rawCall(standIn.url, 'GET', '/api/v1/accounts/region')
  expect([torn.status, torn.headers.get('content-length')]).toEqual([200, '12'])
  await expect(torn.text()).rejects.toThrow('terminated')
})

test('delayMs: the true answer, later', async () => {
  const { outcome, arrival, took } = await under({ delayMs: 30 })
  expect([outcome.status, arrival.status, arrival.fault, took]).toEqual([200, 200, 'fault', 1])
  // 1 ms less: timers count whole milliseconds.
  expect(arrival.answeredAt! - arrival.at).toBeGreaterThanOrEqual(29)
})

test('a client that gives up waiting has not undone the event', async () => {
  const { outcome, arrival, took } = await under({ delayMs: 60_000 }, 200)
  expect(outcome.error?.name).toBe('TimeoutError')
  expect(arrival).toMatchObject({ status: null, answeredAt: null })
  expect(took).toBe(1)
})

test('latencyMs delays every answer, the refusals too', async () => {
  const slow = await openStandIn({ limit: 1, windowMs: 60_000, faults: { latencyMs: [20, 25] } })
  for (let n = 0; n < 2; n++) await rawCall(slow.url, 'GET', '/')
  const arrivals = await controlOf(slow.url).arrivals()
  expect(arrivals.map(({ status }) => status)).toEqual([404, 429])
  for (const { at, answeredAt } of arrivals) expect(answeredAt! - at).toBeGreaterThanOrEqual(19)
})

test('without a fault a connection is kept, and used again', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ports: (number | undefined)[] = []
  for (let n = 0; n < 2; n++) {
    const [response] = await once(request(`${standIn.url}/api/v1/nowhere`, { agent }).end(), 'response')
    ports.push(response.socket.localPort)
    await once(response.resume(), 'end')
  }
  expect(ports[0]).toBe(ports[1])
  agent.destroy()
})

test('an event without marker and id is known again by what it says', async () => {
  await control.faults({ rules: [{ name: 'first', match: { firstAttempts: 1 }, effect: { status: 500 } }] })
  const client = trackClient(standIn.url)
  const statuses: unknown[] = []
  const identify = async (id: string, attributes: object) => statuses.push((await outcomeOf(client.identify(id, attributes))).status)
  await identify('u', { a: 1 })
  await identify('u', { a: 2 })
  await identify('v', { a: 1 })
  await identify('u', { a: 1 })
  await identify('v', { a: 2, _marker: 'x' })
  await identify('v', { a: 3, _marker: 'x' })
  expect(statuses).toEqual([500, 500, 500, 200, 500, 200])
})

test('closing the stand-in ends hung and delayed requests at once', async () => {
  const plan: FaultPlan = { rules: [
    { name: 'hung', match: { person: ['hung'] }, effect: { hang: true } }, { name: 'late', effect: { delayMs: 60_000 } },
  ] }
  await control.faults(plan)
  const client = trackClient(standIn.url)
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const timersBefore = timers()
  const outcomes = [outcomeOf(client.identify('hung')), outcomeOf(client.identify('late'))]
  await until(() => standIn.account().requests === 2)
  await standIn.close()
  expect((await Promise.all(outcomes)).map(({ error }) => error?.message)).toEqual(['fetch failed', 'fetch failed'])
  expect(standIn.account().byStatus).toEqual({ none: 2 })
  // The answer that will never be given must not keep the process waiting for its time.
  expect(timers()).toBe(timersBefore)
})
