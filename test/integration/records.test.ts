// Batches that can't be inflated: they say nothing of what was in them, so the fault suite can't judge them.

import kafkajs from 'kafkajs'
import { registerCodecs } from '../../src/kafka/client/codecs.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { openScenario, type Scenario } from '../support/scenario.ts'

const { CompressionTypes } = kafkajs
let scenario: Scenario
beforeAll(() => registerCodecs(64 * 1024 * 1024))
beforeEach(async () => { scenario = await openScenario({ partitions: 1, limit: 50 }) })
afterEach(async () => scenario.close())

const track = (marker: string) => JSON.stringify({ type: 'track', userId: 'u', payload: { event: 'e', properties: { _marker: marker } } })

async function produce(compression: number, values: (string | Buffer)[], headers: Record<string, string> = {}): Promise<void> {
  const producer = kafkaClient(scenario.brokers, 'records').producer({ allowAutoTopicCreation: false, createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic: scenario.topic, acks: -1, compression, messages: values.map((value) => ({ key: 'k', value, headers })) })
  await producer.disconnect()
}

const markers = async () => (await scenario.standIn.arrivals()).filter(({ status }) => status === 200).map(({ marker }) => marker)

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
