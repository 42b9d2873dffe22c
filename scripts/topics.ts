// Makes the two topics of the worker's default settings, if they are not there yet: KAFKA_BROKERS=localhost:9092 node scripts/topics.ts
// The dead-letter topic takes 64 KiB more than the source: a letter is its record and some headers.
import { withAdmin } from '../test/support/kafka/admin.ts'
import { createTopics } from '../test/support/topics.ts'

const brokers = (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(',')
const wanted = [
  { topic: 'customerio-events', partitions: 12, config: { 'max.message.bytes': '1048588' } },
  { topic: 'customerio-events-dlq', partitions: 3, config: { 'max.message.bytes': '1114124' } },
]
const present = new Set(await withAdmin(brokers, async (admin) => admin.listTopics()))
const missing = wanted.filter(({ topic }) => !present.has(topic))
if (missing.length > 0) await createTopics(brokers, missing)
console.log(`${missing.map(({ topic }) => topic).join(', ') || 'nothing'} made`)
