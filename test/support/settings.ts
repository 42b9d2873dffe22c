// What the demo, the load run and the soak can be told by their environment.

/** The environment says something that can't be done. */
export class SettingsError extends Error {}

/**
 * The variable as a whole number; undefined if it is not set, or empty.
 * @throws SettingsError that says which variable is wrong, and what is allowed
 */
export function wholeNumber(env: NodeJS.ProcessEnv, name: string, { min, max }: { min: number; max: number }): number | undefined {
  if (!env[name]) return undefined
  const value = Number(env[name])
  if (!Number.isInteger(value) || value < min || value > max) throw new SettingsError(`${name}=${env[name]}: must be a whole number from ${min} to ${max}`)
  return value
}
