import { createReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { limitsByEnvironment, MAX_BYTES, parseLimits, shown } from './api-limits.ts'
import type { Api, ApiLimit, LimitsByApi } from './api-limits.ts'
import type { Config } from './config.ts'
import { APIS } from './config-keys.ts'
import type { Logger } from './logger.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** No more than what shows that it is too much: the file is read every second. */
const readBounded = async (path: string): Promise<string> => (await buffer(createReadStream(path, { end: MAX_BYTES }))).toString('utf8')

export interface LimitsOptions {
  readonly config: Config
  readonly logger: Logger
  readonly read?: (path: string) => Promise<string>
}

/**
 * The limits as they are now: ask at each use. The file RATE_LIMITS_FILE is read again and again, for the same cause as in src/secrets.ts:
 * a mounted one is replaced by a change of the link to its folder. One that can't be used leaves the last good limits in place.
 */
export class Limits {
  readonly #options: LimitsOptions
  readonly #read: (path: string) => Promise<string>
  readonly #listeners: ((api: Api) => void)[] = []
  #limits: LimitsByApi
  /** What is wrong with the file; empty if nothing is. */
  #fault = ''

  constructor(options: LimitsOptions) {
    this.#options = options
    this.#read = options.read ?? readBounded
    this.#limits = options.config.limits
  }

  /** @returns what the workers together may use in any window: the limit less its reserve, at least 1; `windowMs` is without a margin */
  of(api: Api): Omit<ApiLimit, 'reserve'> {
    const { limit, reserve, windowMs, unit } = this.#limits[api]
    return { limit: limit - reserve, windowMs, unit }
  }

  /** The file can't be used at present, so that the limits are those of before. */
  get stale(): boolean {
    return this.#fault !== ''
  }

  /** @param listener called after the limit of this API, or its reserve, changed */
  onChange(listener: (api: Api) => void): void {
    this.#listeners.push(listener)
  }

  /** Reads the file; resolves when that has been done since the call. Never rejects. */
  readonly look: () => Promise<void> = oneAtATime(async () => {
    const path = this.#options.config.RATE_LIMITS_FILE
    if (path === undefined) return
    let text: string
    try {
      text = await this.#read(path)
    } catch (error) {
      this.#failed([`can't be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`])
      return
    }
    const reading = parseLimits(text, limitsByEnvironment(this.#options.config))
    const faults = reading.kind === 'good' ? this.#unchangeable(reading.limits) : reading.faults
    if (reading.kind === 'good' && faults.length === 0) this.#found(reading.limits)
    else this.#failed(faults)
  })

  /** The workers' slots are held for one window of one unit: two of them side by side can't be counted together. */
  #unchangeable(limits: LimitsByApi): string[] {
    return APIS.flatMap((api) => (['windowMs', 'unit'] as const).flatMap((field) => {
      const [now, asked] = [this.#limits[api][field], limits[api][field]]
      if (asked === now) return []
      return [`${api}.${field} is ${shown(asked)}; allowed: ${shown(now)}, as at the start: a change needs a restart of all workers`]
    }))
  }

  #found(limits: LimitsByApi): void {
    const { logger } = this.#options
    if (this.stale) logger.info({ setting: 'RATE_LIMITS_FILE' }, 'limits: the file can be used again')
    this.#fault = ''
    const before = this.#limits
    const changed = APIS.filter((api) => before[api].limit !== limits[api].limit || before[api].reserve !== limits[api].reserve)
    this.#limits = limits
    for (const api of changed) {
      const [from, to] = [before, limits].map(({ [api]: { limit, reserve } }) => ({ limit, reserve }))
      logger.info({ api, from, to }, 'limit changed')
      for (const listener of this.#listeners) listener(api)
    }
  }

  #failed(faults: readonly string[]): void {
    const fault = faults.join('\n')
    if (this.#fault === fault) return
    this.#fault = fault
    this.#options.logger.error({ setting: 'RATE_LIMITS_FILE', faults }, 'limits: the file can\'t be used, the last good limits stay in use')
  }
}
