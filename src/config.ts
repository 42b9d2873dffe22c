import { readFileSync } from 'node:fs'
import { withMargin } from './clock.ts'
import { KEYS } from './config-keys.ts'
import type { Key, KeyDeclaration } from './config-keys.ts'
import { ConfigError } from './errors.ts'
import { limitsByEnvironment, parseLimits } from './api-limits.ts'
import type { LimitsByApi } from './api-limits.ts'
import type { z } from 'zod'

type Environment = Readonly<Record<string, string | undefined>>
type Raw = { [K in Key]: (typeof KEYS)[K] extends { default: string } ? z.output<(typeof KEYS)[K]['schema']> : z.output<(typeof KEYS)[K]['schema']> | undefined }
type Required = 'KAFKA_BROKERS' | 'CUSTOMERIO_SITE_ID' | 'CUSTOMERIO_API_KEY' | 'CUSTOMERIO_REGION'

/** What was read from a file: a secret, a certificate, a key. */
export interface FromFile {
  readonly path: string
  readonly content: string
}

/** The effective settings: validated and frozen, read once and handed down. */
export type Config = Readonly<Omit<Raw, Required | 'RATE_LIMIT_SHARE'> & { [K in Required]: NonNullable<Raw[K]> }> & {
  /** `auto` has been decided. */
  readonly RATE_LIMIT_SHARE: Exclude<Raw['RATE_LIMIT_SHARE'], 'auto'>
  /** The limits as they were at the start: src/limits.ts has them as they are now. */
  readonly limits: LimitsByApi
  /** What came from a file, as it was at the start: src/secrets.ts has it as it is now. */
  readonly fromFiles: ReadonlyMap<Key, FromFile>
}

const REQUIRED: readonly Required[] = ['KAFKA_BROKERS', 'CUSTOMERIO_SITE_ID', 'CUSTOMERIO_API_KEY', 'CUSTOMERIO_REGION']
const declarations = Object.entries(KEYS) as [Key, KeyDeclaration][]

/**
 * Reads the settings from `env`. Each secret can be given as KEY or as KEY_FILE (a path, its trailing newline dropped); empty values count as
 * absent. Every file that is named must be readable, but for KUBECONFIG, which is left to the Kubernetes client.
 * @throws ConfigError with all faults at once, secrets never shown
 */
export function readConfig(env: Environment, readFile: (path: string) => string = (path) => readFileSync(path, 'utf8')): Config {
  const faults: string[] = []
  const values: Record<string, unknown> = {}
  const fromFiles = new Map<Key, FromFile>()
  /** Keys without a value because of a fault that has its line already. */
  const faulty = new Set<Key>()
  for (const [key, declaration] of declarations) {
    const before = faults.length
    const content = (name: string, path: string): string | undefined => {
      const found = contentOf(name, path, declaration, readFile, faults)
      if (found !== undefined) fromFiles.set(key, { path, content: found })
      return found
    }
    const text = lookUp(key, declaration, env, content)
    if (text !== undefined) {
      const parsed = declaration.schema.safeParse(text)
      if (parsed.success) values[key] = parsed.data
      else faults.push(`${key}: ${declaration.secret ? 'its value (not shown)' : shown(text)} is not allowed; allowed: ${declaration.allowed}`)
    }
    if (declaration.file && typeof values[key] === 'string') content(key, values[key])
    if (faults.length > before) faulty.add(key)
  }
  for (const key of REQUIRED) {
    if (values[key] === undefined && !faulty.has(key)) faults.push(`${key}: is missing; allowed: ${KEYS[key].allowed}`)
  }
  const auto = values['RATE_LIMIT_SHARE'] === 'auto'
  if (auto) values['RATE_LIMIT_SHARE'] = env['KUBERNETES_SERVICE_HOST'] ? 'kubernetes' : 'partitions'
  const before = faults.length
  const limits = limitsAtStart(values as unknown as Config, readFile, faults)
  if (faults.length > before) faulty.add('RATE_LIMITS_FILE')
  const config = { ...values, fromFiles, limits } as unknown as Config
  faults.push(...contradictions(config, faulty))
  if (config.RATE_LIMIT_SHARE === 'kubernetes') faults.push(...kubernetesFaults(config, faulty, auto))
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config)
}

