// One run of real workers between a real Kafka and the stand-in: set up, acted upon, judged by what arrived, and cleared away.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultPlan } from '../stand-in/faults.ts'
import { DEFAULT_LIMITS } from '../stand-in/server.ts'
import type { TestCluster } from './kafka/cluster.ts'
import { publish, type PublishOptions } from './publish.ts'
import { readTopic, type TopicRecord } from './read-topic.ts'
import { countedUnit, credentials, openTopics, workerEnvironment, type Topics } from './stage.ts'
import { startStandIn, type StandInProcess } from './stand-in.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import { deleteGroups, deleteTopics } from './topics.ts'
import { generateTraffic, type TrafficItem, type TrafficOptions } from './traffic.ts'
import { computeVerdict, type Evidence, type Verdict } from './verdict.ts'
import { recoveryMs } from './window.ts'
import { runWorker, startWorker, type Exit, type LogLine, type WorkerOptions, type WorkerProcess } from './worker-process.ts'

/** Tests run short sessions, so that the end of a killed worker is noticed within seconds. The fence is then 3.5 s. */
const fastSessions = {
  KAFKA_SESSION_TIMEOUT_MS: '6000', KAFKA_HEARTBEAT_INTERVAL_MS: '500', KAFKA_REBALANCE_TIMEOUT_MS: '15000',
  REQUEST_TIMEOUT_MS: '1000', LATEST_ARRIVAL_MS: '1500', LONGEST_PAUSE_MS: '1000', RETRY_BASE_MS: '200', COMMIT_INTERVAL_MS: '200',
}

/** Requests for this person are not made by workers: a test makes them, as another caller of the workspace. No verdict is passed on them. */
export const OTHER_CALLER = 'somebody-else'

const APP_KEY = 'test-app-key-not-secret'
const { transactional, general, broadcast } = DEFAULT_LIMITS

/** What may be asked of the App API's calls in any window. */
type AppLimits = NonNullable<Evidence['apis']>

export interface ScenarioOptions {
  /** Requests (or operations) that the stand-in allows in any second. Default 200. */
  limit?: number
  /** What the limit counts. Default: as the workers' mode wants it, see deliveryMode. */
  unit?: 'request' | 'operation'
  /** Default 12. */
  partitions?: number
  faults?: FaultPlan
  /** Of the faults' random draws. Default 1. */
  seed?: number
  /**
   * There if the workers call the App API (what of it, `env` says): its limits, for stand-in and workers alike. What is not given is as the
   * documentation has it.
   */
  apis?: AppLimits
  /** Another scenario, whose events this one's workers read as well, in a group of their own: to compare what comes of the same records. */
  twinOf?: Pick<Scenario, 'topic' | 'published'>
  /** Settings on top of those of every worker. */
  env?: Record<string, string>
  /** A Kafka of its own, in place of the one that all tests share. Closed by who opened it. */
  cluster?: Pick<TestCluster, 'direct' | 'addresses'>
  /** Reach the stand-in through `toStandIn`. */
  proxied?: boolean
  /** Where each worker's log goes, as worker-1.log and so on. */
  logFolder?: string
}

export interface Scenario extends Topics {
  /** For the tests' own clients. */
  brokers: string[]
  limit: number
  standIn: StandInProcess
  /** Between workers and stand-in; there if the scenario is proxied. */
  toStandIn: TcpProxy
  /** Everything published so far; of twins, by either. */
  published: TrafficItem[]
  /** Those that were not stopped or killed through the scenario are killed at its end. */
  workers: WorkerProcess[]
  /** Publishes generated traffic. */
  publish(options: TrafficOptions & PublishOptions): Promise<void>
  publishItems(items: TrafficItem[], options?: PublishOptions): Promise<void>
  addWorker(env?: Record<string, string>, options?: Pick<WorkerOptions, 'nodeFlags' | 'output' | 'readyWithinMs'>): Promise<WorkerProcess>
  /** A worker that is to end by itself; resolves with its end. */
  runWorker(env?: Record<string, string>, options?: Pick<WorkerOptions, 'killAfterMs'>): Promise<Exit & { logs: readonly LogLine[] }>
  letters(): Promise<TopicRecord[]>
  verdict(): Promise<Verdict>
  /** Operations that the stand-in has accepted: of a batch, each. */
  accepted(): Promise<number>
  /** Resolves once the stand-in has accepted so many; rejects after 60 s. */
  delivered(count: number): Promise<void>
  /** The fault is over now: recovery is counted from here. */
  over(): Promise<void>
  /** ms from `over` until the first second in which half of what the limit allows was accepted; null if there was none, or no `over`. */
  recovery(): Promise<number | null>
  /** Resolves with the verdict once every published event has its outcome, or when `withinMs` (default 60 s) is over. */
  done(withinMs?: number): Promise<Verdict>
  /** @throws if log, metrics or state of a worker showed personal data or a secret */
  close(): Promise<void>
}

export function testBrokers(): string[] {
  const brokers = process.env.TEST_KAFKA_BROKERS
  if (!brokers) throw new Error('TEST_KAFKA_BROKERS is not set: run `make test`, or start a Kafka by `node test/support/kafka/main.ts`')
  return brokers.split(',')
}

