import type { Announcer } from './announcer.ts'
import { monotonic, wall } from './clock.ts'
import type { Config } from './config.ts'
import type { Breaker } from './delivery/breaker.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { Gate } from './delivery/gate.ts'
import { HOLDS } from './delivery/hold.ts'
import type { Hold } from './delivery/hold.ts'
import type { Quota } from './delivery/quota.ts'
import { errorText } from './errors.ts'
import type { Intake } from './intake.ts'
import type { ClusterAdmin } from './kafka/client/admin.ts'
import type { DeadLetters } from './kafka/dead-letter.ts'
import { drainSeconds } from './kafka/lag.ts'
import { STANDINGS } from './limiter/kubernetes/ledger-lease.ts'
import type { SlotLimiter } from './limiter/limiter.ts'
import type { SlotSource } from './limiter/source.ts'
import { USED_APIS } from './api-limits.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

export interface GaugeSources {
  readonly config: Config
  readonly metrics: Metrics
  readonly logger: Logger
  readonly announcer: Announcer
  readonly admin: ClusterAdmin
  readonly intake: Intake
  readonly limiter: SlotLimiter
  readonly source: SlotSource
  readonly limits: Limits
  readonly delivery: Delivery
  readonly gate: Gate
  readonly breaker: Breaker
  readonly quota: Quota
  readonly deadLetters: DeadLetters
  readonly hold: () => Hold
  readonly isFenced: () => boolean
  readonly sincePoll: () => number
}

/** What is read off the parts, not counted by them. */
export interface Gauges {
  /** Asks Kafka for the ends of the partitions: the lag. Never rejects. */
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
  const { config, metrics, logger, announcer, admin, intake, limiter, source, limits, delivery, gate, breaker, quota, deadLetters, hold, isFenced, sincePoll } = sources
  let lag: number | undefined
  let done = 0
  let skipped = 0
  let looking = false

  const measureShare = (): void => {
    const ledger = source.ledger()
    for (const api of USED_APIS) metrics.rateLimit.set({ api }, limits.of(api).limit)
    metrics.limitsStale.set(limits.stale ? 1 : 0)
    metrics.shareSource.set({ source: source.of('track').name }, 1)
    // what is not known is no number: 0 would look like the best of all
    metrics.shareAge.set((ledger?.ageMs ?? NaN) / 1_000)
    metrics.shareMembers.set(ledger?.members ?? NaN)
    metrics.shareRank.set(ledger?.rank ?? NaN)
    metrics.slotsQuarantined.set(ledger?.quarantined['track'] ?? NaN)
    if (config.RATE_LIMIT_SHARE !== 'kubernetes') return
    for (const standing of STANDINGS) metrics.shareStanding.set({ standing }, (ledger?.standing ?? 'outside') === standing ? 1 : 0)
  }

  return {
    look: async () => {
      // a broker that hangs must not pile up questions
      if (looking) return
      looking = true
      try {
        const lags = intake.lags(await admin.bounds(config.KAFKA_TOPIC), wall)
        metrics.lagRecords.reset()
        metrics.lagSeconds.reset()
        for (const { partition, records, seconds } of lags) {
          metrics.lagRecords.set({ partition: String(partition) }, records)
          metrics.lagSeconds.set({ partition: String(partition) }, seconds)
        }
        lag = lags.reduce((sum, { records }) => sum + records, 0)
        announcer.say({ what: 'lag' }, { state: 'known', stops: false, message: 'lag is up to date again' })
      } catch (error) {
        announcer.say({ what: 'lag' }, { state: 'out of date', stops: true, message: 'the ends of the partitions can\'t be read: lag is out of date', fields: { cause: errorText(error) } })
      } finally {
        looking = false
      }
    },
    lag: () => lag,
    measure: () => {
      const now = monotonic()
      const stats = limiter.stats()
      const { records, bytes } = intake.pending
      metrics.slotsOwned.set(stats.owned)
      metrics.slotsUsable.set(limiter.usable())
      metrics.slotsFree.set(stats.free)
      metrics.slotsHeld.set(stats.held)
      metrics.throttleFactor.set(gate.part(now))
      measureShare()
      metrics.limiterQueued.set(stats.queued)
      metrics.limiterRunning.set(stats.running)
      metrics.limiterDone.inc(stats.done - done)
      metrics.inFlight.set(delivery.inFlight)
      metrics.waiting.set(delivery.waiting)
      metrics.pending.set(records)
      metrics.pendingBytes.set(bytes)
      metrics.skipped.inc(intake.skipped - skipped)
      metrics.pausedPartitions.set(intake.pausedPartitions)
      metrics.assignedPartitions.set(intake.partitions().length)
      metrics.fenced.set(isFenced() ? 1 : 0)
      metrics.gateClosed.set(gate.closedFor(now) > 0 ? 1 : 0)
      metrics.deadLetterPartitions.set(deadLetters.heldUp.length)
      metrics.deadLetterQuota.set(quota.left(now))
      const heldBy = hold()
      for (const reason of HOLDS) metrics.heldBy.set({ reason }, reason === heldBy ? 1 : 0)
      metrics.breakerState.set(BREAKER_STATES.indexOf(breaker.state(now)))
      metrics.sincePoll.set(sincePoll() / 1000)
      metrics.drainSeconds.set(drainSeconds(lag ?? 0, stats.owned, limits.of('track').windowMs))
      done = stats.done
      skipped = intake.skipped
    },
    summarise: () => {
      const { share, ...slots } = limiter.stats()
      logger.info({ share, slots, inFlight: delivery.inFlight, waiting: delivery.waiting, pending: intake.pending.records, lag, lastError: delivery.lastError?.what, partitions: intake.partitions() }, 'summary')
    },
  }
}
