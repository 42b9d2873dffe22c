// Reads a whole topic once, such as the dead letters after a run.

import type { Kafka } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { kafkaClient } from './kafka-client.ts'

export interface TopicRecord {
  partition: number
  offset: bigint
  /** The record's own time, ms since 1970. */
  timestamp: number
  key: Buffer | null
  value: Buffer | null
  /** As UTF-8 text. Of a header that is there several times, the last. */
  headers: Record<string, string>
}

const deadlineMs = 30_000

/**
 * Everything in `topic` from the earliest record to the end as it was when the call began, by partition, then offset.
 * Rejects if that takes longer than 30 s.
 */
export async function readTopic(brokers: string[], topic: string): Promise<TopicRecord[]> {
  const kafka = kafkaClient(brokers, 'topic-reader')
  const admin = kafka.admin()
  await admin.connect()
  try {
    const ends = new Map<number, bigint>()
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      if (BigInt(low) < BigInt(high)) ends.set(partition, BigInt(high))
    }
    if (ends.size === 0) return []
    const groupId = `topic-reader-${randomUUID()}`
    const records = await consumeUpTo(kafka, groupId, topic, ends)
    await admin.deleteGroups([groupId])
    return records.toSorted((a, b) => a.partition - b.partition || Number(a.offset - b.offset))
  } finally {
    await admin.disconnect()
  }
}

async function consumeUpTo(kafka: Kafka, groupId: string, topic: string, ends: Map<number, bigint>): Promise<TopicRecord[]> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry: { retries: 5, initialRetryTime: 100 } })
  // By place: a rejoin of the group would read what was read before.
  const records = new Map<string, TopicRecord>()
  const open = new Set(ends.keys())
  const { promise: allRead, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(
    () => reject(new Error(`${topic} was not read within ${deadlineMs} ms; ${open.size} partitions are open`)),
    deadlineMs,
  )
  consumer.on('consumer.crash', ({ payload }) => {
    if (!payload.restart) reject(payload.error)
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const end = ends.get(batch.partition) ?? 0n
        for (const { offset, timestamp, key, value, headers } of batch.messages) {
          if (BigInt(offset) >= end || !open.has(batch.partition)) continue
          records.set(`${batch.partition}:${offset}`, {
            partition: batch.partition,
            offset: BigInt(offset),
            timestamp: Number(timestamp),
            key,
            value,
            headers: textHeaders(headers ?? {}),
          })
        }
        if (BigInt(batch.lastOffset()) + 1n >= end) open.delete(batch.partition)
        if (open.size === 0) resolve()
      },
    })
    await allRead
  } finally {
    clearTimeout(timer)
    await consumer.disconnect()
  }
  return [...records.values()]
}

function textHeaders(headers: Record<string, Buffer | string | (Buffer | string)[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String((Array.isArray(value) ? value.at(-1) : value) ?? '')]),
  )
}
