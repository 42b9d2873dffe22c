import type { Announcer } from '../announcer.ts'
import type { Api, ApiLimit } from '../api-limits.ts'
import type { MonotonicClock, WallClock } from '../clock.ts'
import { withMargin } from '../clock.ts'
import type { Config } from '../config.ts'
import { errorText } from '../errors.ts'
import type { DeadLetters } from '../kafka/dead-letter.ts'
import { SlotLimiter } from '../limiter/limiter.ts'
import type { ShareSource } from '../limiter/share.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import type { Secrets } from '../secrets.ts'
import { Breaker } from './breaker.ts'
import { createApp, createTrack } from './customerio.ts'
import type { CustomerIo } from './customerio.ts'
import { Delivery } from './delivery.ts'
import { Gate } from './gate.ts'
import { Health } from './health.ts'
import { Pace, paced } from './pace.ts'
import type { Quota } from './quota.ts'
import { States } from './states.ts'

/** One of Customer.io's APIs, with all that is its own: slots, credentials, gate, breaker, and how requests to it have fared lately. */
export interface Channel {
  readonly api: Api
  readonly limiter: SlotLimiter
  readonly gate: Gate
  readonly breaker: Breaker
  readonly delivery: Delivery
  readonly pace: Pace
  close(): Promise<void>
}

export interface ChannelOptions {
  readonly api: Api
  readonly config: Config
  readonly secrets: Secrets
  readonly share: ShareSource
  /** As it is at the start: window and unit never change. */
  readonly limit: Omit<ApiLimit, 'reserve'>
  /** Of the process: dead letters for what was given up are bounded for all APIs together. */
  readonly quota: Quota
  readonly deadLetters: DeadLetters
  readonly announcer: Announcer
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: MonotonicClock
  readonly wall: WallClock
  readonly after: (ms: number, run: () => void) => void
  /** Whether the partitions may be somebody else's by now. */
  readonly fenced: () => boolean
}

export function createChannel(options: ChannelOptions): Channel {
  const { api, config, share, limit, quota, deadLetters, announcer, metrics, logger, clock, wall, after, fenced } = options
  const limiter = new SlotLimiter({
    share, windowMs: withMargin(limit.windowMs), latestArrivalMs: withMargin(config.LATEST_ARRIVAL_MS), concurrency: config.CONCURRENCY, clock, after,
    onDepleted: () => metrics.limiterDepleted.inc({ api }),
    onError: (error) => {
      metrics.limiterErrors.inc()
      logger.error({ cause: errorText(error) }, 'limiter')
    },
  })
  const pace = new Pace()
  const customerIo = paced(openApi(options), pace, clock)
  const backoff = { baseMs: config.RETRY_BASE_MS, capMs: config.RETRY_CAP_MS, jitter: config.RETRY_JITTER }
  const [gate, breaker] = [new Gate(backoff), new Breaker(backoff)]
  const delivery = new Delivery({
    api, mode: api === 'track' ? config.DELIVERY_MODE : 'single', unit: limit.unit,
    customerIo, limiter, gate, breaker, deadLetters, quota, health: new Health(), states: new States({ api, breaker, gate, quota, announcer, clock }),
    policy: { ...backoff, retries: config.RETRY_MAX, unconfirmed: api === 'track' ? 'retry' : config.UNCONFIRMED_SENDS },
    concurrency: config.CONCURRENCY, clock, wall, random: Math.random, metrics, logger, maySend: () => !fenced(),
  })
  share.onChange(() => delivery.pump())
  return { api, limiter, gate, breaker, delivery, pace, close: async () => customerIo.close() }
}

/** The key of an API's credentials. */
export const keyOf = (api: Api): 'CUSTOMERIO_API_KEY' | 'CUSTOMERIO_APP_API_KEY' => (api === 'track' ? 'CUSTOMERIO_API_KEY' : 'CUSTOMERIO_APP_API_KEY')

function openApi({ api, config, secrets, share, fenced }: ChannelOptions): CustomerIo {
  const common = {
    region: config.CUSTOMERIO_REGION, timeoutMs: config.REQUEST_TIMEOUT_MS, connections: config.CONCURRENCY,
    apiKey: () => secrets.of(keyOf(api)) ?? '', onRefused: () => void secrets.look(),
    // the last word before the socket: a fence or a lease may have lapsed since the slot was taken
    maySend: () => !fenced() && share.slots() > 0,
  }
  if (api === 'track') return createTrack({ ...common, siteId: config.CUSTOMERIO_SITE_ID, url: config.CUSTOMERIO_URL })
  return createApp({ ...common, url: config.CUSTOMERIO_APP_URL })
}
