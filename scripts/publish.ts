// Puts events of an online shop on the topic customerio-events: KAFKA_BROKERS=localhost:9092 EVENTS=5000 node scripts/publish.ts
import { publish } from '../test/support/publish.ts'
import { generateTraffic } from '../test/support/traffic.ts'

const brokers = (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(',')
const events = Number(process.env.EVENTS ?? 1_000)
await publish(brokers, 'customerio-events', generateTraffic({ events, people: Math.ceil(events / 10), seed: Date.now() % 2 ** 31 }))
console.log(`${events} events published`)
