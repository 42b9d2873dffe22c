import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { Account } from './account.ts'
import { handleControl } from './control.ts'
import type { FaultPlan } from './faults.ts'
import { DEFAULT_LIMITS } from './server.ts'
import { closeStandIns, openStandIn, outcomeOf, rawCall, trackClient, until } from './helpers.ts'
import { controlOf } from '../support/stand-in.ts'

afterEach(closeStandIns)

test('arrivals are told from the n-th on', async () => {
  const standIn = await openStandIn()
  for (const id of ['a', 'b\u2028"\n', 'c']) await trackClient(standIn.url).identify(id)
  const control = controlOf(standIn.url)
  expect((await control.arrivals()).map(({ n, person }) => [n, person])).toEqual([[0, 'a'], [1, 'b\u2028"\n'], [2, 'c']])
  expect((await control.arrivals(2)).map(({ n }) => n)).toEqual([2])
  expect(await control.arrivals(3)).toEqual([])
})

describe('a long stream of arrivals', () => {
  const total = 100_000
  let taken = 0
  const details = { operation: 'track', person: 'x'.repeat(200), subject: null, eventId: null, timestamp: null, marker: null } as const
  const [arrival] = new Account(DEFAULT_LIMITS, 0).arrive(0, 'track', details).arrivals
  const arrivals = Object.assign(Array.from({ length: total }, () => arrival), {
    slice(start: number, end: number) {
      taken = end
      return Array.from({ length: end - start }, () => arrival)
    },
  })
  const server = createServer((req, res) => void handleControl(req, res, { arrivals: () => arrivals } as never))
  beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'))
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  test('is read from the account no faster than by the reader', async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
    socket.write('GET /stand-in/arrivals HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await until(() => taken > 0)
    for (let n = 0; n < 2000; n++) await setImmediate()
    expect(taken).toBeLessThan(total / 2)

    let answer = ''
    socket.on('data', (chunk: Buffer) => { answer += chunk.toString('latin1') }).resume()
    await once(socket, 'close')
    expect([taken, answer.split('"marker":null}\n').length - 1]).toEqual([total, total])
  })
})

test('a plan replaces the one before, and its times count anew', async () => {
  const standIn = await openStandIn()
  const control = controlOf(standIn.url)
  const plan: FaultPlan = { rules: [{ name: 'once', match: { times: 1 }, effect: { status: 503 } }] }
  const statuses: unknown[] = []
  for (const next of [plan, undefined, plan, {}]) {
    if (next) await control.faults(next)
    statuses.push((await outcomeOf(trackClient(standIn.url).identify('u'))).status)
  }
  expect(statuses).toEqual([503, 200, 503, 200])
})

test('a plan that is not valid is refused with the reason, and changes nothing', async () => {
  const standIn = await openStandIn({ faults: { rules: [{ name: 'all', effect: { status: 503 } }] } })
  for (const body of ['{', '{"rules":[{"name":"x","effect":{"status":1}}]}']) {
    const response = await rawCall(standIn.url, 'POST', '/stand-in/faults', body)
    expect([response.status, await response.json()]).toEqual([400, { error: expect.stringMatching(/JSON|effect\.status/) }])
  }
  await expect(controlOf(standIn.url).faults({ latencyMs: [2, 1] })).rejects.toThrow(/latencyMs/)
  expect((await outcomeOf(trackClient(standIn.url).identify('u'))).status).toBe(503)
})

test('reset: everything as it was at the start, while requests under way stay with what was', async () => {
  const faults: FaultPlan = { rules: [{ name: 'hung', match: { person: ['hung'] }, effect: { hang: true } }] }
  const standIn = await openStandIn({ limit: 2, windowMs: 60_000, faults })
  const control = controlOf(standIn.url)
  const client = trackClient(standIn.url)
  const hung = outcomeOf(client.identify('hung'))
  await until(() => standIn.account().requests === 1)
  await client.track('u', { name: 'n', id: '01ARZ3NDEKTSV4RRFFQ69G5FAV' })
  await control.faults({})
  const { startedAt } = await control.account()

  await control.reset()
  const summary = await control.account()
  expect(summary).toEqual({
    requests: 0, operations: 0, byStatus: {}, operationsByStatus: {}, byOperation: {}, apis: expect.any(Object), mostInWindow: 0, limit: 2, windowMs: 60_000, refused: 0, meanResponseMs: null, rateLast: 0,
    distinctEventIds: 0, repeatedEventIds: 0, startedAt: expect.any(Number), now: expect.any(Number),
  })
  expect(await control.state()).toEqual({ people: [], anonymousEvents: [], objects: [], forms: [], deliveries: [], sends: [] })
  expect(summary.startedAt).toBeGreaterThan(startedAt)
  expect(await control.person('u')).toBeUndefined()
  expect((await outcomeOf(trackClient(standIn.url, undefined, 200).identify('hung'))).error?.name).toBe('TimeoutError')
  expect((await outcomeOf(client.identify('v'))).status).toBe(200)
  expect(standIn.account()).toMatchObject({ requests: 2, byStatus: { 200: 1, none: 1 } })
  await standIn.close()
  expect((await hung).error?.message).toBe('fetch failed')
})

test.each([
  ['GET', 'nothing', 404], ['POST', 'state', 404], ['POST', 'sends', 404], ['GET', 'reset', 404], ['POST', 'account', 404], ['GET', 'people/nobody', 404], ['GET', 'people/%E0%A4%A', 404],
  ['GET', 'arrivals?from=-1', 400], ['GET', 'arrivals?from=x', 400],
])('%s %s is answered %d', async (method, path, status) => {
  const standIn = await openStandIn()
  const response = await rawCall(standIn.url, method, `/stand-in/${path}`)
  expect([response.status, await response.json()]).toEqual([status, { error: expect.any(String) }])
  expect(standIn.account().requests).toBe(0)
})
