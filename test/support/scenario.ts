// One run of real workers between a real Kafka and the stand-in: set up, acted upon, judged by what arrived, and cleared away.

import { setTimeout as wait } from 'node:timers/promises'
import type { FaultPlan } from '../stand-in/faults.ts'
import { publish, type PublishOptions } from './publish.ts'
import { readTopic, type TopicRecord } from './read-topic.ts'
import { credentials, openTopics, workerEnvironment, type Topics } from './stage.ts'
import { startStandIn, type StandInProcess } from './stand-in.ts'
import { deleteGroups, deleteTopics } from './topics.ts'
import { generateTraffic, type TrafficItem, type TrafficOptions } from './traffic.ts'
import { computeVerdict, type Verdict } from './verdict.ts'
import { startWorker, type WorkerProcess } from './worker-process.ts'

/** Tests run short sessions, so that the end of a killed worker is noticed within seconds. The fence is then 3 s. */
const fastSessions = {
  KAFKA_SESSION_TIMEOUT_MS: '5000', KAFKA_HEARTBEAT_INTERVAL_MS: '500', KAFKA_REBALANCE_TIMEOUT_MS: '15000',
  REQUEST_TIMEOUT_MS: '1000', LATEST_ARRIVAL_MS: '1500', LONGEST_PAUSE_MS: '500', RETRY_BASE_MS: '200', COMMIT_INTERVAL_MS: '200',
}

export interface ScenarioOptions {
  /** Requests that the stand-in allows in any second. Default 200. */
  limit?: number
  /** Default 12. */
  partitions?: number
  faults?: FaultPlan
  /** Settings on top of those of every worker. */
  env?: Record<string, string>
}

export interface Scenario extends Topics {
  brokers: string[]
  standIn: StandInProcess
  /** Everything published so far. */
  published: TrafficItem[]
  /** Those that were not stopped or killed through the scenario are killed at its end. */
  workers: WorkerProcess[]
  /** Publishes generated traffic. */
  publish(options: TrafficOptions & PublishOptions): Promise<void>
  publishItems(items: TrafficItem[]): Promise<void>
  addWorker(env?: Record<string, string>): Promise<WorkerProcess>
  letters(): Promise<TopicRecord[]>
  verdict(): Promise<Verdict>
  /** Resolves once the stand-in has accepted so many requests; rejects after 60 s. */
  delivered(count: number): Promise<void>
  /** Resolves with the verdict once every published event has its outcome, or when `withinMs` (default 60 s) is over. */
  done(withinMs?: number): Promise<Verdict>
  close(): Promise<void>
}

export function testBrokers(): string[] {
  const brokers = process.env.TEST_KAFKA_BROKERS
  if (!brokers) throw new Error('TEST_KAFKA_BROKERS is not set: run `make test`, or start a Kafka by `node test/support/kafka/main.ts`')
  return brokers.split(',')
}

export async function openScenario({ limit = 200, partitions = 12, faults = { latencyMs: [20, 50] }, env = {} }: ScenarioOptions = {}): Promise<Scenario> {
  const brokers = testBrokers()
  const topics = await openTopics(brokers, partitions)
  const standIn = await startStandIn({ ...credentials, limit, windowMs: 1_000, seed: 1, faults })
  const published: TrafficItem[] = []
  const workers: WorkerProcess[] = []
  const base = { ...workerEnvironment({ brokers, ...topics, url: standIn.url, limit }), ...fastSessions, ...env }

  const accepted = async () => {
    const { byStatus } = await standIn.account()
    return Object.entries(byStatus).reduce((sum, [status, count]) => sum + (status.startsWith('2') ? count : 0), 0)
  }
  const letters = async () => readTopic(brokers, topics.letterTopic)
  const verdict = async () => computeVerdict({ published, arrivals: await standIn.arrivals(), letters: await letters(), limit, windowMs: 1_000 })
  const publishItems = async (items: TrafficItem[], options: PublishOptions = {}) => {
    published.push(...items)
    await publish(brokers, topics.topic, items, options)
  }

  return {
    brokers, ...topics, standIn, published, workers, letters, verdict,
    publish: async ({ ratePerSecond, signal, onPublished, ...traffic }) =>
      publishItems(generateTraffic(traffic), { ...(ratePerSecond && { ratePerSecond }), ...(signal && { signal }), ...(onPublished && { onPublished }) }),
    publishItems: async (items) => publishItems(items),
    addWorker: async (more = {}) => {
      const name = `worker-${workers.length + 1}`
      const worker = await startWorker({ name, env: { ...base, KAFKA_CLIENT_ID: name, ...more } })
      workers.push(worker)
      return worker
    },
    delivered: async (count) => {
      const deadline = performance.now() + 60_000
      for (let now = await accepted(); now < count; now = await accepted()) {
        if (performance.now() > deadline) throw new Error(`only ${now} of ${count} were delivered within 60 s`)
        await wait(20)
      }
    },
    done: async (withinMs = 60_000) => {
      const deadline = performance.now() + withinMs
      for (;;) {
        const { requests } = await standIn.account()
        // judging reads two topics, so it is done only when the count allows it
        if (requests >= published.filter(({ expect }) => expect === 'delivered').length || performance.now() > deadline) {
          const now = await verdict()
          if (now.lost.count === 0 || performance.now() > deadline) return now
        }
        await wait(250)
      }
    },
    close: async () => {
      await Promise.all(workers.map(async (worker) => worker.kill()))
      await standIn.stop()
      await deleteGroups(brokers, [topics.group]).catch(() => undefined)
      await deleteTopics(brokers, [topics.topic, topics.letterTopic])
    },
  }
}
