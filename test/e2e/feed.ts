// Events for as long as the run goes on: a steady trickle, and bursts.

import { publish } from '../support/publish.ts'
import { generateTraffic, type TrafficItem } from '../support/traffic.ts'

export interface Feed {
  /** In the order of publishing. */
  readonly published: readonly TrafficItem[]
  /** So many at once, after those that are under way. Resolves when all are acknowledged. */
  burst(events: number): Promise<void>
  /** Publishes no more; resolves when all of it is acknowledged. */
  stop(): Promise<void>
}

export interface FeedOptions {
  brokers: string[]
  topic: string
  perSecond: number
  signal: AbortSignal
}

/** More than a run needs. */
const MOST_EVENTS = 60_000
const PEOPLE = 400
const BAD_SHARE = 0.01
const CHUNK_SECONDS = 3

export function openFeed({ brokers, topic, perSecond, signal }: FeedOptions): Feed {
  const traffic = generateTraffic({ events: MOST_EVENTS, people: PEOPLE, badShare: BAD_SHARE, seed: 7 })
  const published: TrafficItem[] = []
  const bursts: { events: number; done: () => void; failed: (error: unknown) => void }[] = []
  const stopped = new AbortController()
  const over = AbortSignal.any([signal, stopped.signal])

  const send = async (events: number, pace: { ratePerSecond?: number }): Promise<void> => {
    const items = traffic.slice(published.length, published.length + events)
    published.push(...items)
    await publish(brokers, topic, items, pace)
  }
  // one after the other: a person's events must be published in their order
  const running = (async () => {
    while (!over.aborted) {
      const burst = bursts.shift()
      if (burst === undefined) await send(perSecond * CHUNK_SECONDS, { ratePerSecond: perSecond })
      else await send(burst.events, {}).then(burst.done, burst.failed)
    }
  })()
  running.catch(() => undefined)

  return {
    published,
    burst: async (events) => new Promise((done, failed) => {
      bursts.push({ events, done, failed })
      running.catch(failed)
    }),
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}
