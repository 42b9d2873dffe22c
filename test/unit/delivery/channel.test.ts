// One API put together: everything in it is real, and so is the HTTP.

import { Announcer } from '../../../src/announcer.ts'
import type { Api } from '../../../src/api-limits.ts'
import { monotonic, wall } from '../../../src/clock.ts'
import { readConfig } from '../../../src/config.ts'
import { createChannel, keyOf, type Channel, type ChannelOptions } from '../../../src/delivery/channel.ts'
import { Quota } from '../../../src/delivery/quota.ts'
import { decodeEvent } from '../../../src/event.ts'
import { DeadLetters, LETTER_HEADERS } from '../../../src/kafka/dead-letter.ts'
import { PartitionWork } from '../../../src/kafka/partition-work.ts'
import { Guarded } from '../../../src/logger.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { Secrets } from '../../../src/secrets.ts'
import { until } from '../../stand-in/helpers.ts'
import { json, keptLog, recordOf } from '../helpers.ts'
import { answer, startHttpTarget, type HttpTarget } from './http-target.ts'

const apis: Api[] = ['track', 'transactional', 'broadcast']
let track: HttpTarget
let app: HttpTarget
const open: Channel[] = []

beforeEach(async () => { [track, app] = await Promise.all([startHttpTarget(), startHttpTarget()]) })
afterEach(async () => {
  for (const channel of open.splice(0)) {
    channel.delivery.hold()
    await channel.close()
  }
  await Promise.all([track.close(), app.close()])
})

/** A channel, with a partition whose events go by it. */
function channelOf(api: Api, env: Record<string, string> = {}, given: Partial<ChannelOptions> = {}) {
  const config = readConfig({
    KAFKA_BROKERS: 'kafka:9092', CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'track-key', CUSTOMERIO_APP_API_KEY: 'app-key', CUSTOMERIO_REGION: 'eu', APIS: apis.join(),
    CUSTOMERIO_URL: track.url, CUSTOMERIO_APP_URL: app.url, REQUEST_TIMEOUT_MS: '300', LATEST_ARRIVAL_MS: '300', RETRY_BASE_MS: '1', RETRY_CAP_MS: '1', ...env,
  })
  const { logger } = keptLog()
  const state = { slots: 10, fenced: false }
  const listeners: (() => void)[] = []
  const share = { name: 'test', slots: () => state.slots, onChange: (listener: () => void) => { listeners.push(listener) }, follow: () => {} }
  const secrets = new Secrets({ config, logger, guarded: new Guarded() })
  const metrics = createMetrics()
  const announcer = new Announcer(logger, monotonic)
  const letters: string[] = []
  const producer = {
    send: async (_topic: string, { headers }: { headers: object }) => { letters.push(String((headers as Record<string, unknown>)[LETTER_HEADERS.reason])) },
    stop: async () => {},
  }
  const deadLetters = new DeadLetters({ producer, topic: 'dlq', workerVersion: '1', logger, announcer, onFailure: () => {} })
  const channel = createChannel({
    api, config, secrets, share, limit: { limit: 10, windowMs: 20, unit: 'request' }, quota: new Quota(60), deadLetters, announcer, metrics, logger, clock: monotonic, wall,
    after: (ms, run) => { setTimeout(run, Math.ceil(ms) + 1) }, fenced: () => state.fenced, ...given,
  })
  open.push(channel)
  const work: PartitionWork = new PartitionWork({
    partition: 0, start: 0, most: { records: 1_000, bytes: 1e9 }, memory: undefined, onReady: (item) => channel.delivery.add(item), onRoom: () => {},
    onBarrier: () => setImmediate(() => {
      const progress = work.progress()
      if (progress) work.commitDone(progress)
    }),
  })
  const publish = (value: object): void => {
    const record = recordOf({ offset: work.position, key: null, value: json(value) })
    work.take(record, decodeEvent(record, undefined, 'test'))
  }
  /** Resolves when everything that was published is done. */
  const done = async (): Promise<void> => until(() => work.pending === 0)
  const tell = (): void => { for (const listener of listeners) listener() }
  channel.delivery.start()
  return { channel, state, secrets, metrics, letters, work, publish, done, tell }
}

const person = (n: number) => ({ type: 'track', userId: `u${n}`, payload: { event: 'login' } })
const email = (n: number) => ({ type: 'email', userId: `u${n}`, payload: { to: 'a@b.c', transactional_message_id: 3 } })
const broadcast = (broadcastId: number) => ({ type: 'broadcast', payload: { broadcastId } })
const valueOf: Record<string, (n: number) => object> = { track: person, transactional: email, broadcast }
const madeTo = ({ received }: HttpTarget) => received.map(({ method, path, headers }) => [`${method} ${path}`, headers.authorization])
const sizes = ({ received }: HttpTarget) => received.map(({ body }) => (JSON.parse(body) as { batch?: object[] }).batch?.length ?? 1)

test.each<[Api, string, string]>([
  ['track', 'POST /api/v2/batch', `Basic ${Buffer.from('site:track-key').toString('base64')}`],
  ['transactional', 'POST /v1/send/email', 'Bearer app-key'],
  ['broadcast', 'POST /v1/campaigns/1/triggers', 'Bearer app-key'],
])('%s has its own address and its own key', async (api, line, authorization) => {
  const { channel, publish, done } = channelOf(api)
  publish(valueOf[api]!(1))
  await done()
  const [mine, other] = api === 'track' ? [track, app] : [app, track]
  expect([madeTo(mine), other.received, channel.api]).toEqual([[[line, authorization]], [], api])
})

