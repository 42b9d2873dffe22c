import kafkajs from 'kafkajs'
import type { Kafka, KafkaConfig, LogEntry } from 'kafkajs'
import type { Config } from '../../config.ts'
import { errorText } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Secrets } from '../../secrets.ts'
import { registerCodecs } from './codecs.ts'
import { loginOf } from './login.ts'
import { patchClock } from './patch-clock.ts'
import { patchConnection } from './patch-connection.ts'
import { patchDisconnect } from './patch-disconnect.ts'
import { patchJoin } from './patch-join.ts'
import { patchRequestQueue } from './patch-request-queue.ts'
import { patchRequestTimeout } from './patch-request-timeout.ts'
import { socketFactory } from './socket.ts'

let prepared = false

/** The kafkajs client by the settings: TLS, SASL, codecs, and its log in ours. NODE_ENV does not change its retries: they are explicit. */
export function connect(config: Config, secrets: Secrets, logger: Logger): Kafka {
  if (!prepared) {
    patchClock()
    patchRequestQueue()
    patchJoin()
    patchConnection()
    patchDisconnect()
    patchRequestTimeout()
    registerCodecs(config.INFLATE_LIMIT_BYTES)
    prepared = true
  }
  const sasl = loginOf(config, secrets)
  const options: KafkaConfig = {
    clientId: config.KAFKA_CLIENT_ID,
    brokers: [...config.KAFKA_BROKERS],
    ssl: config.KAFKA_TLS ? tlsOf(secrets) : false,
    ...(sasl && { sasl }),
    socketFactory: socketFactory(),
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8 },
    logLevel: kafkajs.logLevel.DEBUG,
    logCreator: () => (entry) => bridge(entry, logger),
  }
  return new kafkajs.Kafka(options)
}

/** kafkajs copies these into the options of each connection that it makes, so each is made with what the files hold by then. */
export function tlsOf(secrets: Pick<Secrets, 'of'>): Exclude<KafkaConfig['ssl'], boolean | undefined> {
  return {
    get ca() { return secrets.of('KAFKA_TLS_CA_FILE') },
    get cert() { return secrets.of('KAFKA_TLS_CERT_FILE') },
    get key() { return secrets.of('KAFKA_TLS_KEY_FILE') },
  }
}

/** What every rebalance brings is no error; the worker has its own line for it. And why a login failed is said better by login.ts. */
const EXPECTED = /rebalanc|The coordinator is not aware of this member|Response (Heartbeat|OffsetCommit|SyncGroup|JoinGroup|SaslAuthenticate)|Pausing fetching|Resuming fetching|^SASL .* authentication failed/

/** A line of kafkajs's log in ours. */
export function bridge({ level, label, namespace, log }: LogEntry, logger: Logger): void {
  // kafkajs sometimes gives an error in place of its text
  const message = (log.message as unknown) instanceof Error ? errorText(log.message) : log.message
  const to = EXPECTED.test(message) ? 'debug' : ({ ERROR: 'error', WARNING: 'warn', WARN: 'warn', INFO: 'debug', DEBUG: 'trace' }[label] ?? 'debug') as 'error' | 'warn' | 'debug' | 'trace'
  if (level === kafkajs.logLevel.NOTHING || !logger.isLevelEnabled(to)) return
  const { broker, error, groupId, retryCount } = log as { broker?: unknown; error?: unknown; groupId?: unknown; retryCount?: unknown }
  logger[to]({ from: `kafkajs ${namespace}`.trim(), broker, groupId, retryCount, ...(typeof error === 'string' && { cause: error }) }, message)
}
