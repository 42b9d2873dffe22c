// What a disturbance is, and what it can act upon.

import type { Random } from '../support/random.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import type { ClusterBroker } from '../support/kafka/cluster.ts'
import type { Answers } from './answers.ts'
import type { Fleet } from './fleet.ts'
import type { Setup } from './setup.ts'

/** Where a disturbance acts. */
export interface Stage {
  /** What the stand-in answers. */
  answers: Pick<Answers, 'begin' | 'end'>
  toCustomerIo: TcpProxy
  /** One in front of each broker. */
  toKafka: TcpProxy[]
  brokers: Pick<ClusterBroker, 'id' | 'kill' | 'stop' | 'start' | 'pause' | 'resume'>[]
  fleet: Pick<Fleet, 'up' | 'down' | 'worker'>
}

export interface Disturbance {
  /** What begins, with its parameters, as the story tells it. */
  name: string
  /** How the story tells its end; none: there is nothing to end. */
  over?: string
  /** What no other disturbance may hold meanwhile. */
  claims: string[]
  /** A pause of a worker, ms: the promises cover it only up to LONGEST_PAUSE_MS. */
  pausesMs?: number
  begin(stage: Stage): Promise<void> | void
  /** Undoes it. */
  end(stage: Stage): Promise<void> | void
}

export interface Kind {
  /** Unique. */
  kind: string
  /** From begin to end, ms: least and most. */
  lastsMs: readonly [number, number]
  /** Whether a round can have it; default: any. */
  fits?: (setup: Setup) => boolean
  draw(random: Random, setup: Setup, forMs: number): Disturbance
}

export const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
