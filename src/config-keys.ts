import { z } from 'zod'

/** zod would write parsers as source text and compile them; the process runs without the right to do so. */
z.config({ jitless: true })

/**
 * Every setting, declared once: the table in docs/configuration.md is held against this list by a test, and
 * `--check-config` prints it. `secret` keys are masked everywhere and can also be given as KEY_FILE (the path of a file); the value of `file` keys
 * is such a path. What came from a file is read again when it changes (src/secrets.ts).
 */
export interface KeyDeclaration {
  readonly schema: z.ZodType
  /** Text form of the default; undefined = no default. */
  readonly default?: string
  /** What is allowed, in words, for the error line and for the docs. */
  readonly allowed: string
  readonly about: string
  readonly secret?: boolean
  readonly file?: boolean
  readonly alias?: string
}

const integer = (min: number, max: number) => ({
  schema: z.string().regex(/^-?\d+$/).transform(Number).refine((n) => n >= min && n <= max),
  allowed: `a whole number from ${min} to ${max}`,
})
const milliseconds = (min: number, max: number) => ({ ...integer(min, max), allowed: `milliseconds, a whole number from ${min} to ${max}` })
const fraction = { schema: z.string().regex(/^\d*\.?\d+$/).transform(Number).refine((n) => n >= 0 && n <= 1), allowed: 'a number from 0 to 1' }
const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) => ({ schema: z.enum(values), allowed: values.join(' | ') })
const text = (allowed: string, pattern = /^.+$/s) => ({ schema: z.string().regex(pattern), allowed })
const topicName = text('a topic name: letters, digits, dot, underscore, hyphen; at most 249', /^[A-Za-z0-9._-]{1,249}$/)
const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?'
const podName = text(
  'a Kubernetes name: lower-case letters, digits, hyphen, dot; at most 253',
  new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`),
)
const namespaceName = text('a Kubernetes name: lower-case letters, digits, hyphen; at most 63', new RegExp(`^(?=.{1,63}$)${label}$`))
const pemFile = { ...text('path of a PEM file'), file: true }
const boolean = { schema: z.enum(['true', 'false']).transform((v) => v === 'true'), allowed: 'true | false' }
const hosts = {
  schema: z.string().transform((v) => v.split(',').map((h) => h.trim()).filter(Boolean)).refine((list) => list.length > 0 && list.every((h) => /^[^\s:/]+:\d{1,5}$|^\[[^\]]+\]:\d{1,5}$/.test(h))),
  allowed: 'host:port, several separated by commas',
}
/** Credentials have keys of their own: in a URL they would be shown. */
const isPlainUrl = (v: string): boolean => {
  if (!URL.canParse(v)) return false
  const { protocol, username, password, hash } = new URL(v)
  return /^https?:$/.test(protocol) && !username && !password && !hash
}
const url = { schema: z.string().refine(isPlainUrl), allowed: 'an http(s) URL without credentials' }
/** @param path of the API, in case somebody gives it too */
const baseUrl = (path: string) => ({
  schema: z.string().refine((v) => isPlainUrl(v) && !new URL(v).search).transform((v) => {
    const url = v.replace(/\/+$/, '')
    return url.endsWith(path) ? url.slice(0, -path.length) : url
  }),
  allowed: 'an http(s) URL without credentials and query',
})
/** Customer.io's APIs, each with a limit of its own: Track, App transactional, App general and queries, App broadcasts. */
export const APIS = ['track', 'transactional', 'general', 'broadcast'] as const
export type Api = (typeof APIS)[number]
/** Those that events are delivered by. */
const DELIVERING = new Set<string>(['track', 'transactional', 'broadcast'] satisfies Api[])

const apis = {
  schema: z.string().transform((v) => [...new Set(v.split(',').map((name) => name.trim()).filter(Boolean))] as Api[])
    .refine((list) => list.length > 0 && list.every((name) => DELIVERING.has(name))),
  allowed: `${[...DELIVERING].join(' | ')}, several separated by commas`,
}

/** Customer.io documents 1,000 requests a second for its Track API. */
export const HIGHEST_LIMIT = 1_000

export const KEYS = {
  KAFKA_BROKERS: { ...hosts, about: 'Kafka bootstrap brokers.' },
  KAFKA_CLIENT_ID: { ...text('any text'), default: 'customerio-worker', about: 'Client id shown in broker logs and quotas.' },
  KAFKA_TOPIC: { ...topicName, default: 'customerio-events', about: 'Topic with the events.' },
  KAFKA_GROUP_ID: { ...text('any text'), default: 'customerio-workers', about: 'Consumer group of all workers of this deployment.' },
  KAFKA_DLQ_TOPIC: { ...topicName, default: 'customerio-events-dlq', about: 'Dead-letter topic.' },
  KAFKA_SESSION_TIMEOUT_MS: { ...milliseconds(2_000, 1_800_000), default: '30000', about: 'A worker that sends no heartbeat for so long loses its partitions.' },
  KAFKA_HEARTBEAT_INTERVAL_MS: { ...milliseconds(100, 600_000), default: '3000', about: 'Time between two heartbeats.' },
  KAFKA_REBALANCE_TIMEOUT_MS: { ...milliseconds(2_000, 1_800_000), default: '60000', about: 'How long a rebalance waits for each worker to finish what is in flight.' },
  KAFKA_TLS: { ...boolean, default: 'false', about: 'Speak TLS to the brokers.' },
  KAFKA_TLS_CA_FILE: { ...pemFile, about: 'Certificate authority of the brokers, if it is not a public one.' },
  KAFKA_TLS_CERT_FILE: { ...pemFile, about: 'Client certificate (mutual TLS).' },
  KAFKA_TLS_KEY_FILE: { ...pemFile, about: 'Key of the client certificate.' },
  KAFKA_SASL_MECHANISM: { ...oneOf('none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'), default: 'none', about: 'How to log in at the brokers.' },
  KAFKA_SASL_USERNAME: { ...text('any text'), about: 'User for plain and scram.' },
  KAFKA_SASL_PASSWORD: { ...text('any text'), secret: true, about: 'Password for plain and scram.' },
  KAFKA_SASL_OAUTH_TOKEN_URL: { ...url, about: 'Token endpoint for oauthbearer (client credentials grant).' },
  KAFKA_SASL_OAUTH_CLIENT_ID: { ...text('any text'), about: 'Client id at the token endpoint.' },
  KAFKA_SASL_OAUTH_CLIENT_SECRET: { ...text('any text'), secret: true, about: 'Client secret at the token endpoint.' },
  KAFKA_SASL_OAUTH_SCOPE: { ...text('any text'), about: 'Scope asked for at the token endpoint.' },

  CUSTOMERIO_SITE_ID: { ...text('the Site ID of the workspace'), about: 'Site ID (Track API credentials).' },
  CUSTOMERIO_API_KEY: { ...text('the Track API key of the workspace'), secret: true, alias: 'CUSTOMERIO_TRACK_API_KEY', about: 'Track API key.' },
  CUSTOMERIO_APP_API_KEY: { ...text('an App API key'), secret: true, about: 'App API key, for transactional messages and broadcasts.' },
  CUSTOMERIO_REGION: { ...oneOf('us', 'eu'), about: 'Region of the workspace. No default: EU data sent to the US host may be logged in the US.' },
  CUSTOMERIO_URL: { ...baseUrl('/api/v1'), about: 'Base URL in place of the region\'s own host (a proxy, or a stand-in for tests).' },
  CUSTOMERIO_APP_URL: { ...baseUrl('/v1'), about: 'The same for the App API.' },

  APIS: { ...apis, default: 'track', about: 'APIs whose events are delivered; events of others become dead letters. Each has its own limit.' },
  DELIVERY_MODE: { ...oneOf('batch', 'single'), default: 'batch', about: 'What a request carries: all events that have waited for it, or one.' },
  UNCONFIRMED_SENDS: {
    ...oneOf('dead-letter', 'retry'), default: 'dead-letter',
    about: 'What becomes of a transactional message or a broadcast that may have been sent, though no answer came: there is no id that would stop a second one.',
  },
  CONCURRENCY: { ...integer(1, 1_000), default: '10', about: 'Most requests in flight in one process, of each API.' },
  RATE_LIMIT: { ...integer(1, HIGHEST_LIMIT), default: '100', about: 'Requests that Customer.io allows the workspace in any window of RATE_LIMIT_WINDOW_MS.' },
  RATE_LIMIT_RESERVE: { ...integer(0, 999), default: '20', about: 'Part of RATE_LIMIT left to other callers of the workspace.' },
  RATE_LIMIT_WINDOW_MS: { ...milliseconds(100, 60_000), default: '1000', about: 'The window in which the limit counts.' },
  RATE_LIMIT_UNIT: { ...oneOf('request', 'operation'), default: 'request', about: 'What counts: a request, or each operation in it.' },
  RATE_LIMITS_FILE: { ...text('path of a JSON file'), about: 'Limits of the APIs, read again and again; they go before RATE_LIMIT.' },
  RATE_LIMITS_INTERVAL_MS: { ...milliseconds(100, 3_600_000), default: '1000', about: 'Time between two looks at RATE_LIMITS_FILE.' },
  RATE_LIMIT_SHARE: {
    ...oneOf('auto', 'kubernetes', 'partitions', 'fixed'), default: 'auto',
    about: 'How the workers share the limit: by slots kept in Kubernetes, by the partitions each owns, or a fixed part each.',
  },
  RATE_LIMIT_DIVISOR: { ...integer(1, 1_000), default: '1', about: 'For RATE_LIMIT_SHARE=fixed: most processes that ever run at once, those going down included.' },
  RATE_LIMIT_DEAL_INTERVAL_MS: {
    ...milliseconds(0, 3_600_000), default: '30000',
    about: 'For RATE_LIMIT_SHARE=partitions: least time before a worker that is short of slots asks for a rebalance to have them dealt anew; 0 = never.',
  },
  POD_NAME: { ...podName, about: 'For RATE_LIMIT_SHARE=kubernetes: the pod\'s name, by the downward API.' },
  POD_NAMESPACE: { ...namespaceName, about: 'For RATE_LIMIT_SHARE=kubernetes: the pod\'s namespace, by the downward API.' },
  KUBECONFIG: { ...text('path of a kubeconfig file'), about: 'For a worker outside of a pod, which has no service account.' },
  RATE_LIMIT_LEASE_MS: {
    ...milliseconds(1_000, 300_000), default: '15000',
    about: 'So long after it sent the last renewal of its slots that was acknowledged, a worker uses only its part for outages.',
  },
  RATE_LIMIT_OUTAGE_MS: {
    ...milliseconds(0, 86_400_000), default: '600000',
    about: 'How long after sending that renewal a worker may go on with its part for outages; then it stops sending.',
  },
  RATE_LIMIT_OUTAGE_PART: { ...fraction, default: '0.5', about: 'Part of its slots that a worker keeps while Kubernetes is out of reach.' },
  REQUEST_TIMEOUT_MS: { ...milliseconds(100, 120_000), default: '10000', about: 'A request without an answer after this long counts as failed.' },
  LATEST_ARRIVAL_MS: { ...milliseconds(100, 600_000), default: '15000', about: 'Longest time after sending at which a request could still arrive at Customer.io.' },
  LONGEST_PAUSE_MS: { ...milliseconds(0, 600_000), default: '5000', about: 'Longest pause of the process (a collection, a stall) that the guarantees cover.' },

  RETRY_MAX: { ...integer(0, 100), default: '4', about: 'Retries of an event after its first attempt.' },
  RETRY_BASE_MS: { ...milliseconds(1, 600_000), default: '1000', about: 'First backoff; it doubles with each retry.' },
  RETRY_CAP_MS: { ...milliseconds(1, 3_600_000), default: '60000', about: 'Longest backoff, and longest Retry-After obeyed.' },
  RETRY_JITTER: { ...fraction, default: '0.25', about: 'Backoff is spread by this fraction up and down.' },
  EXHAUSTED_QUOTA: { ...integer(0, 100_000), default: '60', about: 'Most events a minute that a process dead-letters because their retries ran out or they were forbidden; more than that keep waiting.' },

  PREFETCH_RECORDS: { ...integer(10, 1_000_000), default: '10000', about: 'Most records held in one process, shared among its partitions.' },
  PREFETCH_BYTES: { ...integer(1_048_576, 4_294_967_296), default: '33554432', about: 'Most bytes of records held in one process; one record always fits.' },
  INFLATE_LIMIT_BYTES: { ...integer(1_048_576, 1_073_741_824), default: '67108864', about: 'Most bytes that one compressed batch of records may inflate to.' },
  COMMIT_INTERVAL_MS: { ...milliseconds(10, 60_000), default: '500', about: 'Time between two commits of progress; a crash repeats at most this much and what was in flight.' },
  EVENT_ID_NAMESPACE: { ...text('any text'), default: 'customerio-worker', about: 'Part of the event ids made by the worker; keep it for the life of a topic.' },

  SECRETS_INTERVAL_MS: { ...milliseconds(100, 3_600_000), default: '10000', about: 'Time between two looks at the files of secrets and certificates.' },

  HTTP_PORT: { ...integer(0, 65_535), default: '8080', about: 'Port of /metrics, /healthz, /readyz, /startupz; 0 = any free one.' },
  HTTP_HOST: { ...text('an address'), default: '0.0.0.0', about: 'Address to listen on.' },
  LOG_LEVEL: { ...oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), default: 'info', about: 'Least level that is logged; debug has a line an event.' },
  LOG_SUMMARY_INTERVAL_MS: { ...milliseconds(1_000, 3_600_000), default: '10000', about: 'Time between two summary lines.' },
  LAG_INTERVAL_MS: { ...milliseconds(500, 600_000), default: '5000', about: 'Time between two looks at the end of the partitions, for the lag.' },
  DRAIN_TARGET_MS: { ...milliseconds(1_000, 86_400_000), default: '300000', about: 'Time in which a backlog is to be gone: how many workers are useful is reckoned with it.' },
  SHUTDOWN_DEADLINE_MS: { ...milliseconds(100, 600_000), default: '25000', about: 'After SIGTERM: most time to finish what is in flight.' },
} as const satisfies Record<string, KeyDeclaration>

export type Key = keyof typeof KEYS
