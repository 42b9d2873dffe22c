import { z } from 'zod'
import { APIS, KEYS } from './config-keys.ts'
import type { Api } from './config-keys.ts'

export type { Api } from './config-keys.ts'

export interface ApiLimit {
  /** What Customer.io allows the workspace in any window. */
  readonly limit: number
  /** Part of it left to other callers: less than `limit`. */
  readonly reserve: number
  /** The window, ms, without a margin. */
  readonly windowMs: number
  /** What counts: each request, or each operation of a request that carries several. */
  readonly unit: 'request' | 'operation'
}
export type LimitsByApi = Readonly<Record<Api, ApiLimit>>

/** What file and environment say together, or why the file can't be used: a fault names the field, what it holds, what is allowed. */
type Reading = { readonly kind: 'good'; readonly limits: LimitsByApi } | { readonly kind: 'bad'; readonly faults: readonly string[] }

/** Of the file. */
export const MAX_BYTES = 65_536
/** Most characters of a value or a name in a fault. */
const SHOWN = 200

const like = (setting: { schema: z.ZodType }) => z.number().refine((n) => setting.schema.safeParse(String(n)).success).optional()
/** A field of the file allows what the setting of the environment does that it goes before. */
const SETTINGS = {
  limit: KEYS.RATE_LIMIT, reserve: KEYS.RATE_LIMIT_RESERVE, windowMs: KEYS.RATE_LIMIT_WINDOW_MS, unit: KEYS.RATE_LIMIT_UNIT,
} as const
const apiSchema = z.strictObject({
  limit: like(SETTINGS.limit), reserve: like(SETTINGS.reserve), windowMs: like(SETTINGS.windowMs), unit: SETTINGS.unit.schema.optional(),
}).optional()
const fileSchema = z.strictObject({ track: apiSchema, transactional: apiSchema, general: apiSchema, broadcast: apiSchema })
const apiNames = APIS.join(', ')
const fieldNames = Object.keys(SETTINGS).join(', ')

const forEach = (limitOf: (api: Api) => ApiLimit): LimitsByApi =>
  ({ track: limitOf('track'), transactional: limitOf('transactional'), general: limitOf('general'), broadcast: limitOf('broadcast') })

/** Of the environment. */
interface Settings {
  readonly RATE_LIMIT: number
  readonly RATE_LIMIT_RESERVE: number
  readonly RATE_LIMIT_WINDOW_MS: number
  readonly RATE_LIMIT_UNIT: ApiLimit['unit']
}

/** The limits as they are without a file. */
export function limitsByEnvironment(c: Settings): LimitsByApi {
  const rest = { reserve: 0, unit: 'request' } as const
  return {
    track: { limit: c.RATE_LIMIT, reserve: c.RATE_LIMIT_RESERVE, windowMs: c.RATE_LIMIT_WINDOW_MS, unit: c.RATE_LIMIT_UNIT },
    // Customer.io's documentation: 100 a second (an older page), or 3,000 in 3 s (a newer one); the smaller holds for both
    transactional: { limit: 100, windowMs: 1_000, ...rest },
    general: { limit: 10, windowMs: 1_000, ...rest },
    broadcast: { limit: 1, windowMs: 10_000, ...rest },
  }
}

/**
 * What the file holds, field by field in place of `byEnvironment`. Pure.
 * @param byEnvironment a setting that is faulty itself may be undefined in it: nothing is compared with that
 */
export function parseLimits(text: string, byEnvironment: LimitsByApi): Reading {
  if (Buffer.byteLength(text) > MAX_BYTES) return { kind: 'bad', faults: [`is over ${MAX_BYTES} bytes; allowed: an object of ${apiNames}`] }
  if (text.trim() === '') return { kind: 'bad', faults: [`is empty; allowed: an object of ${apiNames}`] }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { kind: 'bad', faults: [`is not JSON; allowed: an object of ${apiNames}`] }
  }
  const { success, data, error } = fileSchema.safeParse(json)
  if (!success) return { kind: 'bad', faults: error.issues.flatMap((issue) => faultsOf(issue, json)) }
  const limits = forEach((api) => ({ ...byEnvironment[api], ...data[api] }))
  const faults = APIS.flatMap((api) => {
    const { limit, reserve } = limits[api]
    // what the environment says wrong by itself has its fault there
    if (data[api]?.limit === undefined && data[api]?.reserve === undefined) return []
    return reserve >= limit ? [`${api}.reserve is ${reserve} and leaves nothing of ${api}.limit ${limit}; allowed: less than it`] : []
  })
  return faults.length > 0 ? { kind: 'bad', faults } : { kind: 'good', limits }
}

function faultsOf(issue: z.core.$ZodIssue, json: unknown): string[] {
  const path = issue.path.map(String)
  const [api, field] = path
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => [...path, /^[\w-]{1,64}$/.test(key) ? key : shown(key)].join('.'))
    const several = names.length > 1 ? ` (and ${names.length - 1} more)` : ''
    return [`${names[0]}${several} is unknown; allowed: ${api === undefined ? apiNames : fieldNames}`]
  }
  const held = path.reduce((value, name) => (value as Record<string, unknown>)[name], json)
  if (api === undefined) return [`holds ${shown(held)}; allowed: an object of ${apiNames}`]
  const allowed = field === undefined ? `an object of ${fieldNames}` : SETTINGS[field as keyof typeof SETTINGS].allowed
  return [`${path.join('.')} is ${shown(held)}; allowed: ${allowed}`]
}

/** A value in a fault. Lists and objects are not shown: to write one that is nested deeply would overflow the stack. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value).slice(0, SHOWN)
}
