// What the load run can be told by its environment.

import { SettingsError, wholeNumber } from '../support/settings.ts'

const ranges = {
  EVENTS: { default: 1_000_000, min: 1_000, max: 10_000_000 },
  MINUTES: { default: 10, min: 1, max: 1_440 },
  LIMIT: { default: 100, min: 12, max: 1_000 },
} as const
/** In the middle of the run: answers of 2 s, or only 503. */
const faults = ['none', 'slow', 'down'] as const

export interface Settings {
  events: number
  minutes: number
  /** Requests that the stand-in allows in any second. */
  limit: number
  fault: typeof faults[number]
}

/** @throws SettingsError that says which variable is wrong, and what is allowed */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const read = (name: keyof typeof ranges) => wholeNumber(env, name, ranges[name]) ?? ranges[name].default
  const fault = faults.find((known) => known === (env.FAULT || 'none'))
  if (fault === undefined) throw new SettingsError(`FAULT=${env.FAULT}: must be one of ${faults.join(', ')}`)
  return { events: read('EVENTS'), minutes: read('MINUTES'), limit: read('LIMIT'), fault }
}
