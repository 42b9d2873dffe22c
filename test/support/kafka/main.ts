// One broker by hand: node test/support/kafka/main.ts
// Prints KAFKA_BROKERS=host:port when it serves (progress goes to stderr), and ends it on SIGTERM, SIGINT or, when stdin is a
// pipe, at the end of stdin.
import { serveUntilTold } from '../serve-until-told.ts'
import { startTestKafka } from './index.ts'

const kafka = await startTestKafka({ log: (line) => console.error(line) }).catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
console.log(`KAFKA_BROKERS=${kafka.brokers.join(',')}`)
serveUntilTold(async () => kafka.stop())
