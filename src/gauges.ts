import type { Announcer } from './announcer.ts'
import { monotonic, wall } from './clock.ts'
import type { Config } from './config.ts'
import type { Channel } from './delivery/channel.ts'
import { HOLDS } from './delivery/hold.ts'
import type { Hold } from './delivery/hold.ts'
import type { Quota } from './delivery/quota.ts'
import { errorText } from './errors.ts'
import type { Intake } from './intake.ts'
import type { ClusterAdmin } from './kafka/client/admin.ts'
import type { DeadLetters } from './kafka/dead-letter.ts'
import { drainSeconds } from './kafka/lag.ts'
import { STANDINGS } from './limiter/kubernetes/ledger-lease.ts'
import type { SlotSource } from './limiter/source.ts'
import type { Api } from './api-limits.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { createScaling } from './scaling.ts'

export interface GaugeSources {
  readonly config: Config
  readonly metrics: Metrics
  readonly logger: Logger
  readonly announcer: Announcer
  readonly admin: ClusterAdmin
  readonly intake: Intake
  readonly channels: readonly Channel[]
  readonly source: SlotSource
  readonly limits: Limits
  readonly quota: Quota
  readonly deadLetters: DeadLetters
  readonly hold: (api: Api) => Hold
  readonly isFenced: () => boolean
  readonly sincePoll: () => number
}

/** What is read off the parts, not counted by them. */
export interface Gauges {
  /** Asks Kafka for the ends and the commits of the partitions: the lag, and how many workers are useful. Never rejects. */
  look(): Promise<void>
  /** Records of all partitions owned, as of the last look; undefined before the first. */
  lag(): number | undefined
  /** Brings all gauges but the lag up to date. */
  measure(): void
  /** One log line on how things stand. */
  summarise(): void
}

/** In the order of the values of breaker_state. */
const BREAKER_STATES = ['closed', 'half-open', 'open', 'refused']

export function createGauges(sources: GaugeSources): Gauges {
  const { config, metrics, logger, announcer, admin, intake, channels, source, limits, quota, deadLetters, hold, isFenced, sincePoll } = sources
  let lag: number | undefined
  const done = new Map<Api, number>()
  const [first] = channels as [Channel]
  const scaling = createScaling({ config, channels, limits, metrics, clock: monotonic, busyMs: () => performance.eventLoopUtilization().active })
  let skipped = 0
  let looking = false

  const measureShare = (): void => {
    const ledger = source.ledger()
    for (const { api } of channels) metrics.rateLimit.set({ api }, limits.of(api).limit)
    metrics.limitsStale.set(limits.stale ? 1 : 0)
    metrics.shareSource.set({ source: source.of(first.api).name }, 1)
    // what is not known is no number: 0 would look like the best of all
    metrics.shareAge.set((ledger?.ageMs ?? NaN) / 1_000)
    metrics.shareMembers.set(ledger?.members ?? NaN)
    metrics.shareRank.set(ledger?.rank ?? NaN)
    for (const { api } of channels) metrics.slotsQuarantined.set({ api }, ledger?.quarantined[api] ?? NaN)
    if (config.RATE_LIMIT_SHARE !== 'kubernetes') return
    for (const standing of STANDINGS) metrics.shareStanding.set({ standing }, (ledger?.standing ?? 'outside') === standing ? 1 : 0)
  }

  const measureChannel = ({ api, limiter, delivery, gate, breaker }: Channel, now: number): void => {
    const stats = limiter.stats()
    metrics.slotsOwned.set({ api }, stats.owned)
    metrics.slotsUsable.set({ api }, limiter.usable())
    metrics.slotsFree.set({ api }, stats.free)
    metrics.slotsHeld.set({ api }, stats.held)
    metrics.throttleFactor.set({ api }, gate.part(now))
    metrics.limiterQueued.set({ api }, stats.queued)
    metrics.limiterRunning.set({ api }, stats.running)
    metrics.limiterDone.inc({ api }, stats.done - (done.get(api) ?? 0))
    done.set(api, stats.done)
    metrics.inFlight.set({ api }, delivery.inFlight)
    metrics.waiting.set({ api }, delivery.waiting)
    metrics.gateClosed.set({ api }, gate.closedFor(now) > 0 ? 1 : 0)
    metrics.breakerState.set({ api }, BREAKER_STATES.indexOf(breaker.state(now)))
    const heldBy = hold(api)
    for (const reason of HOLDS) metrics.heldBy.set({ api, reason }, reason === heldBy ? 1 : 0)
  }

  const forgetLags = (): void => {
    metrics.lagRecords.reset()
    metrics.lagSeconds.reset()
  }

  return {
    look: async () => {
      // a broker that hangs must not pile up questions
      if (looking) return
      looking = true
      try {
        const bounds = await admin.bounds(config.KAFKA_TOPIC)
        const lags = intake.lags(bounds, wall)
        forgetLags()
        for (const { partition, records, seconds } of lags) {
          metrics.lagRecords.set({ partition: String(partition) }, records)
          metrics.lagSeconds.set({ partition: String(partition) }, seconds)
        }
        lag = lags.reduce((sum, { records }) => sum + records, 0)
        scaling.look(bounds, await admin.committed(config.KAFKA_GROUP_ID, config.KAFKA_TOPIC))
        announcer.say({ what: 'lag' }, { state: 'known', stops: false, message: 'lag is up to date again' })
      } catch (error) {
        // what is not known is not told: an autoscaler would go by the lag of then
        forgetLags()
        scaling.lost()
        announcer.say({ what: 'lag' }, { state: 'out of date', stops: true, message: 'the offsets of the partitions can\'t be read: lag is out of date', fields: { cause: errorText(error) } })
      } finally {
        looking = false
      }
    },
    lag: () => lag,
    measure: () => {
      const now = monotonic()
      const { records, bytes } = intake.pending
      for (const channel of channels) measureChannel(channel, now)
      measureShare()
      metrics.pending.set(records)
      metrics.pendingBytes.set(bytes)
      metrics.skipped.inc(intake.skipped - skipped)
      metrics.pausedPartitions.set(intake.pausedPartitions)
      metrics.assignedPartitions.set(intake.partitions().length)
      metrics.fenced.set(isFenced() ? 1 : 0)
      metrics.deadLetterPartitions.set(deadLetters.heldUp.length)
      metrics.deadLetterQuota.set(quota.left(now))
      metrics.sincePoll.set(sincePoll() / 1000)
      metrics.drainSeconds.set(drainSeconds(lag ?? 0, scaling.ownPerSecond()))
      skipped = intake.skipped
    },
    summarise: () => {
      const apis = Object.fromEntries(channels.map(({ api, limiter, delivery }) => {
        const { owned, held, free, queued, running, done: requests } = limiter.stats()
        return [api, { slots: { owned, held, free, queued, running, done: requests }, inFlight: delivery.inFlight, waiting: delivery.waiting, lastError: delivery.lastError?.what }]
      }))
      logger.info({ share: source.of(first.api).name, apis, pending: intake.pending.records, lag, partitions: intake.partitions() }, 'summary')
    },
  }
}
