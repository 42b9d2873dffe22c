// What the parts share: one real Kafka, one sink, and topics that hold so many events.

import type { Admin } from 'kafkajs'
import type { Program } from '../load/program.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { startTestKafka } from '../support/kafka/index.ts'
import { publish } from '../support/publish.ts'
import { openTopics, type Topics } from '../support/stage.ts'
import { deleteGroups, deleteTopics } from '../support/topics.ts'
import { purchases } from './events.ts'
import { startSink, type Sink } from './sink-process.ts'

const PARTITIONS = 8

export interface BenchTopic extends Topics {
  readonly events: number
}

export interface BenchStage {
  readonly brokers: string[]
  readonly sink: Sink
  /** Connected. */
  readonly admin: Admin
  /** A topic with so many purchases: published once, whoever asks. */
  published(events: number): Promise<BenchTopic>
  /** An empty topic. */
  opened(): Promise<BenchTopic>
  /** The name of a group that has read nothing yet. */
  newGroup(id: string): string
}

export async function openStage(program: Program): Promise<BenchStage> {
  const kafka = await startTestKafka({ log: program.say })
  program.atEnd(kafka.stop)
  const { brokers } = kafka
  const sink = await startSink()
  program.atEnd(sink.stop)
  const admin = kafkaClient(brokers, 'bench').admin()
  await admin.connect()
  program.atEnd(async () => admin.disconnect())

  const groups: string[] = []
  const open = async (events: number): Promise<BenchTopic> => {
    const topics = await openTopics(brokers, PARTITIONS)
    program.atEnd(async () => deleteTopics(brokers, [topics.topic, topics.letterTopic]))
    return { ...topics, events }
  }
  // one that was killed is a member until its session ends
  program.atEnd(async () => deleteGroups(brokers, groups).catch(() => undefined))
  const topics = new Map<number, BenchTopic>()
  return {
    brokers, sink, admin,
    published: async (events) => {
      const found = topics.get(events)
      if (found) return found
      const topic = await open(events)
      program.say(`publishing ${events.toLocaleString('en-GB')} events ...`)
      await publish(brokers, topic.topic, purchases(events), { signal: program.signal })
      topics.set(events, topic)
      return topic
    },
    opened: async () => open(0),
    newGroup: (id) => {
      const group = `bench-${process.pid}-${groups.length}-${id}`
      groups.push(group)
      return group
    },
  }
}
