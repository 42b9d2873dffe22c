import type { Gauge } from 'prom-client'
import type { MonotonicClock } from './clock.ts'
import type { Config } from './config.ts'
import type { Channel } from './delivery/channel.ts'
import { GroupLag } from './kafka/group-lag.ts'
import type { Limits } from './limits.ts'
import type { Metrics } from './metrics.ts'
import { ThreadRate } from './thread-rate.ts'
import { usefulReplicas } from './useful-replicas.ts'

export interface ScalingOptions {
  readonly config: Pick<Config, 'CONCURRENCY' | 'DRAIN_TARGET_MS'>
  readonly channels: readonly Pick<Channel, 'api' | 'pace' | 'gate' | 'limiter'>[]
  readonly limits: Pick<Limits, 'of'>
  readonly metrics: Metrics
  readonly clock: MonotonicClock
  /** Time in which the thread was at work since the start, ms. */
  readonly busyMs: () => number
}

/** What the autoscaler is told. */
export interface Scaling {
  /** Looks at the whole topic, and tells how many workers are useful. */
  look(bounds: ReadonlyMap<number, { earliest: number; end: number }>, committed: ReadonlyMap<number, number>): void
  /** The topic can't be looked at: nothing is told until it can. */
  lost(): void
  /** Events per second that this process delivers at most: by the slots that it owns now, and by what it can do. */
  ownPerSecond(): number
}

/**
 * Every worker looks at all partitions, so each one alone knows how the group stands. What is not known is not exported: 0, or a value of before, would
 * look like an answer.
 */
export function createScaling({ config, channels, limits, metrics, clock, busyMs }: ScalingOptions): Scaling {
  const group = new GroupLag()
  const thread = new ThreadRate()
  /** Those that have delivered something. */
  const measured = () => channels.filter(({ pace }) => !Number.isNaN(pace.eventsPerRequest))

  /** What a slot can be used for. */
  const eventsPerSlot = ({ api, pace }: Pick<Channel, 'api' | 'pace'>): number => (limits.of(api).unit === 'operation' ? 1 : pace.eventsPerRequest)
  const perSecond = (api: Channel['api'], slots: number): number => (slots / limits.of(api).windowMs) * 1_000

  /** All slots that there are, less those that Customer.io itself does not want used at present. */
  const budget = (): number => sum(measured().map((channel) => perSecond(channel.api, limits.of(channel.api).limit * channel.gate.part(clock())) * eventsPerSlot(channel)))

  /** By the thread, as far as that is known, and by the requests in flight. */
  const podRate = (): number => {
    const byRequests = sum(measured().map(({ pace }) => pace.perSecond(config.CONCURRENCY)))
    return Number.isNaN(thread.perSecond) ? byRequests : Math.min(thread.perSecond, byRequests)
  }

  const { groupArrival, groupBacklog, groupPartitionsWithLag, groupBudget, podUnthrottled, usefulReplicas: useful } = metrics

  return {
    look: (bounds, committed) => {
      const now = clock()
      thread.look({ events: channels.reduce((all, { pace }) => all + pace.delivered, 0), busyMs: busyMs() }, now)
      const { arrivalPerSecond, backlog, partitionsWithLag } = group.look(bounds, committed, now)
      const [budgetPerSecond, podPerSecond] = [budget(), podRate()]
      tell(groupArrival, arrivalPerSecond)
      tell(groupBacklog, backlog)
      tell(groupPartitionsWithLag, partitionsWithLag)
      tell(groupBudget, budgetPerSecond)
      tell(podUnthrottled, podPerSecond)
      tell(useful, usefulReplicas({ arrivalPerSecond, backlog, drainSeconds: config.DRAIN_TARGET_MS / 1_000, budgetPerSecond, podPerSecond, partitionsWithLag }))
    },
    lost: () => { for (const gauge of [groupArrival, groupBacklog, groupPartitionsWithLag, groupBudget, podUnthrottled, useful]) gauge.remove() },
    ownPerSecond: () => {
      const [first] = channels as [Channel]
      const bySlots = measured().map((channel) => perSecond(channel.api, channel.limiter.stats().owned) * eventsPerSlot(channel))
      // before the first request: as if each carried one event
      const slots = bySlots.length > 0 ? sum(bySlots) : perSecond(first.api, first.limiter.stats().owned)
      const pod = podRate()
      return Number.isNaN(pod) ? slots : Math.min(slots, pod)
    },
  }
}

/** NaN of none. */
const sum = (values: readonly number[]): number => (values.length === 0 ? NaN : values.reduce((all, value) => all + value, 0))

function tell(gauge: Gauge<never>, value: number): void {
  if (Number.isNaN(value)) gauge.remove()
  else gauge.set(value)
}
