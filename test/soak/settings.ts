// What the soak can be told by its environment.

import { randomInt } from 'node:crypto'
import { SettingsError, wholeNumber } from '../support/settings.ts'

export interface Settings {
  /** No round begins after so long. */
  minutes: number
  /** Of the first round; those of the others are drawn from it. */
  seed: number
  /** At most so many. */
  rounds: number
  /** Length of every round, in place of the drawn ones. */
  seconds: number | undefined
  /** Where the logs of all rounds are kept; otherwise only those of failed ones are. */
  keep: string | undefined
  /** Settings of all workers on top of the drawn ones: for switching off what is to be missed. */
  workerEnv: Record<string, string>
}

const LARGEST_SEED = 2 ** 31 - 1

/** @throws SettingsError that says which variable is wrong, and what is allowed */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const read = (name: string, min: number, max: number) => wholeNumber(env, name, { min, max })
  return {
    minutes: read('MINUTES', 1, 100_000) ?? 10,
    seed: read('SEED', 0, LARGEST_SEED) ?? randomInt(LARGEST_SEED),
    rounds: read('ROUNDS', 1, 1_000_000) ?? Infinity,
    seconds: read('SECONDS', 10, 600),
    keep: env.KEEP || undefined,
    workerEnv: readWorkerEnv(env.WORKER_ENV),
  }
}

function readWorkerEnv(text: string | undefined): Record<string, string> {
  if (!text) return {}
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && Object.values(parsed).every((value) => typeof value === 'string')) return parsed as Record<string, string>
  } catch {
    // said below
  }
  throw new SettingsError('WORKER_ENV: must be a JSON object of strings, such as {"RATE_LIMIT_SHARE":"fixed"}')
}
