// The Kafka client of the tests themselves.

import { Kafka, logLevel } from 'kafkajs'
import { patchConnection } from '../../src/kafka/client/patch-connection.ts'
import { patchRequestQueue } from '../../src/kafka/client/patch-request-queue.ts'

// Without it each connection prints warnings on Node 24.
patchRequestQueue()
// Without it a client may wait 30 s for a broker that was killed and is back.
patchConnection()

/**
 * A quiet client. Its retries are said in full because kafkajs hardly retries at all by default when NODE_ENV is "test".
 * @param retries 8 are some 9 s
 */
export function kafkaClient(brokers: string[], clientId: string, retries = 8): Kafka {
  return new Kafka({ clientId, brokers, logLevel: logLevel.NOTHING, retry: { retries, initialRetryTime: 100, maxRetryTime: 2_000 } })
}
