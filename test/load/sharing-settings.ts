// What the programs about sharing the limit can be told by their environment.

import { SettingsError, wholeNumber } from '../support/settings.ts'

const SOURCES = ['kubernetes', 'partitions'] as const
export type SourceName = (typeof SOURCES)[number]

export interface SharingSettings {
  source: SourceName
  /** Requests that the stand-in allows in any second. */
  limit: number
  /** How long an act goes on after its change is done. */
  seconds: number
}

/** @throws SettingsError that says which variable is wrong, and what is allowed */
export function readSharing(env: NodeJS.ProcessEnv, { seconds }: { seconds: number }): SharingSettings {
  const source = SOURCES.find((known) => known === (env.SOURCE || SOURCES[0]))
  if (source === undefined) throw new SettingsError(`SOURCE=${env.SOURCE}: must be one of ${SOURCES.join(', ')}`)
  return {
    source,
    limit: wholeNumber(env, 'LIMIT', { min: 24, max: 1_000 }) ?? 100,
    // two of the spans that are measured must fit in
    seconds: wholeNumber(env, 'SECONDS', { min: 30, max: 3_600 }) ?? seconds,
  }
}
