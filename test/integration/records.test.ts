// What Kafka may hold: every codec, records that can't be inflated, the largest, transactions, offsets that are gone.

import kafkajs from 'kafkajs'
import { setTimeout as wait } from 'node:timers/promises'
import { registerCodecs } from '../../src/kafka/client/codecs.ts'
import { withAdmin } from '../support/kafka/admin.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { openScenario, type Scenario } from '../support/scenario.ts'

const { CompressionTypes } = kafkajs
let scenario: Scenario
beforeAll(() => registerCodecs(64 * 1024 * 1024))
beforeEach(async () => { scenario = await openScenario({ partitions: 1, limit: 50 }) })
afterEach(async () => scenario.close())

const track = (marker: string, properties: object = {}) => JSON.stringify({ type: 'track', userId: 'u', payload: { event: 'e', properties: { ...properties, _marker: marker } } })

async function produce(compression: number, values: (string | Buffer)[], headers: Record<string, string> = {}): Promise<void> {
  const producer = kafkaClient(scenario.brokers, 'records').producer({ allowAutoTopicCreation: false, createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic: scenario.topic, acks: -1, compression, messages: values.map((value) => ({ key: 'k', value, headers })) })
  await producer.disconnect()
}

const markers = async () => (await scenario.standIn.arrivals()).filter(({ status }) => status === 200).map(({ marker }) => marker)
const until = async (holds: () => Promise<boolean>) => { while (!(await holds())) await wait(100) }
const committed = async () => withAdmin(scenario.brokers, async (admin) => Number((await admin.fetchOffsets({ groupId: scenario.group, topics: [scenario.topic] }))[0]?.partitions[0]?.offset))

test('gzip, snappy, lz4 and zstd', async () => {
  for (const [name, type] of Object.entries(CompressionTypes)) await produce(type as number, [track(`${name}-1`), track(`${name}-2`)])
  await scenario.addWorker()
  await scenario.delivered(10)
  expect(await markers()).toEqual(Object.keys(CompressionTypes).flatMap((name) => [`${name}-1`, `${name}-2`]))
}, 60_000)

test.each(['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const)('a %s batch that inflates over the bound becomes letters with its packed bytes; the rest goes on', async (name) => {
  const bomb = ' '.repeat(1_500_000)
  await produce(CompressionTypes[name], [`${bomb}1`, `${bomb}2`], { marker: 'bomb' })
  await produce(CompressionTypes.None, [track('after')])
  await scenario.addWorker({ INFLATE_LIMIT_BYTES: '1048576' })
  await scenario.delivered(1)
  expect(await markers()).toEqual(['after'])
  const letters = await scenario.letters()
  expect(letters.map(({ headers }) => [headers['cio-dlq-reason'], headers['cio-dlq-offset']]).toSorted()).toEqual([['undecodable', '0'], ['undecodable', '1']])
  expect(letters.some(({ value }) => (value?.length ?? 0) > 50)).toBe(true)
}, 60_000)

test('the largest record that the broker takes: its letter has key, value and headers untouched', async () => {
  const value = Buffer.from(track('big', { text: 'x'.repeat(1_048_200) }))
  await produce(CompressionTypes.None, [value], { marker: 'big', trace: 'abc' })
  await scenario.addWorker()
  await until(async () => (await scenario.letters()).length > 0)
  const [letter] = await scenario.letters()
  expect(letter?.value?.equals(value)).toBe(true)
  expect(letter?.key?.toString()).toBe('k')
  expect(letter?.headers).toMatchObject({
    marker: 'big', trace: 'abc', 'cio-dlq-reason': 'event_too_large', 'cio-dlq-topic': scenario.topic, 'cio-dlq-partition': '0', 'cio-dlq-offset': '0',
    'cio-dlq-attempts': '0', 'cio-dlq-replay-count': '0', 'cio-dlq-http-status': '', 'cio-dlq-worker-version': expect.stringMatching(/^\d+\.\d+\.\d+/),
  })
}, 60_000)

test('transactions: aborted records are not delivered, and control records leave no lag', async () => {
  const producer = kafkaClient(scenario.brokers, 'records').producer({ transactionalId: scenario.group, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const [marker, keep] of [['kept-1', true], ['dropped', false], ['kept-2', true], ['dropped-at-the-end', false]] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: scenario.topic, messages: [{ key: 'k', value: track(marker) }] })
    await (keep ? transaction.commit() : transaction.abort())
  }
  await producer.disconnect()
  await scenario.addWorker()
  await scenario.delivered(2)
  await until(async () => (await committed()) === 8)
  expect(await markers()).toEqual(['kept-1', 'kept-2'])
}, 60_000)

test('offsets that retention deleted before they were read: counted as a gap, said once, and reading goes on', async () => {
  await produce(CompressionTypes.None, [track('read')])
  const first = await scenario.addWorker()
  await scenario.delivered(1)
  await first.stop()
  await produce(CompressionTypes.None, [track('lost-1'), track('lost-2'), track('kept')])
  await withAdmin(scenario.brokers, async (admin) => {
    await admin.fetchTopicOffsets(scenario.topic) // kafkajs loads the metadata that deleting needs
    await admin.deleteTopicRecords({ topic: scenario.topic, partitions: [{ partition: 0, offset: '3' }] })
  })
  const second = await scenario.addWorker()
  await scenario.delivered(2)
  expect(await markers()).toEqual(['read', 'kept'])
  expect(await second.metrics()).toMatch(/^customerio_worker_offset_gap_records_total 2$/m)
  expect(second.logs.filter(({ msg }) => msg === 'records were deleted before this group had read them')).toHaveLength(1)
}, 60_000)
