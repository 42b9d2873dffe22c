// Events for chosen partitions: as many as it takes for work to be waiting in each of them at any moment, or so many a second.

import { setTimeout as wait } from 'node:timers/promises'
import { Partitioners } from 'kafkajs'
import type { Arrival } from '../stand-in/account.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import type { StandInProcess } from '../support/stand-in.ts'
import { trackOf, type TrafficItem } from '../support/traffic.ts'

/** What a partition gets. `waiting`: events that are always there to be delivered; `perSecond`: so many new ones. */
export type Supply = { waiting: number } | { perSecond: number }

export interface Feed {
  /** In the order of publishing. */
  readonly published: readonly TrafficItem[]
  /** From now on, by partition; the others get nothing. Resolves when what is to be waiting has been published. */
  supply(plan: ReadonlyMap<number, Supply>): Promise<void>
  /** Events of the partition that were published and not accepted yet, as of the last look, some 250 ms ago. */
  left(partition: number): number
  /** Publishes no more; resolves when all of it is acknowledged. */
  stop(): Promise<void>
}

export interface FeedOptions {
  brokers: string[]
  topic: string
  standIn: StandInProcess
  signal: AbortSignal
}

const EVERY_MS = 250
/** More than a minute. */
const MOST_RETRIES = 40
/** In a partition. Their lanes run side by side, so that one partition alone can use a whole limit. */
const PEOPLE = 60
/** One in so many events is bad: it becomes a dead letter. */
const BAD_EVERY = 100
/** Ids as the generated traffic has them, so that one in a log is noticed. */
const FIRST_ID = 100_000

export async function openFeed({ brokers, topic, standIn, signal }: FeedOptions): Promise<Feed> {
  const kafka = kafkaClient(brokers, 'feed', MOST_RETRIES)
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true, allowAutoTopicCreation: false })
  await producer.connect()
  const published: TrafficItem[] = []
  const made = new Map<number, number>()
  const accepted = new Map<number, number>()
  let plan: ReadonlyMap<number, Supply> = new Map()
  let seen = 0
  let lastAt = performance.now()
  const owed = new Map<number, number>()
  const stopped = new AbortController()
  const over = AbortSignal.any([signal, stopped.signal])

  const left = (partition: number): number => (made.get(partition) ?? 0) - (accepted.get(partition) ?? 0)

  const make = (partition: number): TrafficItem => {
    const index = made.get(partition) ?? 0
    const person = `cus_${FIRST_ID + partition * PEOPLE + (index % PEOPLE)}`
    const marker = `m-${partition}-${index}`
    const isBad = index % BAD_EVERY === BAD_EVERY - 1
    made.set(partition, index + 1)
    // a dead letter is no request: for the count it is done
    if (isBad) accepted.set(partition, (accepted.get(partition) ?? 0) + 1)
    const item = trackOf(person, marker, isBad ? { flaw: 'not JSON' } : {})
    return isBad ? { ...item, value: Buffer.from('{') } : item
  }

  const dueIn = (partition: number, supply: Supply, elapsedMs: number): number => {
    if ('waiting' in supply) return Math.max(0, supply.waiting - left(partition))
    const all = (owed.get(partition) ?? 0) + (supply.perSecond * elapsedMs) / 1_000
    owed.set(partition, all % 1)
    return Math.floor(all)
  }

  const tick = async (): Promise<void> => {
    const now = performance.now()
    const elapsedMs = now - lastAt
    lastAt = now
    await Promise.all([...plan].map(async ([partition, supply]) => {
      const items = Array.from({ length: dueIn(partition, supply, elapsedMs) }, () => make(partition))
      for (const item of items) published.push(item)
      if (items.length === 0) return
      await producer.send({ topic, acks: -1, messages: items.map(({ key, value, headers }) => ({ key, value, headers, partition })) })
    }))
  }

  const look = async (): Promise<void> => {
    const news: Arrival[] = await standIn.arrivals(seen)
    for (const { marker, status } of news) {
      // refused, or answered later on: the count is off by little, and only until the run ends
      if (marker === null || (status !== null && status >= 300)) continue
      const partition = Number(marker.split('-')[1])
      accepted.set(partition, (accepted.get(partition) ?? 0) + 1)
    }
    seen += news.length
  }

  // one after the other: a person's events must be published in their order
  let turn: Promise<void> = Promise.resolve()
  const next = (act: () => Promise<void>): Promise<void> => {
    turn = turn.then(act)
    return turn
  }
  const running = (async () => {
    while (!over.aborted) {
      await next(async () => {
        await look()
        if (!over.aborted) await tick()
      })
      await wait(EVERY_MS, undefined, { signal: over }).catch(() => undefined)
    }
  })()
  running.catch(() => undefined)

  return {
    published,
    left,
    supply: async (wanted) => {
      await Promise.race([next(async () => {
        plan = wanted
        await tick()
      }), running])
    },
    stop: async () => {
      stopped.abort()
      await running
      await producer.disconnect()
    },
  }
}
