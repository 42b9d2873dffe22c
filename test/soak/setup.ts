// What a round takes place in: sizes, settings and traffic, drawn from its seed. Pure.

import type { FaultPlan } from '../stand-in/faults.ts'
import type { Random } from '../support/random.ts'

/** A place for a worker, as a pod of a deployment: whoever sits there ends, and somebody new sits down. */
export interface Seat {
  name: string
  /** Reaches the brokers, and Customer.io, through the proxies. */
  kafkaProxied: boolean
  customerIoProxied: boolean
}

export interface Setup {
  lengthMs: number
  brokers: 1 | 3
  limit: number
  /** One event a request, or as many as wait. */
  mode: 'single' | 'batch'
  /** What the limit counts. */
  unit: 'request' | 'operation'
  partitions: number
  /** Taken from the beginning. */
  seats: Seat[]
  /** One that only a disturbance fills. */
  spare: Seat
  env: Record<string, string>
  longestPauseMs: number
  traffic: {
    people: number
    hot: number
    badShare: number
    /** Share of events with much data. */
    largeShare: number
    /** Events a second. */
    rate: number
    /** Published before the workers start. */
    backlog: number
  }
  /** What the stand-in does on any day. */
  everyday: FaultPlan
}

/** @param seconds length of the round, in place of the drawn one */
export function drawSetup(random: Random, seconds?: number): Setup {
  const between = (min: number, max: number) => min + random.below(max - min + 1)
  const drawnMs = between(60, 120) * 1_000
  const limit = between(100, 300)
  const seats = Array.from({ length: random.pick([1, 2, 2, 3, 3, 4]) }, (_, index) => drawSeat(random, index))
  const spare = drawSeat(random, seats.length)
  const slowestMs = between(30, 80)
  const fixed = random.chance(0.2)
  const usable = fixed ? Math.floor(limit / (seats.length + 1)) * seats.length : limit
  // about half of what is possible on a good day, so that a bad one can be made up for
  const rate = Math.round((usable * between(35, 60)) / 100)
  const timing = drawTiming(random)
  const mode = random.pick(['single', 'batch'] as const)
  return {
    mode,
    unit: mode === 'batch' ? random.pick(['request', 'operation'] as const) : 'request',
    lengthMs: seconds === undefined ? drawnMs : seconds * 1_000,
    brokers: random.chance(0.35) ? 3 : 1,
    limit, seats, spare,
    partitions: random.pick([6, 12, 12, 24]),
    env: {
      ...timing,
      DELIVERY_MODE: mode,
      ...(fixed && { RATE_LIMIT_SHARE: 'fixed', RATE_LIMIT_DIVISOR: String(seats.length + 1) }),
      CONCURRENCY: String(Math.ceil((1.5 * limit * slowestMs) / 1_000 / seats.length) + random.below(20)),
      COMMIT_INTERVAL_MS: random.pick(['50', '200', '500', '1000']),
      RETRY_MAX: random.pick(['5', '6', '8']),
      RETRY_BASE_MS: random.pick(['100', '200', '500']),
      RETRY_CAP_MS: random.pick(['2000', '4000', '8000']),
      PREFETCH_RECORDS: random.pick(['400', '1000', '2000']),
      // one line an event: tells afterwards who did what
      LOG_LEVEL: 'debug',
    },
    longestPauseMs: Number(timing.LONGEST_PAUSE_MS),
    traffic: {
      people: between(50, 400),
      // a person's events go one by one, so there is a bound on how many a second can be delivered
      hot: random.pick([0, 0.05, 0.2]) && Math.min(0.2, 0.4 / (rate * (slowestMs / 1_000))),
      badShare: random.pick([0, 0.02, 0.05, 0.1]),
      largeShare: random.pick([0, 0, 0.02]),
      rate,
      backlog: 3 * rate,
    },
    everyday: {
      latencyMs: [10, slowestMs],
      rules: [
        { name: 'unavailable', match: { ratio: random.pick([0.001, 0.01, 0.02]) }, effect: { status: 503 } },
        { name: 'slow', match: { ratio: 0.01 }, effect: { delayMs: [200, 600] } },
        { name: 'reset', match: { ratio: 0.002 }, effect: { reset: 'after' } },
        { name: 'accepted, no answer', match: { ratio: 0.002 }, effect: { hang: true, accept: true } },
        // of batches only
        { name: 'partly', match: { ratio: random.pick([0, 0.02, 0.2]) }, effect: { partial: { ratio: 0.1, reason: 'internal' } } },
      ],
    },
  }
}

function drawSeat(random: Random, index: number): Seat {
  return { name: String.fromCodePoint('A'.codePointAt(0)! + index), kafkaProxied: index === 0 || random.chance(0.7), customerIoProxied: index === 0 || random.chance(0.7) }
}

/** Times that fit together: a request is given up, and its connection reset, even if the process pauses meanwhile. */
function drawTiming(random: Random): Record<string, string> & { LONGEST_PAUSE_MS: string } {
  const requestMs = random.pick([800, 1_000, 1_500])
  const pauseMs = random.pick([1_500, 2_000, 2_500])
  const latestMs = requestMs + pauseMs + 500 + random.below(1_000)
  const sessionMs = latestMs + pauseMs + 3_000 + random.below(3_000)
  return {
    REQUEST_TIMEOUT_MS: String(requestMs),
    LONGEST_PAUSE_MS: String(pauseMs),
    LATEST_ARRIVAL_MS: String(latestMs),
    KAFKA_SESSION_TIMEOUT_MS: String(sessionMs),
    KAFKA_HEARTBEAT_INTERVAL_MS: random.pick(['300', '500', '1000']),
    KAFKA_REBALANCE_TIMEOUT_MS: String(sessionMs + random.pick([3_000, 8_000])),
  }
}
