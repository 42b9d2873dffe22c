// The Kafka client of the tests themselves.

import { Kafka, logLevel } from 'kafkajs'
import { patchRequestQueue } from '../../src/kafka/client/patch-request-queue.ts'

// Without it each connection prints warnings on Node 24.
patchRequestQueue()

/** A quiet client. Its retries are said in full because kafkajs hardly retries at all by default when NODE_ENV is "test". */
export function kafkaClient(brokers: string[], clientId: string): Kafka {
  return new Kafka({ clientId, brokers, logLevel: logLevel.NOTHING, retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 } })
}
