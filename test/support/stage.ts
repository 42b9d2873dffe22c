// What every run of workers needs: topics of its own, and the settings that point a worker at them and at the stand-in.

import { createTopics, uniquePrefix } from './topics.ts'

export interface Topics {
  topic: string
  letterTopic: string
  group: string
}

export const credentials = { siteId: 'test-site', apiKey: 'test-key-not-secret' }

/** Kafka's default for the largest batch; a dead letter is its record and some headers, so its topic takes 64 KiB more. */
const largestBatch = 1_048_588
const largestLetter = largestBatch + 65_536

export async function openTopics(brokers: string[], partitions: number): Promise<Topics> {
  const prefix = uniquePrefix()
  const names = { topic: `${prefix}-events`, letterTopic: `${prefix}-dlq`, group: `${prefix}-workers` }
  await createTopics(brokers, [
    { topic: names.topic, partitions, config: { 'max.message.bytes': String(largestBatch) } },
    { topic: names.letterTopic, partitions: 3, config: { 'max.message.bytes': String(largestLetter) } },
  ])
  return names
}

/**
 * TEST_DELIVERY_MODE. By default one event a request: then a run takes as long as the limit makes it, and there is a middle of it in which something can
 * happen. In batches each operation takes a slot, for the same cause; what batches are at a limit of requests has tests of its own.
 */
export const deliveryMode = (): 'single' | 'batch' => (process.env.TEST_DELIVERY_MODE === 'batch' ? 'batch' : 'single')
const modeEnvironment = (): Record<string, string> => (deliveryMode() === 'batch' ? { DELIVERY_MODE: 'batch', RATE_LIMIT_UNIT: 'operation' } : { DELIVERY_MODE: 'single' })
/** What the stand-in counts. */
export const countedUnit = (): 'request' | 'operation' => (deliveryMode() === 'batch' ? 'operation' : 'request')

/** The settings without which a worker does not start, or does not reach the stage; all else is as in production. */
export function reachEnvironment(stage: Topics & { brokers: string[]; url: string; limit: number }): Record<string, string> {
  return {
    KAFKA_BROKERS: stage.brokers.join(','),
    KAFKA_TOPIC: stage.topic,
    KAFKA_DLQ_TOPIC: stage.letterTopic,
    KAFKA_GROUP_ID: stage.group,
    CUSTOMERIO_SITE_ID: credentials.siteId,
    CUSTOMERIO_API_KEY: credentials.apiKey,
    CUSTOMERIO_REGION: 'us',
    CUSTOMERIO_URL: stage.url,
    RATE_LIMIT: String(stage.limit),
    RATE_LIMIT_RESERVE: '0',
    ...modeEnvironment(),
    HTTP_PORT: '0',
    HTTP_HOST: '127.0.0.1',
  }
}

/** The settings of a worker. The time-outs are short, so that the end of a killed one is noticed within seconds. */
export function workerEnvironment(stage: Parameters<typeof reachEnvironment>[0]): Record<string, string> {
  return {
    ...reachEnvironment(stage),
    KAFKA_SESSION_TIMEOUT_MS: '8000',
    KAFKA_HEARTBEAT_INTERVAL_MS: '1000',
    KAFKA_REBALANCE_TIMEOUT_MS: '20000',
    RATE_LIMIT_SHARE: 'partitions',
    REQUEST_TIMEOUT_MS: '2000',
    LATEST_ARRIVAL_MS: '3000',
    LONGEST_PAUSE_MS: '1000',
    RETRY_BASE_MS: '500',
    LAG_INTERVAL_MS: '1000',
  }
}
