// A run for the panels: three workers between a real Kafka and a stand-in with all kinds of faults, watched by a real Prometheus with the chart's rules.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Program } from '../load/program.ts'
import { startTestKafka } from '../support/kafka/index.ts'
import { freePorts } from '../support/kafka/ports.ts'
import { prometheusServes, startPrometheus } from '../support/prometheus/process.ts'
import { publish } from '../support/publish.ts'
import { credentials, openTopics, workerEnvironment } from '../support/stage.ts'
import { startStandIn } from '../support/stand-in.ts'
import { deleteGroups, deleteTopics } from '../support/topics.ts'
import { generateTraffic } from '../support/traffic.ts'
import { startWorker } from '../support/worker-process.ts'
import { FILES } from './names.ts'

const WORKERS = 3
const LIMIT = 30
/** Below what the limit lets through in batches, so that it keeps up after its backlog. */
const EVENTS_A_SECOND = 60
const BACKLOG = 4_000
/** The rules are evaluated each 30 s, and some ask for rates over 2 minutes. */
const RUN_SECONDS = 150
const SCRAPE_SECONDS = 2

/** Each kind of fault that a panel tells of. */
const FAULTS = {
  latencyMs: [20, 60] as [number, number],
  rules: [
    // of the account: asked whether the credentials work, it says yes
    { name: 'unauthorised', match: { times: 3, fromMs: 20_000 }, effect: { status: 401 } },
    { name: 'throttled', match: { ratio: 0.02, fromMs: 10_000 }, effect: { status: 429, headers: { 'retry-after': '1' } } },
    { name: 'unavailable', match: { firstAttempts: 1, ratio: 0.03 }, effect: { status: 503 } },
    { name: 'refused as a whole', match: { atLeastOperations: 4, ratio: 0.02 }, effect: { status: 400 } },
    { name: 'slow', match: { ratio: 0.02 }, effect: { delayMs: [300, 800] as [number, number] } },
  ],
}

/** Resolves after the run, with the address of a Prometheus that has watched it and lives until the end of the program, and the run's seconds. */
export async function playRun(prometheus: string, { say, signal, atEnd }: Program): Promise<{ url: string; seconds: number }> {
  const kafka = await startTestKafka({ log: say })
  atEnd(kafka.stop)
  const { brokers } = kafka
  const topics = await openTopics(brokers, 12)
  if (kafka.how === 'external') atEnd(async () => deleteGroups(brokers, [topics.group]).then(async () => deleteTopics(brokers, [topics.topic, topics.letterTopic])))
  const standIn = await startStandIn({ ...credentials, limit: LIMIT, faults: FAULTS, seed: 3 })
  atEnd(standIn.stop)

  const items = generateTraffic({ events: BACKLOG + EVENTS_A_SECOND * RUN_SECONDS, people: 500, seed: 3 })
  await publish(brokers, topics.topic, items.slice(0, BACKLOG))
  const env = { ...workerEnvironment({ ...topics, brokers, url: standIn.url, limit: LIMIT }), DELIVERY_MODE: 'batch', RATE_LIMIT_UNIT: 'request' }
  const workers = await Promise.all(Array.from({ length: WORKERS }, async (_, n) => {
    const name = `worker-${n + 1}`
    const worker = await startWorker({ name, env: { ...env, KAFKA_CLIENT_ID: name }, readyWithinMs: 60_000 })
    atEnd(worker.stop)
    return worker
  }))
  say(`${WORKERS} workers are ready; ${BACKLOG} events wait, ${EVENTS_A_SECOND} more come each second.`)

  const publishing = new AbortController()
  const published = publish(brokers, topics.topic, items.slice(BACKLOG), { ratePerSecond: EVENTS_A_SECOND, signal: publishing.signal })
  atEnd(async () => {
    publishing.abort()
    await published
  })
  const url = await watch(prometheus, workers, atEnd)
  say(`Prometheus looks at them, for ${RUN_SECONDS} s.`)
  await wait((RUN_SECONDS * 1_000) / 2, undefined, { signal })
  await workers[WORKERS - 1]!.stop()
  say('One worker has left: a rebalance.')
  await wait((RUN_SECONDS * 1_000) / 2, undefined, { signal })
  return { url, seconds: RUN_SECONDS }
}

/** @returns its address */
async function watch(binary: string, workers: readonly { name: string; port: number }[], atEnd: Program['atEnd']): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'customerio-panels-'))
  atEnd(async () => rm(folder, { recursive: true, force: true }))
  const config = {
    global: { scrape_interval: `${SCRAPE_SECONDS}s`, evaluation_interval: '5s' },
    rule_files: [resolve(FILES, 'rules.yaml')],
    scrape_configs: [{
      job_name: 'customerio-worker',
      static_configs: workers.map(({ name, port }) => ({ targets: [`127.0.0.1:${port}`], labels: { namespace: 'panels', pod: name } })),
    }],
  }
  const [port = 0] = await freePorts(1)
  const child = await startPrometheus({ binary, folder, port, config })
  const ended = once(child, 'exit')
  atEnd(async () => {
    child.kill('SIGTERM')
    await ended
  })
  return prometheusServes(child, port)
}
