// Puts traffic on a topic the way a careful producer does: acknowledged by all replicas, each record once, each key in order.

import { Partitioners, type Kafka, type Message } from 'kafkajs'
import { setTimeout as wait } from 'node:timers/promises'
import { kafkaClient } from './kafka-client.ts'
import type { TrafficItem } from './traffic.ts'

export interface PublishOptions {
  /** Records a second, spread evenly. Without it: as fast as the broker takes them. */
  ratePerSecond?: number
  /** Leaves what is not yet sent unsent. */
  signal?: AbortSignal
  /** Called after each acknowledged batch. */
  onPublished?: (records: number) => void
}

/** `partition` in place of the one that the key would choose; `timestamp` (ms since 1970) in place of now. */
type Publishable = Pick<TrafficItem, 'key' | 'value' | 'headers'> & { partition?: number; timestamp?: number }

// Well below the broker's default of 1 MB a batch of one partition, even if all of it falls on one.
const mostBytesPerSend = 400_000
const mostRecordsPerSend = 500
const paceMs = 100
/** More than a minute: a broker that a test ends comes back. */
const mostRetries = 40

/**
 * Resolves when every record is acknowledged. The key decides the partition, by the default partitioner of kafkajs (that of the Java client).
 * The producer is idempotent: a retried send neither repeats nor reorders, so that what a verdict finds doubled was not doubled here.
 */
export async function publish(
  brokers: string[],
  topic: string,
  items: Iterable<Publishable>,
  options: PublishOptions = {},
): Promise<void> {
  const { ratePerSecond, signal, onPublished } = options
  const kafka = kafkaClient(brokers, 'publisher', mostRetries)
  const partitionOf = await partitionerOf(kafka, topic)
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: true,
    allowAutoTopicCreation: false,
    retry: { retries: mostRetries, initialRetryTime: 100, maxRetryTime: 2_000 },
  })
  await producer.connect()
  try {
    const perSend = ratePerSecond === undefined ? mostRecordsPerSend : Math.max(1, Math.round((ratePerSecond * paceMs) / 1_000))
    const started = performance.now()
    let sent = 0
    for (const messages of batchesOf(items, perSend)) {
      if (signal?.aborted) return
      // one partition a send: when a leader moves, kafkajs would repeat or leave out others of the same send
      await Promise.all([...Map.groupBy(messages, partitionOf)].map(async ([partition, some]) =>
        producer.send({ topic, acks: -1, messages: some.map((message) => ({ ...message, partition })) })))
      sent += messages.length
      onPublished?.(messages.length)
      const early = ratePerSecond === undefined ? 0 : started + (sent / ratePerSecond) * 1_000 - performance.now()
      if (early > 0) await wait(early, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    await producer.disconnect()
  }
}

/** Chooses as kafkajs itself would. */
async function partitionerOf(kafka: Kafka, topic: string): Promise<(message: Message) => number> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const [metadata] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics
    const choose = Partitioners.DefaultPartitioner()
    return (message) => message.partition ?? choose({ topic, partitionMetadata: metadata!.partitions, message })
  } finally {
    await admin.disconnect()
  }
}

/** Splits `items` in order into sends of at most `mostRecords` records and about `mostBytesPerSend` bytes. */
function* batchesOf(items: Iterable<Publishable>, mostRecords: number): Generator<Message[]> {
  let batch: Message[] = []
  let bytes = 0
  for (const { key, value, headers, partition, timestamp } of items) {
    const size = (key?.length ?? 0) + (value?.length ?? 0)
    if (batch.length > 0 && (batch.length >= mostRecords || bytes + size > mostBytesPerSend)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ key, value, headers, ...(partition !== undefined && { partition }), ...(timestamp !== undefined && { timestamp: String(timestamp) }) })
    bytes += size
  }
  if (batch.length > 0) yield batch
}
