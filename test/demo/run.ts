// The demo's story: a backlog, workers, one of them killed, a new one, and a verdict.

import { setTimeout as wait } from 'node:timers/promises'
import type { Arrival } from '../stand-in/account.ts'
import { startTestKafka } from '../support/kafka/index.ts'
import { publish } from '../support/publish.ts'
import { readTopic, type TopicRecord } from '../support/read-topic.ts'
import { openTopics, workerEnvironment } from '../support/stage.ts'
import { generateTraffic, type TrafficItem } from '../support/traffic.ts'
import { computeVerdict, type Verdict } from '../support/verdict.ts'
import { budget, type Budget } from '../support/window.ts'
import { openEvidence } from './evidence.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { createView, type View } from './panel.ts'
import { complaints, report } from './report.ts'
import { partitions, units, type Settings } from './settings.ts'
import { closeTopics, startCustomerio, type Stage } from './stage.ts'
import { openWatch, type Snapshot, type Watch } from './watch.ts'

/** Registers what has to be done at the end, whatever the end is; done in reverse order. */
export type AtEnd = (step: () => Promise<unknown>) => void

const say = (text: string) => process.stdout.write(`${text}\n`)

/** Runs the demo and prints it. Returns the process's exit code: 0 if every promise was kept. */
export async function runDemo(settings: Settings, atEnd: AtEnd): Promise<number> {
  const { events, workers, limit, mode } = settings
  const unit = units[mode]
  say(`${events} events of an online shop go from Kafka (${partitions} partitions) to a stand-in for Customer.io by ${workers} workers,`)
  say(`at most ${limit} ${unit}s in any second. On the way one worker is killed, and a new one joins.`)
  say(mode === 'single' ? 'One event a request, so that there is something to see; in production the default is batches (MODE=batch).\n' : 'In batches of whatever has waited; each operation counts.\n')

  const stage = await setUp(settings, atEnd)
  const { topic } = stage
  const { brokers } = stage.kafka
  const items = generateTraffic({ events, people: 400, seed: 1 })
  const waiting = Math.ceil(events * 0.6)
  await publish(brokers, topic, items.slice(0, waiting))
  say(`${waiting} events wait in Kafka; ${events - waiting} more come while the workers run.\n`)

  const view = createView(process.stdout, settings)
  const folder = await openEvidence()
  atEnd(folder.close)
  const env = { ...workerEnvironment({ ...stage, brokers, url: stage.standIn.url, limit }), DELIVERY_MODE: mode, RATE_LIMIT_UNIT: unit }
  const fleet = createFleet(env, folder.path)
  atEnd(fleet.stopAll)
  const watch = await openWatch(stage, fleet)
  atEnd(watch.close)
  const rest = new AbortController()
  const publishing = publish(brokers, topic, items.slice(waiting), { ratePerSecond: limit * 0.8, signal: rest.signal })
  atEnd(async () => {
    rest.abort()
    await publishing
  })

  const story = await playOut({ settings, fleet, watch, view, publishing })
  view.note('The workers are told to stop (SIGTERM).')
  view.close()
  await fleet.stopAll()

  const evidence = await judge(stage, items, settings)
  say(
    report(evidence.verdict, {
      limit,
      unit,
      letters: evidence.letters.length,
      budget: steadyBudget(evidence, story, settings),
      members: fleet.members,
    }).join('\n'),
  )
  const wrong = [...story.troubles, ...complaints(evidence.verdict, fleet.members)]
  for (const sentence of wrong) say(`BROKEN: ${sentence}`)
  if (wrong.length === 0) {
    say('Every promise was kept.')
    return 0
  }
  await folder.keep(evidence.arrivals, evidence.letters)
  say(`To trace it: ${folder.path} has the workers' logs, all requests and all dead letters.`)
  return 1
}

