// What the demo can be told by its environment.

import { SettingsError, wholeNumber } from '../support/settings.ts'

export interface Settings {
  events: number
  workers: number
  /** Requests that the stand-in allows in any second; in batches each operation counts, or all would be over before anything can be seen. */
  limit: number
  mode: keyof typeof units
}

/** What counts for the limit, by the mode. */
export const units = { single: 'request', batch: 'operation' } as const

/** The topic's. Slots ride on partitions, so a limit below this would leave some without any. */
export const partitions = 12

const ranges = {
  EVENTS: { default: 5_000, min: 500, max: 200_000 },
  WORKERS: { default: 3, min: 2, max: 6 },
  LIMIT: { default: 100, min: partitions, max: 1_000 },
} as const

/** @throws SettingsError that says which variable is wrong, and what is allowed */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const read = (name: keyof typeof ranges) => wholeNumber(env, name, ranges[name]) ?? ranges[name].default
  return { events: read('EVENTS'), workers: read('WORKERS'), limit: read('LIMIT'), mode: readMode(env.MODE || 'single') }
}

function readMode(text: string): Settings['mode'] {
  if (text !== 'single' && text !== 'batch') throw new SettingsError(`MODE=${text}: must be single or batch`)
  return text
}
