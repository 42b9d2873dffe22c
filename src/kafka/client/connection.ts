import { readFileSync } from 'node:fs'
import kafkajs from 'kafkajs'
import type { Kafka, KafkaConfig, LogEntry, SASLOptions } from 'kafkajs'
import type { Config } from '../../config.ts'
import type { Logger } from '../../logger.ts'
import { registerCodecs } from './codecs.ts'
import { oauthToken } from './oauth.ts'
import { patchJoin } from './patch-join.ts'
import { patchRequestQueue } from './patch-request-queue.ts'

let prepared = false

/** The kafkajs client by the settings: TLS, SASL, codecs, and its log in ours. NODE_ENV does not change its retries: they are explicit. */
export function connect(config: Config, logger: Logger): Kafka {
  if (!prepared) {
    patchRequestQueue()
    patchJoin()
    registerCodecs(config.INFLATE_LIMIT_BYTES)
    prepared = true
  }
  const sasl = saslOf(config)
  const options: KafkaConfig = {
    clientId: config.KAFKA_CLIENT_ID,
    brokers: [...config.KAFKA_BROKERS],
    ssl: config.KAFKA_TLS ? tlsOf(config) : false,
    ...(sasl && { sasl }),
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8 },
    logLevel: kafkajs.logLevel.DEBUG,
    logCreator: () => (entry) => bridge(entry, logger),
  }
  return new kafkajs.Kafka(options)
}

function tlsOf(config: Config): Exclude<KafkaConfig['ssl'], boolean | undefined> {
  const pem = (path: string | undefined) => (path ? readFileSync(path, 'utf8') : undefined)
  const [ca, cert, key] = [pem(config.KAFKA_TLS_CA_FILE), pem(config.KAFKA_TLS_CERT_FILE), pem(config.KAFKA_TLS_KEY_FILE)]
  return { ...(ca && { ca: [ca] }), ...(cert && { cert }), ...(key && { key }) }
}

function saslOf(config: Config): SASLOptions | undefined {
  const credentials = { username: config.KAFKA_SASL_USERNAME ?? '', password: config.KAFKA_SASL_PASSWORD ?? '' }
  switch (config.KAFKA_SASL_MECHANISM) {
    case 'none': return undefined
    case 'oauthbearer': return { mechanism: 'oauthbearer', oauthBearerProvider: async () => oauthToken(config) }
    default: return { mechanism: config.KAFKA_SASL_MECHANISM, ...credentials } as SASLOptions
  }
}

/** What every rebalance brings is no error; the worker has its own line for it. */
const EXPECTED = /rebalanc|The coordinator is not aware of this member|Response (Heartbeat|OffsetCommit|SyncGroup|JoinGroup)|Pausing fetching|Resuming fetching/

function bridge({ level, label, namespace, log }: LogEntry, logger: Logger): void {
  const to = EXPECTED.test(log.message) ? 'debug' : ({ ERROR: 'error', WARNING: 'warn', WARN: 'warn', INFO: 'debug', DEBUG: 'trace' }[label] ?? 'debug') as 'error' | 'warn' | 'debug' | 'trace'
  if (level === kafkajs.logLevel.NOTHING || !logger.isLevelEnabled(to)) return
  const { message, broker, error, groupId, retryCount } = log as { message: string; broker?: unknown; error?: unknown; groupId?: unknown; retryCount?: unknown }
  logger[to]({ from: `kafkajs ${namespace}`.trim(), broker, groupId, retryCount, ...(typeof error === 'string' && { cause: error }) }, message)
}
