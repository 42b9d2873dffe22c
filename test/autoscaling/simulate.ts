// A day of one worker under one signal, step by step. The useful replicas are reckoned by the worker's own code.

import { GroupLag } from '../../src/kafka/group-lag.ts'
import { usefulReplicas } from '../../src/useful-replicas.ts'
import { seededChoices } from '../support/random.ts'
import { Fleet } from './fleet.ts'
import { HorizontalPodAutoscaler, SYNC_SECONDS, type Metric } from './hpa.ts'
import { CPU_REQUEST, CPU_TARGET_PERCENT, DRAIN_SECONDS, LAG_PER_POD, METRIC_DELAY_SECONDS, OBJECTIVE_SECONDS, SPEC, STEP_SECONDS, UNCOMMITTED_SECONDS, type WorkerKind } from './stage.ts'
import { Topic } from './topic.ts'

export type Signal = 'lag' | 'usefulReplicas' | 'fixed'
export const SIGNALS: readonly Signal[] = ['fixed', 'lag', 'usefulReplicas']
export const DAY = 24 * 3_600

/** From when to when, seconds of the day. */
type Span = readonly [number, number]
const within = (second: number, span: Span | undefined): boolean => span !== undefined && second >= span[0] && second < span[1]

export interface Story {
  readonly kind: WorkerKind
  readonly signal: Signal
  readonly seed?: number
  /** Seconds of the day; all of it by default. */
  readonly span?: Span
  /** The External metric can't be had. */
  readonly noMetric?: Span
  /** Nor can that of CPU. */
  readonly noCpu?: Span
  /** Customer.io accepts nothing. */
  readonly outage?: Span
  /** The first event of this partition can't be delivered, from then on. */
  readonly poisoned?: { readonly partition: number; readonly from: number }
}

/** How it stood at the end of a minute, of which `at` is the first second. */
export interface Minute { readonly at: number; readonly replicas: number; readonly lag: number; readonly useful: number; readonly rebalances: number }

export interface Outcome {
  readonly replicaHours: number
  readonly mostReplicas: number
  readonly rebalances: number
  readonly mostLag: number
  /** Seconds in which the oldest event that waits was older than the objective. */
  readonly lateSeconds: number
  /** From the begin of the campaign until no event is late any more, or none was. */
  readonly caughtUpAfter: number
  readonly minutes: readonly Minute[]
}

/** What is read at an instant. */
interface Reading { readonly lag: number; readonly useful: number; readonly cpuPercent: number }

export function simulate(story: Story): Outcome {
  const { kind, signal, seed = 1, span: [from, to] = [0, DAY], poisoned } = story
  const topic = new Topic(kind, seededChoices(seed))
  const fleet = new Fleet(kind, SPEC.minReplicas, seededChoices(seed + 1))
  const hpa = new HorizontalPodAutoscaler(SPEC)
  const group = new GroupLag()
  const readings: Reading[] = []
  const minutes: Minute[] = []
  let [replicas, podSeconds, mostReplicas, mostLag, lateSeconds, lastLate, recent] = [SPEC.minReplicas, 0, 0, 0, 0, kind.campaign.at, 0]

  for (let second = from; second < to; second += STEP_SECONDS) {
    topic.publish(second)
    const stuck = poisoned && second >= poisoned.from ? poisoned.partition : undefined
    const perSecond = fleet.deliver(topic, second, { stuck, isHeld: within(second, story.outage) }) / STEP_SECONDS
    recent += (perSecond - recent) / 3
    readings.push(read(topic, group, story, second, stuck, perSecond, recent / Math.max(1, fleet.members)))
    if (second % SYNC_SECONDS === 0 && signal !== 'fixed') {
      const reading = readings.at(-1 - METRIC_DELAY_SECONDS / STEP_SECONDS)
      const next = hpa.sync(second, replicas, metricsOf(signal, reading, within(second, story.noMetric), within(second, story.noCpu)))
      if (next !== replicas) fleet.scale(next, second)
      replicas = next
    }
    podSeconds += fleet.running * STEP_SECONDS
    mostReplicas = Math.max(mostReplicas, replicas)
    mostLag = Math.max(mostLag, topic.records)
    const oldest = Math.min(...topic.partitions.map((partition, index) => (index === stuck ? undefined : partition.oldest) ?? Infinity))
    if (second - oldest > OBJECTIVE_SECONDS) {
      lateSeconds += STEP_SECONDS
      lastLate = second
    }
    if (second % 60 === 60 - STEP_SECONDS) minutes.push({ at: second + STEP_SECONDS - 60, replicas, lag: topic.records, useful: readings.at(-1)?.useful ?? NaN, rebalances: fleet.rebalances })
  }
  return { replicaHours: podSeconds / 3_600, mostReplicas, rebalances: fleet.rebalances, mostLag, lateSeconds, caughtUpAfter: lastLate - kind.campaign.at, minutes }
}

function read(topic: Topic, group: GroupLag, { kind }: Story, second: number, stuck: number | undefined, perSecond: number, perPod: number): Reading {
  // what was delivered a moment ago is not committed yet
  const uncommitted = (perSecond * UNCOMMITTED_SECONDS) / topic.partitions.length
  const bounds = new Map(topic.partitions.map(({ end }, partition) => [partition, { earliest: 0, end }]))
  const committed = new Map(topic.partitions.map(({ committed }, partition) => [partition, partition === stuck ? committed : Math.max(0, Math.floor(committed - uncommitted))]))
  const { arrivalPerSecond, backlog, partitionsWithLag } = group.look(bounds, committed, second * 1_000)
  const inputs = { arrivalPerSecond, backlog, partitionsWithLag, drainSeconds: DRAIN_SECONDS, budgetPerSecond: kind.budget, podPerSecond: kind.podRate }
  return { lag: topic.records + perSecond * UNCOMMITTED_SECONDS, useful: usefulReplicas(inputs), cpuPercent: ((perPod * kind.cpuPerEvent) / CPU_REQUEST) * 100 }
}

function metricsOf(signal: 'lag' | 'usefulReplicas', reading: Reading | undefined, noMetric: boolean, noCpu: boolean): Metric[] {
  const cpu = noCpu ? undefined : reading?.cpuPercent
  const external = noMetric || !reading || Number.isNaN(reading.useful) ? undefined : reading
  return [
    { type: 'Utilization', value: cpu, target: CPU_TARGET_PERCENT },
    signal === 'lag' ? { type: 'AverageValue', total: external?.lag, target: LAG_PER_POD } : { type: 'AverageValue', total: external?.useful, target: 1 },
  ]
}
