import { ConfigResourceTypes } from 'kafkajs'
import type { EachMessagePayload } from 'kafkajs'
import { withAdmin } from '../support/kafka/admin.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { createTopics, deleteGroups, deleteTopics, uniquePrefix } from '../support/topics.ts'

const brokers = (process.env.TEST_KAFKA_BROKERS ?? '').split(',')

beforeAll(() => {
  if (!process.env.TEST_KAFKA_BROKERS) throw new Error('TEST_KAFKA_BROKERS is not set: `node test/support/kafka/main.ts` starts a Kafka')
})

test('topics are made as asked, carry records, and leave nothing behind', async () => {
  const prefix = uniquePrefix()
  const [topic, groupId] = [`${prefix}-events`, `${prefix}-group`]
  const kafka = kafkaClient(brokers, prefix)

  await createTopics(brokers, [{ topic, partitions: 3, config: { 'max.message.bytes': '2000000' } }])
  const configs = await withAdmin(brokers, (admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['max.message.bytes'] }],
    }),
  )
  expect(configs.resources[0]?.configEntries[0]?.configValue).toBe('2000000')

  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({
    topic,
    messages: ['a', 'b', 'c'].map((value, partition) => ({ partition, key: value, value, headers: { marker: `${prefix}-${value}` } })),
  })
  await producer.disconnect()

  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, maxWaitTimeInMs: 100 })
  const seen: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ partition, message }: EachMessagePayload) => {
      seen.push(`${partition} ${message.value} ${message.headers?.marker}`)
      if (seen.length === 3) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  expect(seen.toSorted()).toEqual([`0 a ${prefix}-a`, `1 b ${prefix}-b`, `2 c ${prefix}-c`])

  await expect(createTopics(brokers, [{ topic, partitions: 1 }])).rejects.toThrow('exist already')
  await deleteGroups(brokers, [groupId, `${prefix}-never-there`])
  await deleteTopics(brokers, [topic])

  const left = await withAdmin(brokers, async (admin) => [
    ...(await admin.listTopics()),
    ...(await admin.listGroups()).groups.map((group) => group.groupId),
  ])
  expect(left.filter((name) => name.startsWith(prefix))).toEqual([])
}, 20_000)
