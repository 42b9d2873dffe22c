import BrokerPool from 'kafkajs/src/cluster/brokerPool.js'
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js'
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
import { patchClock } from '../../src/kafka/client/patch-clock.ts'

const HOUR = 3_600_000
const logger = { namespace: () => logger, debug: () => {} }

beforeAll(patchClock)
beforeEach(() => jest.useFakeTimers({ now: 1_700_000_000_000 }))
afterEach(() => jest.useRealTimers())

const step = (ms: number) => jest.setSystemTime(Date.now() + ms)

describe.each([['back', -HOUR], ['forward', HOUR]])('the wall clock steps %s by an hour', (_, ms) => {
  test('heartbeats keep their interval', async () => {
    const beats: number[] = []
    const group = new ConsumerGroup({ cluster: {}, instrumentationEmitter: { emit: () => {} }, topics: [], logger, retry: {} })
    Object.assign(group, { memberId: 'me', coordinator: { heartbeat: async () => void beats.push(performance.now()) } })
    step(ms)
    await group.heartbeat({ interval: 500 })
    expect(beats).toHaveLength(0)
    jest.advanceTimersByTime(500)
    await group.heartbeat({ interval: 500 })
    await group.heartbeat({ interval: 500 })
    expect(beats).toHaveLength(1)
  })

  test('a request that is under way times out when its own time is over, and a throttle ends when the broker said', () => {
    const queue = new RequestQueue({ maxInFlightRequests: null, requestTimeout: 1_000, enforceRequestTimeout: true, clientId: '', broker: '', logger })
    queue.scheduleRequestTimeoutCheck()
    const reject = jest.fn()
    queue.push({ entry: { correlationId: 1, reject }, expectResponse: true, sendRequest: () => {} })
    queue.maybeThrottle(2_000)
    step(ms)
    jest.advanceTimersByTime(900)
    expect(reject).not.toHaveBeenCalled()
    jest.advanceTimersByTime(300)
    expect(reject).toHaveBeenCalledWith(expect.objectContaining({ name: 'KafkaJSRequestTimeoutError' }))
    expect(queue.canSendSocketRequestImmediately()).toBe(false)
    jest.advanceTimersByTime(900)
    expect(queue.canSendSocketRequestImmediately()).toBe(true)
    queue.destroy()
  })

  test('metadata is renewed when it is too old, and not before', async () => {
    const pool = new BrokerPool({ connectionPoolBuilder: {}, logger, retry: {}, metadataMaxAge: 1_000 })
    const refreshMetadata = jest.fn()
    Object.assign(pool, { metadata: { topicMetadata: [] }, metadataExpireAt: Date.now() + 1_000, refreshMetadata })
    step(ms)
    jest.advanceTimersByTime(900)
    await pool.refreshMetadataIfNecessary([])
    expect(refreshMetadata).not.toHaveBeenCalled()
    jest.advanceTimersByTime(200)
    await pool.refreshMetadataIfNecessary([])
    expect(refreshMetadata).toHaveBeenCalledTimes(1)
  })
})

test('what is not set stays so', () => {
  const pool = new BrokerPool({ connectionPoolBuilder: {}, logger, retry: {}, metadataMaxAge: 1_000 })
  expect(pool.metadataExpireAt).toBeNull()
  pool.metadataExpireAt = Date.now() + 5
  expect(pool.metadataExpireAt).toBe(Date.now() + 5)
  pool.metadataExpireAt = null
  expect(pool.metadataExpireAt).toBeNull()
})
