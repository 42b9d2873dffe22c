// Looks at the run from outside: the stand-in's account, Kafka's offsets, and of the workers only who holds what.

import type { Admin, Kafka } from 'kafkajs'
import type { Arrival } from '../stand-in/account.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { isAccepted } from '../support/matching.ts'
import type { Fleet, Member } from './fleet.ts'
import type { Stage } from './stage.ts'

export interface Snapshot {
  /** The stand-in's clock, ms. */
  serverNow: number
  /** Requests in the last second, or operations, whichever the limit counts. */
  rate: number
  /** Different events accepted. */
  delivered: number
  /** Requests beyond an event's first. */
  sentAgain: number
  /** Different events with a dead letter. */
  deadLettered: number
  /** Records in Kafka that the group has not committed. */
  lag: number
  workers: { name: string; state: Member['state']; slots: number; partitions: number[] }[]
}

export interface Watch {
  look(): Promise<Snapshot>
  close(): Promise<void>
}

export async function openWatch({ kafka, standIn, topic, letterTopic, group }: Stage, fleet: Fleet): Promise<Watch> {
  const client = kafkaClient(kafka.brokers, 'demo')
  const admin = client.admin()
  await admin.connect()
  const letters = await followLetters(client, letterTopic, `${group}-demo`)
  const tally = createTally()
  return {
    look: async () => {
      const [account, fresh, lag, workers] = await Promise.all([
        standIn.account(),
        standIn.arrivals(tally.from()),
        countLag(admin, topic, group),
        Promise.all(fleet.members.map(lookAt)),
      ])
      tally.add(fresh, account.now)
      return { serverNow: account.now, rate: account.rateLast, ...tally.counts(), deadLettered: letters.markers.size, lag, workers }
    },
    close: async () => {
      await letters.stop()
      await admin.disconnect()
    },
  }
}

// The longest answer of the stand-in takes below a second; what has none by then was cut off.
const answeredWithinMs = 5_000

/** Counts arrivals bit by bit: those under way are fetched again next time, until they are answered or given up. */
function createTally() {
  let settled = 0
  let requests = 0
  const seen = new Set<string>()
  const accepted = new Set<string>()
  return {
    from: () => settled,
    add(arrivals: Arrival[], now: number): void {
      requests = settled + arrivals.length
      let isSettled = true
      for (const arrival of arrivals) {
        isSettled &&= arrival.answeredAt !== null || now - arrival.at > answeredWithinMs
        if (isSettled) settled = arrival.n + 1
        const event = arrival.marker ?? `${arrival.operation} ${arrival.person}`
        seen.add(event)
        if (isAccepted(arrival)) accepted.add(event)
      }
    },
    counts: () => ({ delivered: accepted.size, sentAgain: requests - seen.size }),
  }
}

/** Reads the dead letters as they come. By marker, since one may be there twice after a partition changed hands. */
async function followLetters(client: Kafka, topic: string, groupId: string): Promise<{ markers: Set<string>; stop: () => Promise<void> }> {
  const markers = new Set<string>()
  const consumer = client.consumer({ groupId, maxWaitTimeInMs: 250 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void markers.add(String(message.headers?.marker)) })
  return { markers, stop: () => consumer.disconnect() }
}

async function countLag(admin: Admin, topic: string, group: string): Promise<number> {
  const [ends, commits] = await Promise.all([admin.fetchTopicOffsets(topic), admin.fetchOffsets({ groupId: group, topics: [topic] })])
  const committed = new Map(commits[0]?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  return ends.reduce((sum, { partition, high, low }) => sum + Number(high) - Math.max(Number(low), committed.get(partition) ?? 0), 0)
}

/** What a worker holds, by its /metrics: nothing if it does not answer. */
async function lookAt({ name, state, process: worker }: Member): Promise<Snapshot['workers'][number]> {
  const metrics = state === 'running' ? await worker?.metrics().catch(() => '') : ''
  const slots = Number(/^customerio_worker_slots_owned\{api="track"\} (\d+)/m.exec(metrics ?? '')?.[1] ?? 0)
  const owned = (metrics ?? '').matchAll(/^customerio_worker_partition_lag_records\{partition="(\d+)"\}/gm)
  return { name, state, slots, partitions: [...owned].map(([, partition]) => Number(partition)).toSorted((a, b) => a - b) }
}