/** A value in a fault. What stands in front of an @ may be credentials in a URL. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/^.*@/s, '...@').slice(0, 200))
}

function lookUp(key: Key, declaration: KeyDeclaration, env: Environment, content: (name: string, path: string) => string | undefined): string | undefined {
  const names = declaration.alias ? [key, declaration.alias] : [key]
  for (const name of names) {
    if (env[name]) return env[name]
    const path = declaration.secret ? env[`${name}_FILE`] : undefined
    if (path) return content(`${name}_FILE`, path)
  }
  return declaration.default
}

function contentOf(name: string, path: string, declaration: KeyDeclaration, readFile: (path: string) => string, faults: string[]): string | undefined {
  try {
    const content = withoutLineEnd(readFile(path))
    if (content) return content
    faults.push(`${name}: the file ${JSON.stringify(path)} is empty; it must hold ${declaration.file ? 'PEM' : declaration.allowed}`)
  } catch (error) {
    faults.push(`${name}: the file ${JSON.stringify(path)} can't be read (${(error as NodeJS.ErrnoException).code ?? 'error'}); give a readable file`)
  }
  return undefined
}

function limitsAtStart(config: Config, readFile: (path: string) => string, faults: string[]): LimitsByApi {
  const byEnvironment = limitsByEnvironment(config)
  const path = config.RATE_LIMITS_FILE
  if (path === undefined) return byEnvironment
  const file = `RATE_LIMITS_FILE: the file ${JSON.stringify(path)}`
  let text: string
  try {
    text = readFile(path)
  } catch (error) {
    faults.push(`${file} can't be read (${(error as NodeJS.ErrnoException).code ?? 'error'}); give a readable file`)
    return byEnvironment
  }
  const reading = parseLimits(text, byEnvironment)
  if (reading.kind === 'good') return reading.limits
  faults.push(...reading.faults.map((fault) => `${file}: ${fault}`))
  return byEnvironment
}

/** A secret as its file holds it: editors and `echo` end a file with a line break. */
export const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '')

/** Settings that are fine one by one but not together. */
function contradictions(c: Config, faulty: ReadonlySet<Key>): string[] {
  const faults: string[] = []
  const both = (...keys: Key[]) => keys.every((key) => c[key] !== undefined)
  const left = c.limits.track.limit - c.limits.track.reserve
  if (both('RATE_LIMIT', 'RATE_LIMIT_RESERVE') && c.RATE_LIMIT_RESERVE >= c.RATE_LIMIT) {
    faults.push(`RATE_LIMIT_RESERVE: ${c.RATE_LIMIT_RESERVE} leaves nothing of RATE_LIMIT ${c.RATE_LIMIT}; allowed: less than RATE_LIMIT`)
  } else if (c.RATE_LIMIT_SHARE === 'fixed' && !faulty.has('RATE_LIMITS_FILE') && !faulty.has('APIS') && c.APIS.includes('track') && c.RATE_LIMIT_DIVISOR > left) {
    faults.push(`RATE_LIMIT_DIVISOR: ${c.RATE_LIMIT_DIVISOR} leaves each process less than one request a window; allowed: at most `
      + `RATE_LIMIT - RATE_LIMIT_RESERVE${c.RATE_LIMITS_FILE ? ', or what RATE_LIMITS_FILE says instead' : ''}`)
  }
  if (c.RATE_LIMIT_SHARE === 'fixed' && both('RATE_LIMIT_DIVISOR', 'APIS') && !faulty.has('RATE_LIMITS_FILE')) {
    for (const api of c.APIS) {
      const { limit, reserve } = c.limits[api]
      if (api === 'track' || limit - reserve >= c.RATE_LIMIT_DIVISOR) continue
      faults.push(`RATE_LIMIT_DIVISOR: ${c.RATE_LIMIT_DIVISOR} leaves each process less than one request a window for ${api} (limit - reserve ${limit - reserve}); `
        + 'allowed: at most that, a larger limit by RATE_LIMITS_FILE, or another RATE_LIMIT_SHARE')
    }
  }
  if (both('APIS') && c.APIS.some((api) => api !== 'track')) {
    const apis = `APIS=${c.APIS.join(',')}`
    if (!c.CUSTOMERIO_APP_API_KEY && !faulty.has('CUSTOMERIO_APP_API_KEY')) faults.push(`CUSTOMERIO_APP_API_KEY: is missing; ${apis} needs it`)
    // messages for people must not leave for the real Customer.io from what was pointed elsewhere
    if (c.CUSTOMERIO_URL && !c.CUSTOMERIO_APP_URL && !faulty.has('CUSTOMERIO_APP_URL')) faults.push(`CUSTOMERIO_APP_URL: is missing; CUSTOMERIO_URL and ${apis} need it`)
  }
  if (both('REQUEST_TIMEOUT_MS', 'LATEST_ARRIVAL_MS') && c.LATEST_ARRIVAL_MS < c.REQUEST_TIMEOUT_MS) {
    faults.push(`LATEST_ARRIVAL_MS: ${c.LATEST_ARRIVAL_MS} is less than REQUEST_TIMEOUT_MS ${c.REQUEST_TIMEOUT_MS}; allowed: at least REQUEST_TIMEOUT_MS`)
  }
  if (both('KAFKA_SESSION_TIMEOUT_MS', 'KAFKA_REBALANCE_TIMEOUT_MS', 'KAFKA_HEARTBEAT_INTERVAL_MS', 'LONGEST_PAUSE_MS', 'LATEST_ARRIVAL_MS') && fenceMs(c) < 2 * c.KAFKA_HEARTBEAT_INTERVAL_MS) {
    faults.push(`KAFKA_SESSION_TIMEOUT_MS: ${c.KAFKA_SESSION_TIMEOUT_MS} (with KAFKA_REBALANCE_TIMEOUT_MS ${c.KAFKA_REBALANCE_TIMEOUT_MS}) leaves no room for the fence; `
      + 'allowed: both above LONGEST_PAUSE_MS + LATEST_ARRIVAL_MS + 2 x KAFKA_HEARTBEAT_INTERVAL_MS (and 0.25 % + 5 ms for drifting clocks)')
  }
  if (c.KAFKA_SASL_MECHANISM === 'oauthbearer') {
    for (const key of ['KAFKA_SASL_OAUTH_TOKEN_URL', 'KAFKA_SASL_OAUTH_CLIENT_ID', 'KAFKA_SASL_OAUTH_CLIENT_SECRET'] as const) {
      if (!c[key] && !faulty.has(key)) faults.push(`${key}: is missing; KAFKA_SASL_MECHANISM=oauthbearer needs it`)
    }
  } else if (c.KAFKA_SASL_MECHANISM && c.KAFKA_SASL_MECHANISM !== 'none') {
    for (const key of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const) {
      if (!c[key] && !faulty.has(key)) faults.push(`${key}: is missing; KAFKA_SASL_MECHANISM=${c.KAFKA_SASL_MECHANISM} needs it`)
    }
  }
  if (Boolean(c.KAFKA_TLS_CERT_FILE) !== Boolean(c.KAFKA_TLS_KEY_FILE)) faults.push('KAFKA_TLS_CERT_FILE: and KAFKA_TLS_KEY_FILE go together; give both or none')
  if (c.KAFKA_TLS === false && (c.KAFKA_TLS_CA_FILE || c.KAFKA_TLS_CERT_FILE)) faults.push('KAFKA_TLS: is false though a TLS file is given; allowed: true, or no KAFKA_TLS_*_FILE')
  return faults
}

