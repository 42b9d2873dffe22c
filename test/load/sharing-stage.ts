// What the programs about sharing the limit take place on: a real Kafka, the stand-in, pods, events for chosen partitions; and the
// judgement at the end.

import { setTimeout as wait } from 'node:timers/promises'
import type { Arrival } from '../stand-in/account.ts'
import { startTestKafka } from '../support/kafka/index.ts'
import { readTopic } from '../support/read-topic.ts'
import { credentials, openTopics, reachEnvironment } from '../support/stage.ts'
import { startStandIn, type StandInProcess } from '../support/stand-in.ts'
import { deleteGroups, deleteTopics } from '../support/topics.ts'
import { computeVerdict, type Verdict } from '../support/verdict.ts'
import { openEvidence, type Evidence } from './evidence.ts'
import { openFeed, type Feed } from './feed.ts'
import { createPods, type Pods } from './pods.ts'
import type { Program } from './program.ts'
import { readServerClock, type ServerClock } from './server-clock.ts'
import type { SharingSettings } from './sharing-settings.ts'
import { openSource, type Source } from './sources.ts'

/**
 * All else is as in production, above all the lease (15 s), its outage (10 min at half of the slots), heartbeats (3 s) and the rebalance
 * time-out (60 s). These are shorter, so that the end of a killed worker shows within an act: 15, 2, 4 and 2 s in place of 30, 10, 15, 5.
 */
const SHORTER = { KAFKA_SESSION_TIMEOUT_MS: '15000', REQUEST_TIMEOUT_MS: '2000', LATEST_ARRIVAL_MS: '4000', LONGEST_PAUSE_MS: '2000' }
export const WINDOW_MS = 1_000
const LATENCY_MS: [number, number] = [30, 60]
/** Who has delivered nothing for so long will not deliver the rest either: no time-out of Kafka, slots and retries is longer here. */
const STILL_MS = 90_000
const LOOK_MS = 250
/** A dead letter does not show at the stand-in: so long after the last event all are written. */
const LAST_LETTERS_MS = 2_000

export interface StageOptions extends SharingSettings {
  /** Of the program. */
  name: string
  partitions: number
  /** Of every worker. */
  env?: Record<string, string>
  nodeFlags?: string[]
}

export interface SharingStage {
  standIn: StandInProcess
  clock: ServerClock
  source: Source
  pods: Pods
  feed: Feed
  evidence: Evidence
  /** Publishes no more; when everything has its outcome, or nothing moves any more, stops the workers and judges. */
  end(): Promise<Judgement>
}

export interface Judgement {
  verdict: Verdict
  arrivals: Arrival[]
  /** A sentence for each promise that was broken. */
  troubles: string[]
}

export async function openSharingStage(options: StageOptions, program: Program): Promise<SharingStage> {
  const { name, limit, partitions, env = {}, nodeFlags = [] } = options
  const { say, signal, atEnd } = program
  const starting = startTestKafka({ log: say })
  atEnd(async () => (await starting.catch(() => undefined))?.stop())
  const { brokers, how } = await starting
  say(`Kafka is up (${how}).`)
  const topics = await openTopics(brokers, partitions)
  atEnd(async () => {
    // one that was killed is a member until its session ends
    await deleteGroups(brokers, [topics.group]).catch(() => undefined)
    await deleteTopics(brokers, [topics.topic, topics.letterTopic])
  })
  const standIn = await startStandIn({ ...credentials, limit, windowMs: WINDOW_MS, seed: 1, faults: { latencyMs: LATENCY_MS } })
  atEnd(standIn.stop)
  const clock = await readServerClock(standIn)
  const source = await openSource(options.source, program)
  const evidence = await openEvidence(name)
  const reach = reachEnvironment({ brokers, ...topics, url: standIn.url, limit })
  const pods = createPods({ source, logFolder: evidence.folder, nodeFlags, env: { ...reach, ...SHORTER, ...env } })
  // those that a failure left running: what they say is in the evidence
  atEnd(async () => Promise.all(pods.workers.map(async (worker) => worker.kill())))
  const feed = await openFeed({ brokers, topic: topics.topic, standIn, signal })
  atEnd(feed.stop)

  const drained = async (): Promise<void> => {
    const good = feed.published.filter(({ expect }) => expect === 'delivered').length
    const accepted = async (): Promise<number> => (await standIn.account()).distinctEventIds
    for (let [before, now, movedAt] = [-1, await accepted(), performance.now()]; now < good; now = await accepted()) {
      if (now > before) [before, movedAt] = [now, performance.now()]
      if (performance.now() - movedAt > STILL_MS) return
      await wait(LOOK_MS, undefined, { signal })
    }
    await wait(LAST_LETTERS_MS, undefined, { signal })
  }

  return {
    standIn, clock, source, pods, feed, evidence,
    end: async () => {
      await feed.stop()
      say('Nothing more is published: the workers finish what is waiting.')
      await drained()
      await pods.scaleTo(0)
      const [arrivals, letters] = await Promise.all([standIn.arrivals(), readTopic(brokers, topics.letterTopic)])
      const verdict = computeVerdict({ published: feed.published, arrivals, letters, limit, windowMs: WINDOW_MS })
      const troubles = [
        ...verdict.failures,
        ...(verdict.refused429 > 0 ? [`${verdict.refused429} requests were refused with 429.`] : []),
        ...(pods.leaks() > 0 ? [`${pods.leaks()} lines of output show personal data or a secret.`] : []),
        ...pods.troubles,
      ]
      await evidence.add('arrivals', arrivals)
      await evidence.add('dead-letters', letters.map(({ headers }) => headers))
      return { verdict, arrivals, troubles }
    },
  }
}

/** The last lines of a program. @returns its exit code */
export async function conclude({ verdict, troubles }: Judgement, { evidence }: SharingStage, limit: number): Promise<number> {
  const { published, delivered, deadLettered, lost, inversions, mostInWindow, refused429, duplicates } = verdict
  console.log(`published ${published}, accepted ${delivered}, dead letters ${deadLettered}, lost ${lost.count}, `
    + `inversions ${inversions.count}, received again ${duplicates.received}`)
  console.log(`most requests in any second: ${mostInWindow}, the limit is ${limit}; answered with 429: ${refused429}`)
  for (const sentence of troubles) console.log(`BROKEN: ${sentence}`)
  if (troubles.length === 0) {
    console.log('Every promise was kept.')
    await evidence.remove()
    return 0
  }
  console.log(`To trace it: ${evidence.folder} has the workers' logs, all requests and all dead letters.`)
  return 1
}
