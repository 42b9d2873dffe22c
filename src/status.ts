import type { Announcer } from './announcer.ts'
import type { Api } from './api-limits.ts'
import type { MonotonicClock } from './clock.ts'
import type { Channel } from './delivery/channel.ts'
import { holdOf } from './delivery/hold.ts'
import type { Hold } from './delivery/hold.ts'
import type { Quota } from './delivery/quota.ts'
import type { Intake } from './intake.ts'
import type { DeadLetters } from './kafka/dead-letter.ts'
import type { SlotSource } from './limiter/source.ts'

/** Where the process stands in its group. */
export interface GroupStatus {
  readonly stopping: boolean
  /** At least once. */
  readonly joined: boolean
  /** Of the present assignment; undefined while it is being given up, or there is none. */
  readonly generation: number | undefined
  /** Of the last assignment, also while it is being given up. */
  readonly assigned: number | undefined
  readonly fenced: boolean
}

/** What of a channel tells how it stands. */
type Watched = Omit<Channel, 'close' | 'pace'>

export interface StatusSources {
  readonly group: () => GroupStatus
  readonly intake: Pick<Intake, 'partitions' | 'pending' | 'pausedPartitions'>
  readonly channels: readonly Watched[]
  readonly deadLetters: DeadLetters
  readonly source: Pick<SlotSource, 'ledger'>
  readonly quota: Quota
  /** Records; undefined before it was looked up. */
  readonly lag: () => number | undefined
  readonly concurrency: number
  readonly announcer: Announcer
  readonly clock: MonotonicClock
}

export interface Status {
  /** Notices what time alone has changed, and tells it in the log. To be called about once a second. */
  look(): void
  /** The one word for what holds sending by this API now. */
  hold(api: Api): Hold
  /** What /readyz?verbose shows: how each part stands. Nothing secret, nothing personal. */
  report(): object
}

export function createStatus(sources: StatusSources): Status {
  const { group, intake, channels, deadLetters, source, quota, lag, concurrency, announcer, clock } = sources
  const held = new Map<Api, { readonly by: Hold; readonly since: number }>()
  /** Generation in which the fence was last seen open: it is shut at the beginning of each. */
  let opened: number | undefined

  const holdOfChannel = ({ api, limiter, delivery, breaker, gate }: Watched): Hold => {
    const now = clock()
    const { stopping, joined, generation, fenced } = group()
    const by = holdOf({
      stopping, joined, fenced, concurrency,
      partitions: generation === undefined ? undefined : intake.partitions().length,
      usableSlots: limiter.usable(), freeSlots: limiter.stats().free, breaker: breaker.state(now), gateClosed: gate.closedFor(now) > 0,
      inFlight: delivery.inFlight, ready: delivery.ready, waiting: delivery.waiting, writing: delivery.writing, heldUp: deadLetters.heldUp.length,
      pending: intake.pending.records,
    })
    if (held.get(api)?.by !== by) held.set(api, { by, since: now })
    return by
  }

  /** ms until something is tried again, where that is known. */
  const nextTry = ({ breaker, gate, delivery }: Watched, by: Hold, now: number): number | null => {
    switch (by) {
      case 'credentials_refused':
      case 'breaker_open': return Math.round(breaker.waitMs(now))
      case 'gate_closed': return Math.round(gate.closedFor(now))
      case 'backoff': return Math.round(Math.max(0, (delivery.firstDueAt ?? now) - now))
      default: return null
    }
  }

  const lookAtFence = (): void => {
    // also while partitions are given up: with Kafka away that takes as long as the outage
    const { assigned, fenced } = group()
    if (assigned === undefined || (fenced && opened !== assigned)) return
    if (!fenced) opened = assigned
    announcer.say({ what: 'fence' }, fenced
      ? { state: 'shut', stops: true, message: 'fence shut: no heartbeat acknowledged for long, the partitions may be somebody else\'s, nothing is sent' }
      : { state: 'open', stops: false, message: 'fence open again: Kafka acknowledges heartbeats' })
  }

  const reportOf = (channel: Watched, now: number): object => {
    const { api, limiter, delivery, breaker, gate } = channel
    const by = holdOfChannel(channel)
    const { share, owned, free, held: inUse } = limiter.stats()
    const { lastError } = delivery
    return {
      sending: { state: by, sinceMs: Math.round(now - (held.get(api)?.since ?? now)), nextTryMs: nextTry(channel, by, now) },
      breaker: { state: breaker.state(now), nextAttemptMs: Math.round(breaker.waitMs(now)) },
      gate: { closedForMs: Math.round(gate.closedFor(now)), partOfSlots: gate.part(now) },
      slots: { share, owned, usable: limiter.usable(), free, inUse },
      events: { inFlight: delivery.inFlight, ready: delivery.ready, waiting: delivery.waiting },
      lastError: lastError ? { what: lastError.what, agoMs: Math.round(now - lastError.at) } : null,
    }
  }

  return {
    look: () => {
      for (const { delivery } of channels) delivery.look()
      lookAtFence()
      for (const channel of channels) holdOfChannel(channel)
    },
    hold: (api) => holdOfChannel(channels.find((channel) => channel.api === api)!),
    report: () => {
      const now = clock()
      const { joined, generation, fenced } = group()
      const { records, bytes } = intake.pending
      return {
        group: {
          joined, generation: generation ?? null, partitions: intake.partitions().toSorted((a, b) => a - b), fence: fenced ? 'shut' : 'open',
        },
        apis: Object.fromEntries(channels.map((channel) => [channel.api, reportOf(channel, now)])),
        ledger: ledgerOf(source.ledger()),
        pending: { records, bytes },
        pausedPartitions: intake.pausedPartitions,
        deadLetters: { quotaLeft: quota.left(now), partitionsHeldUp: deadLetters.heldUp },
        lagRecords: lag() ?? null,
      }
    },
  }
}

/** Null without a ledger: slots are shared in another way, or nobody has read it yet. */
function ledgerOf(state: ReturnType<SlotSource['ledger']>): object | null {
  if (!state) return null
  const { standing, ageMs, members, rank, quarantined, open } = state
  return { standing, ageMs: ageMs === undefined ? null : Math.round(ageMs), members, rank: rank ?? null, quarantined, open }
}
