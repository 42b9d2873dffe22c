// What the demo can be told by its environment.

export interface Settings {
  events: number
  workers: number
  /** Requests that the stand-in allows in any second. */
  limit: number
}

/** The topic's. Slots ride on partitions, so a limit below this would leave some without any. */
export const partitions = 12

const ranges = {
  EVENTS: { default: 5_000, min: 500, max: 200_000 },
  WORKERS: { default: 3, min: 2, max: 6 },
  LIMIT: { default: 100, min: partitions, max: 1_000 },
} as const

/** The environment says something that the demo can't do. */
export class SettingsError extends Error {}

/** @throws SettingsError that says which variable is wrong, and what is allowed */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const read = (name: keyof typeof ranges) => {
    const { default: fallback, min, max } = ranges[name]
    const value = Number(env[name] || fallback)
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new SettingsError(`${name}=${env[name]}: must be a whole number from ${min} to ${max}`)
    }
    return value
  }
  return { events: read('EVENTS'), workers: read('WORKERS'), limit: read('LIMIT') }
}