/** What is missing or contradicts itself where the slots are kept in Kubernetes. */
function kubernetesFaults(c: Config, faulty: ReadonlySet<Key>, auto: boolean): string[] {
  const faults: string[] = []
  const why = auto ? 'RATE_LIMIT_SHARE=auto is kubernetes in a pod, which needs it' : 'RATE_LIMIT_SHARE=kubernetes needs it'
  for (const [key, field] of [['POD_NAME', 'metadata.name'], ['POD_NAMESPACE', 'metadata.namespace']] as const) {
    if (c[key] || faulty.has(key)) continue
    faults.push(`${key}: is missing; ${why}: set it by the downward API (${field})${auto ? ', or choose RATE_LIMIT_SHARE=partitions' : ''}`)
  }
  if (c.RATE_LIMIT_OUTAGE_MS < c.RATE_LIMIT_LEASE_MS && c.RATE_LIMIT_OUTAGE_PART !== 0) {
    faults.push(`RATE_LIMIT_OUTAGE_MS: ${c.RATE_LIMIT_OUTAGE_MS} is less than RATE_LIMIT_LEASE_MS ${c.RATE_LIMIT_LEASE_MS}; `
      + 'allowed: at least RATE_LIMIT_LEASE_MS, or RATE_LIMIT_OUTAGE_PART=0')
  }
  return faults
}

/**
 * How long after the sending of the last acknowledged heartbeat this process may still send, ms. With min(session, rebalance timeout) - pause - latest
 * arrival, even a request sent at the last instant has arrived before the broker can hand the partition to somebody else; the margin covers drift.
 */
export function fenceMs(c: Pick<Config, 'KAFKA_SESSION_TIMEOUT_MS' | 'KAFKA_REBALANCE_TIMEOUT_MS' | 'LONGEST_PAUSE_MS' | 'LATEST_ARRIVAL_MS'>): number {
  const owned = Math.min(c.KAFKA_SESSION_TIMEOUT_MS, c.KAFKA_REBALANCE_TIMEOUT_MS)
  return owned - c.LONGEST_PAUSE_MS - c.LATEST_ARRIVAL_MS - (withMargin(owned) - owned)
}

/** Lines of `--check-config`: every key with its effective value, secrets masked. */
export function describeConfig(config: Config): string[] {
  return declarations.map(([key, declaration]) => {
    const value: unknown = config[key]
    if (value === undefined) return `${key}=`
    return `${key}=${declaration.secret ? '********' : Array.isArray(value) ? value.join(',') : String(value)}`
  })
}

/** Whether a setting's value, or the content of its file, must never be shown. */
export const isSecret = (key: Key): boolean => (KEYS[key] as KeyDeclaration).secret === true || key === 'KAFKA_TLS_KEY_FILE'

/** Every value that must not appear in a log, metric or error text, by its key. */
export function secretsOf(config: Config): Map<Key, string> {
  const secrets = new Map<Key, string>()
  for (const [key] of declarations) {
    const value = config.fromFiles.get(key)?.content ?? config[key]
    if (isSecret(key) && typeof value === 'string') secrets.set(key, value)
  }
  return secrets
}
