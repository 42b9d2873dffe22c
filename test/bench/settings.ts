// What the bench can be told by its environment.

import { SettingsError, wholeNumber } from '../support/settings.ts'

const ranges = {
  RUNS: { default: 5, min: 1, max: 100 },
  EVENTS: { default: 200_000, min: 1_000, max: 10_000_000 },
  SINGLE_EVENTS: { default: 30_000, min: 1_000, max: 10_000_000 },
  DRAIN_EVENTS: { default: 1_000_000, min: 1_000, max: 100_000_000 },
  CLIENT_MS: { default: 1_000, min: 100, max: 600_000 },
} as const

export interface BenchSettings {
  /** Of each figure; the median counts. */
  readonly runs: number
  /** For contestants that send batches. */
  readonly events: number
  /** For those that send one event a request. */
  readonly singleEvents: number
  /** Of the backlog that is drained. */
  readonly drainEvents: number
  /** How long each way of calling is measured. */
  readonly clientMs: number
  /** A run that takes longer hangs, ms. */
  readonly withinMs: number
  /** Only these contestants; all if not given. */
  readonly contestants: readonly string[] | undefined
  /** Has the worker write a CPU profile, and prints it. */
  readonly profile: boolean
}

/** @throws SettingsError that says which variable is wrong, and what is allowed */
export function readBenchSettings(env: NodeJS.ProcessEnv): BenchSettings {
  const read = (name: keyof typeof ranges) => wholeNumber(env, name, ranges[name]) ?? ranges[name].default
  if (process.platform !== 'linux') throw new SettingsError('The bench reads CPU and memory from /proc: it runs on Linux only.')
  return {
    runs: read('RUNS'), events: read('EVENTS'), singleEvents: read('SINGLE_EVENTS'), drainEvents: read('DRAIN_EVENTS'), clientMs: read('CLIENT_MS'),
    withinMs: 300_000,
    contestants: env.CONTESTANTS ? env.CONTESTANTS.split(',') : undefined,
    profile: env.PROFILE === '1',
  }
}
