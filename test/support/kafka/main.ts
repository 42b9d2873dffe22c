// One broker by hand: node test/support/kafka/main.ts
// Prints KAFKA_BROKERS=host:port when it serves (progress goes to stderr), and ends it on SIGTERM, SIGINT or, when stdin is a
// pipe, at the end of stdin.
import { fstatSync } from 'node:fs'
import { startTestKafka } from './index.ts'

const kafka = await startTestKafka({ log: (line) => console.error(line) }).catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
console.log(`KAFKA_BROKERS=${kafka.brokers.join(',')}`)

const stop = async (): Promise<void> => {
  await kafka.stop()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

// Not for a terminal (reading from it would stop a background job) nor for /dev/null (which is always at its end).
const stdin = fstatSync(0)
if (stdin.isFIFO() || stdin.isSocket()) process.stdin.on('end', stop).resume()

// A broker in Docker is nothing that Node waits for, and neither is a signal.
setInterval(() => {}, 60_000)