export async function openScenario(options: ScenarioOptions = {}): Promise<Scenario> {
  const { limit = 200, unit = countedUnit(), partitions = 12, faults = { latencyMs: [20, 50] }, seed = 1, env = {}, cluster, proxied = false, logFolder } = options
  const { apis, twinOf } = options
  const brokers = cluster?.direct ?? testBrokers()
  const own = await openTopics(brokers, partitions)
  const topics = { ...own, ...(twinOf && { topic: twinOf.topic }) }
  const standIn = await startStandIn({ ...credentials, appKey: APP_KEY, limit, unit, windowMs: 1_000, seed, faults, ...(apis && { apis }) })
  const published = twinOf?.published ?? []
  const workers: WorkerProcess[] = []
  const toStandIn = proxied ? await startTcpProxy({ target: new URL(standIn.url).host }) : undefined
  const url = toStandIn ? `http://${toStandIn.address}` : standIn.url
  const app = apis && await appSettings(url, apis)
  const base = { ...workerEnvironment({ brokers: cluster?.addresses ?? brokers, ...topics, url, limit }), ...fastSessions, RATE_LIMIT_UNIT: unit, ...app?.env, ...env }
  const leaks: string[] = []
  let started = 0
  let overAt: number | undefined
  const nextWorker = (more: Record<string, string>) => {
    const name = `worker-${(started += 1)}`
    return { name, env: { ...base, KAFKA_CLIENT_ID: name, ...more }, ...(logFolder && { logFile: `${logFolder}/${name}.log` }) }
  }

  const accepted = async () => {
    const { operationsByStatus } = await standIn.account()
    return Object.entries(operationsByStatus).reduce((sum, [status, count]) => sum + (status.startsWith('2') ? count : 0), 0)
  }
  const arrivals = async () => (await standIn.arrivals()).filter(({ person }) => person !== OTHER_CALLER)
  const letters = async () => readTopic(brokers, topics.letterTopic)
  const verdict = async () => computeVerdict({
    published, arrivals: await arrivals(), letters: await letters(), limit, windowMs: 1_000, unit, ...(apis && { apis: { transactional, general, broadcast, ...apis } }),
  })
  const publishItems = async (items: TrafficItem[], options: PublishOptions = {}) => {
    for (const item of items) published.push(item) // there may be too many to spread
    await publish(brokers, topics.topic, items, options)
  }

  return {
    brokers, limit, ...topics, standIn, published, workers, publishItems, letters, verdict, accepted,
    get toStandIn() {
      if (!toStandIn) throw new Error('this scenario is not proxied')
      return toStandIn
    },
    publish: async ({ ratePerSecond, signal, onPublished, ...traffic }) =>
      publishItems(generateTraffic(traffic), { ...(ratePerSecond && { ratePerSecond }), ...(signal && { signal }), ...(onPublished && { onPublished }) }),
    addWorker: async (more = {}, options = {}) => {
      const worker = await startWorker({ ...nextWorker(more), ...options })
      workers.push(worker)
      return worker
    },
    runWorker: async (more = {}, options = {}) => {
      const end = await runWorker({ ...nextWorker(more), ...options })
      leaks.push(...end.leaks)
      return end
    },
    delivered: async (count) => {
      const deadline = performance.now() + 60_000
      for (let now = await accepted(); now < count; now = await accepted()) {
        if (performance.now() > deadline) throw new Error(`only ${now} of ${count} were delivered within 60 s`)
        await wait(20)
      }
    },
    over: async () => { overAt = (await standIn.account()).now },
    recovery: async () => (overAt === undefined ? null : recoveryMs(await arrivals(), { from: overAt, perSecond: Math.floor(limit / 2), unit })),
    done: async (withinMs = 60_000) => {
      const deadline = performance.now() + withinMs
      for (;;) {
        // judging reads all arrivals and a topic, so it is done only when the count allows it
        if (await accepted() >= published.filter(({ expect }) => expect === 'delivered').length || performance.now() > deadline) {
          const now = await verdict()
          if (now.lost.count === 0 || performance.now() > deadline) return now
        }
        await wait(250)
      }
    },
    close: async () => {
      // what they say last is looked through as well; one that is gone says nothing
      await Promise.all(workers.map(async (worker) => Promise.all([worker.metrics(), worker.state()]).catch(() => undefined)))
      await Promise.all(workers.map(async (worker) => worker.kill()))
      await standIn.stop()
      await toStandIn?.close()
      await deleteGroups(brokers, [topics.group]).catch(() => undefined)
      await deleteTopics(brokers, [own.topic, own.letterTopic])
      await app?.remove()
      leaks.push(...workers.flatMap((worker) => worker.leaks))
      if (leaks.length > 0) throw new Error(`${leaks.length} lines of output show personal data or a secret; the first:\n${leaks[0]}`)
    },
  }
}

/** What a worker needs to call the App API of the stand-in at `url`, and to keep its limits. */
async function appSettings(url: string, apis: AppLimits): Promise<{ env: Record<string, string>; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'limits-'))
  const file = join(folder, 'limits.json')
  await writeFile(file, JSON.stringify(apis))
  return {
    env: { CUSTOMERIO_APP_API_KEY: APP_KEY, CUSTOMERIO_APP_URL: url, ...(Object.keys(apis).length > 0 && { RATE_LIMITS_FILE: file }) },
    remove: async () => rm(folder, { recursive: true }),
  }
}