test('the key of each API', () => {
  expect(apis.map(keyOf)).toEqual(['CUSTOMERIO_API_KEY', 'CUSTOMERIO_APP_API_KEY', 'CUSTOMERIO_APP_API_KEY'])
})

describe('what shares a request', () => {
  test.each([['batch', [10]], ['single', Array.from({ length: 10 }, () => 1)]])('DELIVERY_MODE=%s', async (mode, expected) => {
    const { publish, done } = channelOf('track', { DELIVERY_MODE: mode })
    for (let n = 0; n < 10; n += 1) publish(person(n))
    await done()
    expect(sizes(track)).toEqual(expected)
  })

  test.each(['transactional', 'broadcast'] as const)('nothing by %s, whatever the mode', async (api) => {
    const { publish, done } = channelOf(api)
    for (let n = 1; n <= 5; n += 1) publish(valueOf[api]!(n))
    await done()
    expect(app.received).toHaveLength(5)
  })

  test('where operations count, no more of them than slots', async () => {
    const { state, publish, done } = channelOf('track', {}, { limit: { limit: 3, windowMs: 20, unit: 'operation' } })
    state.slots = 3
    for (let n = 0; n < 10; n += 1) publish(person(n))
    await done()
    expect(Math.max(...sizes(track))).toBe(3)
    expect(sizes(track).reduce((sum, size) => sum + size, 0)).toBe(10)
  })
})

describe('a request that may have arrived, though no answer came', () => {
  /** The first one has no answer, all others do. */
  const silentAt = (target: HttpTarget): void => { target.respond = (...given) => { if (target.received.length > 1) answer(200, '{}')(...given) } }

  test.each([['dead-letter', 1, ['unconfirmed']], ['retry', 2, []]])('by an App API: UNCONFIRMED_SENDS=%s', async (setting, times, expected) => {
    silentAt(app)
    const { publish, done, letters } = channelOf('transactional', { UNCONFIRMED_SENDS: setting })
    publish(email(1))
    await done()
    expect([app.received.length, letters]).toEqual([times, expected])
  })

  test('by the Track API: it is sent again', async () => {
    silentAt(track)
    const { publish, done, letters } = channelOf('track')
    publish(person(1))
    await done()
    expect([track.received.length, letters]).toEqual([2, []])
  })
})

test('a refusal has the files of the secrets looked at, and the account is asked by the same API', async () => {
  app.respond = (...given) => answer(app.received.length === 1 ? 401 : 200, '{}')(...given)
  const { secrets, publish, done } = channelOf('transactional')
  const looked = jest.spyOn(secrets, 'look')
  publish(email(1))
  await done()
  expect(madeTo(app).map(([line]) => line)).toEqual(['POST /v1/send/email', 'GET /v1/transactional', 'POST /v1/send/email'])
  expect(looked).toHaveBeenCalledTimes(1)
})

describe('the last word before the socket', () => {
  test.each<[string, (state: { slots: number; fenced: boolean }) => void, (state: { slots: number; fenced: boolean }) => void]>([
    ['the fence', (state) => { state.fenced = true }, (state) => { state.fenced = false }],
    ['a lease that has lapsed', (state) => { state.slots = 0 }, (state) => { state.slots = 10 }],
  ])('is that of %s: what had its slot is kept back, and goes later', async (_what, shut, reopen) => {
    const { channel, state, secrets, publish, done, tell } = channelOf('track')
    const key = secrets.of.bind(secrets)
    // the key is asked for when the slot was taken, and before anything leaves
    const asked = jest.spyOn(secrets, 'of').mockImplementation((name) => {
      shut(state)
      return key(name)
    })
    publish(person(1))
    await until(() => channel.delivery.lastError !== undefined)
    expect([track.received.length, channel.delivery.lastError?.what]).toEqual([0, 'network FENCED'])
    asked.mockRestore()
    reopen(state)
    tell()
    await done()
    expect(track.received).toHaveLength(1)
  })
})

test.each([['come later', { slots: 0 }], ['come with the end of a fence', { fenced: true }]])('slots that %s are used when that is told', async (_when, without) => {
  const { channel, state, publish, done, tell } = channelOf('track')
  Object.assign(state, without)
  for (let n = 0; n < 3; n += 1) publish(person(n))
  // everything that this sets going has been looked at by then
  await new Promise((resolve) => { setImmediate(resolve) })
  expect([track.received.length, channel.delivery.ready]).toEqual([0, 3])
  Object.assign(state, { slots: 1, fenced: false })
  tell()
  await done()
  expect(sizes(track)).toEqual([3])
})

test('what it measures is under its name', async () => {
  const { metrics, publish, done } = channelOf('transactional')
  app.respond = (...given) => answer(app.received.length === 1 ? 429 : 200, '{}', { 'retry-after': '0' })(...given)
  publish(email(1))
  await done()
  const text = await metrics.registry.metrics()
  for (const line of ['attempts_total{api="transactional",status="429"} 1', 'attempts_total{api="transactional",status="200"} 1', 'throttled_total{api="transactional"} 1',
    'request_events_count{api="transactional"} 2', 'limiter_wait_seconds_count{api="transactional"} 2', 'events_total{type="email",outcome="delivered"} 1']) {
    expect(text).toContain(`customerio_worker_${line}`)
  }
  expect(text).not.toContain('api="track"')
})

test('closed, it has no connections any more', async () => {
  const { channel, publish, done } = channelOf('track')
  publish(person(1))
  await done()
  expect(track.sockets.size).toBe(1)
  const ended = new Promise((resolve) => { for (const socket of track.sockets) socket.once('close', resolve) })
  await channel.close()
  await ended
  expect(track.sockets.size).toBe(0)
})