async function setUp({ limit, mode }: Settings, atEnd: AtEnd): Promise<Stage> {
  // What is still starting when the demo is interrupted has to be stopped too, so the promise is what is registered.
  const starting = startTestKafka({ log: (line) => say(`  ${line}`) })
  atEnd(async () => (await starting.catch(() => null))?.stop())
  const kafka = await starting
  say(`Kafka is up (${kafka.how}).`)
  const names = await openTopics(kafka.brokers, partitions)
  atEnd(() => closeTopics({ kafka, ...names }))
  const opening = startCustomerio(limit, units[mode])
  atEnd(async () => (await opening.catch(() => null))?.stop())
  const standIn = await opening
  say('The stand-in for Customer.io is up: answers in 30-60 ms, 1 % in up to 860 ms; 2 % of first attempts get a 503.')
  return { kafka, standIn, ...names }
}

interface Story {
  /** The steady state by the stand-in's clock, ms. */
  steadyFrom: number
  steadyTo: number
  troubles: string[]
}

interface Cast {
  settings: Settings
  fleet: Fleet
  watch: Watch
  view: View
  publishing: Promise<void>
}

/** From the first worker to the last event. */
async function playOut({ settings, fleet, watch, view, publishing }: Cast): Promise<Story> {
  const { events, workers, limit } = settings
  const story: Story = { steadyFrom: Infinity, steadyTo: -Infinity, troubles: [] }
  const withinMs = 60_000 + (events / limit) * 2_000
  const deadline = performance.now() + withinMs
  const failed = (error: unknown) => void story.troubles.push(String(error instanceof Error ? error.message : error))
  const add = () => void fleet.add().catch(failed)
  publishing.catch(failed)

  for (let i = 0; i < workers; i += 1) add()
  let act: 'steady' | 'one killed' | 'one joined' = 'steady'
  while (story.troubles.length === 0) {
    const now = await watch.look()
    view.show(now)
    const done = now.delivered + now.deadLettered
    if (story.steadyFrom === Infinity && ownsAll(now, limit)) story.steadyFrom = now.serverNow + 5_000
    if (act === 'steady' && now.delivered >= events / 2) {
      const [, victim] = fleet.members
      story.steadyTo = now.serverNow
      if (victim) await fleet.kill(victim)
      view.note(`${victim?.name} is killed (SIGKILL): half of the events are delivered.`)
      act = 'one killed'
    } else if (act === 'one killed' && done >= events * 0.7) {
      add()
      view.note(`worker-${fleet.members.length} joins.`)
      act = 'one joined'
    }
    if (done >= events) return story
    if (fleet.members.some(({ state }) => state === 'broken')) return story
    if (performance.now() > deadline) story.troubles.push(`Not every event had its outcome within ${Math.round(withinMs / 1_000)} s.`)
    await wait(500)
  }
  return story
}

function ownsAll({ workers }: Snapshot, limit: number): boolean {
  return workers.every(({ slots }) => slots > 0) && workers.reduce((sum, { slots }) => sum + slots, 0) === limit
}

interface Judged {
  verdict: Verdict
  arrivals: Arrival[]
  letters: TopicRecord[]
}

async function judge({ kafka, standIn, letterTopic }: Stage, published: TrafficItem[], { limit, mode }: Settings): Promise<Judged> {
  const [arrivals, letters] = await Promise.all([standIn.arrivals(), readTopic(kafka.brokers, letterTopic)])
  return { verdict: computeVerdict({ published, arrivals, letters, limit, windowMs: 1_000, unit: units[mode] }), arrivals, letters }
}

/** Null if the steady state was shorter than 15 s: slots come round once a second, so a short span cuts through bursts. */
function steadyBudget({ arrivals }: Judged, { steadyFrom, steadyTo }: Story, { limit, mode }: Settings): Budget | null {
  if (steadyTo - steadyFrom < 15_000) return null
  return budget(arrivals, { limit, windowMs: 1_000, from: steadyFrom, to: steadyTo, unit: units[mode] })
}
