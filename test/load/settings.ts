// What the load run can be told by its environment.

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

/** @throws RangeError that says which variable is wrong, and what is allowed */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const read = (name: keyof typeof ranges) => {
    const { default: fallback, min, max } = ranges[name]
    const value = Number(env[name] || fallback)
    if (!Number.isInteger(value) || value < min || value > max) throw new RangeError(`${name}=${env[name]}: must be a whole number from ${min} to ${max}`)
    return value
  }
  const fault = faults.find((known) => known === (env.FAULT || 'none'))
  if (fault === undefined) throw new RangeError(`FAULT=${env.FAULT}: must be one of ${faults.join(', ')}`)
  return { events: read('EVENTS'), minutes: read('MINUTES'), limit: read('LIMIT'), fault }
}
