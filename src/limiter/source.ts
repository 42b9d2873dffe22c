import { randomUUID } from 'node:crypto'
import type { Announcer } from '../announcer.ts'
import type { Budgets, Parts } from '../budget.ts'
import type { MonotonicClock } from '../clock.ts'
import { withMargin } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Api } from '../api-limits.ts'
import type { Limits } from '../limits.ts'
import type { Logger } from '../logger.ts'
import { KubernetesShare } from './kubernetes/share.ts'
import type { MemberState } from './kubernetes/ledger-member.ts'
import { openLeaseStore } from './kubernetes/lease-store.ts'
import { PartitionShare } from './partitions.ts'
import { Redeal } from './redeal.ts'
import { FixedShare } from './share.ts'
import type { ShareSource } from './share.ts'

export interface SourceOptions {
  readonly config: Config
  readonly limits: Limits
  /** Those that calls are made of. */
  readonly apis: readonly Api[]
  readonly clock: MonotonicClock
  readonly after: (ms: number, run: () => void) => void
  readonly random: () => number
  readonly announcer: Announcer
  readonly logger: Logger
  /** Whether the partitions may be somebody else's by now. */
  readonly fenced: () => boolean
}

/** Where the slots of all APIs come from: one of three ways, chosen at the start and never changed. */
export interface SlotSource {
  /** The share of one of `apis`. */
  of(api: Api): ShareSource
  /** Resolves when slots can be had, now or after a wait that ends by itself. @throws StartupError if it can't be shared this way here */
  start(): Promise<void>
  /** To be called when all that was sent is answered, or can't arrive any more. Never rejects. */
  stop(): Promise<void>
  /** The group has dealt partitions, and parts of the limits. */
  assigned(parts: Parts): void
  revoked(): void
  /** What this process tells its group of the limits. */
  budgets(): Budgets
  /** Whether the group should deal anew; to be asked some times a second. */
  wantsDeal(): boolean
  /** How it stands in the ledger; undefined without one. */
  ledger(): MemberState | undefined
}

export function createSource(options: SourceOptions): SlotSource {
  switch (options.config.RATE_LIMIT_SHARE) {
    case 'kubernetes': return byLedger(options)
    case 'partitions': return byPartitions(options)
    case 'fixed': return byDivisor(options)
  }
}

const nothing = { start: async () => {}, stop: async () => {}, assigned: () => {}, revoked: () => {}, budgets: () => ({}), wantsDeal: () => false, ledger: () => undefined }

/** One of something for each API. */
function forEachOf<T>(apis: readonly Api[], make: (api: Api) => T): { of: (api: Api) => T; all: readonly (readonly [Api, T])[] } {
  const all = apis.map((api) => [api, make(api)] as const)
  const byApi = new Map(all)
  return {
    all,
    of: (api) => {
      const found = byApi.get(api)
      if (!found) throw new Error(`no slots are kept for calls of ${api}`)
      return found
    },
  }
}

/** Time that a call of the Kubernetes API may take: some fit into a lease. */
const apiTimeoutMs = (config: Config): number => Math.min(5_000, config.RATE_LIMIT_LEASE_MS / 3)

/**
 * Some renewals fit into a lease; and some into the time after which a process is taken for dead when another one has begun in its pod, so that one that
 * lives is seen to live.
 */
const renewMs = (config: Config, windowMs: number): number => Math.min(config.RATE_LIMIT_LEASE_MS, config.LATEST_ARRIVAL_MS + windowMs) / 4

function byLedger({ config, limits, apis, clock, random, announcer, logger }: SourceOptions): SlotSource {
  const windowMs = Math.max(...apis.map((api) => limits.of(api).windowMs))
  const share = new KubernetesShare({
    name: randomUUID(),
    terms: {
      leaseMs: config.RATE_LIMIT_LEASE_MS, outageMs: config.RATE_LIMIT_OUTAGE_MS, outagePart: config.RATE_LIMIT_OUTAGE_PART,
      renewMs: renewMs(config, windowMs), windowMs, latestArrivalMs: config.LATEST_ARRIVAL_MS, longestPauseMs: config.LONGEST_PAUSE_MS,
    },
    limits: Object.fromEntries(apis.map((api) => [api, () => limits.of(api).limit])),
    open: async () => openLeaseStore({
      podName: config.POD_NAME as string, namespace: config.POD_NAMESPACE as string, kubeconfig: config.KUBECONFIG, timeoutMs: apiTimeoutMs(config),
    }),
    clock, random, announcer, logger,
  })
  limits.onChange(() => share.limitChanged())
  const { of } = forEachOf(apis, (api) => share.of(api))
  return { ...nothing, of, start: async () => share.start(), stop: async () => share.stop(), ledger: () => share.state() }
}

function byPartitions({ config, limits, apis, clock, after, fenced }: SourceOptions): SlotSource {
  const { of, all } = forEachOf(apis, (api) => new PartitionShare({
    limit: () => limits.of(api).limit, windowMs: withMargin(limits.of(api).windowMs), clock, after, fenced,
  }))
  const intervalMs = config.RATE_LIMIT_DEAL_INTERVAL_MS
  const redeals = forEachOf(apis, () => new Redeal({ intervalMs }))
  limits.onChange((api) => { if (apis.includes(api)) of(api).limitChanged() })
  return {
    ...nothing, of,
    assigned: (parts) => { for (const [api, share] of all) share.assigned(parts[api]) },
    revoked: () => { for (const [, share] of all) share.revoked() },
    budgets: () => Object.fromEntries(all.map(([api, share]) => [api, share.budget()])),
    // each looks, whatever the others say: it counts how long a cause has lasted
    wantsDeal: () => intervalMs > 0 && all.map(([api, share]) => redeals.of(api).look(clock(), share.standing())).includes(true),
  }
}

function byDivisor({ config, limits, apis, clock, after }: SourceOptions): SlotSource {
  const { of } = forEachOf(apis, (api) => new FixedShare({
    limit: () => limits.of(api).limit, divisor: config.RATE_LIMIT_DIVISOR, clock, after,
    quarantineMs: withMargin(config.LATEST_ARRIVAL_MS) + withMargin(limits.of(api).windowMs),
  }))
  limits.onChange((api) => { if (apis.includes(api)) of(api).limitChanged() })
  return { ...nothing, of }
}
