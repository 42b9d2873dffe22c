import { StartupError } from '../../errors.ts'
import { tlsFault } from './socket.ts'

/** What the first requests to the cluster failed of: a StartupError if cluster and settings don't fit each other, so that trying again would not help. */
export function startFault(error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, type } = cause as { code?: unknown; type?: unknown }
    if (cause instanceof StartupError) return cause
    if (tlsFault(code) !== undefined) return new StartupError(cause.message)
    if (type === 'UNSUPPORTED_SASL_MECHANISM') return new StartupError('KAFKA_SASL_MECHANISM: the broker does not offer this mechanism')
    if (/Closed connection|before secure TLS connection/.test(cause.message)) {
      return new Error(`${cause.message}; if it always ends so, the broker speaks something else at this port: look at KAFKA_BROKERS, KAFKA_TLS and KAFKA_SASL_MECHANISM`, { cause })
    }
  }
  return error
}
