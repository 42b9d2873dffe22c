// Puts traffic on a topic the way a careful producer does: acknowledged by all replicas, each record once, each key in order.

import { Partitioners, type Message } from 'kafkajs'
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

type Publishable = Pick<TrafficItem, 'key' | 'value' | 'headers'>

// Well below the broker's default of 1 MB a batch of one partition, even if all of it falls on one.
const mostBytesPerSend = 400_000
const mostRecordsPerSend = 500
const paceMs = 100

/**
 * Resolves when every record is acknowledged. The key decides the partition, by the default partitioner of kafkajs (that of the Java client).
 * The producer is idempotent: a retried send neither repeats nor reorders, so that what a verdict finds doubled was not doubled here.
 */
export async function publish(
  brokers: string[],
  topic: string,
  items: readonly Publishable[],
  options: PublishOptions = {},
): Promise<void> {
  const { ratePerSecond, signal, onPublished } = options
  const producer = kafkaClient(brokers, 'publisher').producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: true,
    allowAutoTopicCreation: false,
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 },
  })
  await producer.connect()
  try {
    const perSend = ratePerSecond === undefined ? mostRecordsPerSend : Math.max(1, Math.round((ratePerSecond * paceMs) / 1_000))
    const started = performance.now()
    let sent = 0
    for (const messages of batchesOf(items, perSend)) {
      if (signal?.aborted) return
      await producer.send({ topic, acks: -1, messages })
      sent += messages.length
      onPublished?.(messages.length)
      const early = ratePerSecond === undefined ? 0 : started + (sent / ratePerSecond) * 1_000 - performance.now()
      if (early > 0) await wait(early, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    await producer.disconnect()
  }
}

/** Splits `items` in order into sends of at most `mostRecords` records and about `mostBytesPerSend` bytes. */
function* batchesOf(items: readonly Publishable[], mostRecords: number): Generator<Message[]> {
  let batch: Message[] = []
  let bytes = 0
  for (const { key, value, headers } of items) {
    const size = (key?.length ?? 0) + (value?.length ?? 0)
    if (batch.length > 0 && (batch.length >= mostRecords || bytes + size > mostBytesPerSend)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ key, value, headers })
    bytes += size
  }
  if (batch.length > 0) yield batch
}
