import { readFileSync } from 'node:fs'
import { describeConfig, readConfig, secretsOf } from './config.ts'
import type { Config } from './config.ts'
import { ConfigError, errorText, EXIT, StartupError } from './errors.ts'
import { startHttpServer } from './http-server.ts'
import { createLogger, Guarded } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { Secrets } from './secrets.ts'
import { createWorker } from './worker.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

function configOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const fault of error.faults) process.stderr.write(`${fault}\n`)
    process.exit(EXIT.config)
  }
}

const config = configOrExit()
if (process.argv.includes('--check-config')) {
  process.stdout.write(`${describeConfig(config).join('\n')}\n`)
  process.exit(EXIT.ok)
}

const guarded = new Guarded(secretsOf(config))
const logger = createLogger(config.LOG_LEVEL, guarded)
const secrets = new Secrets({ config, logger, guarded })
const metrics = createMetrics()
let stopping = false

/** A fetch loop that stands still for so long (a rebalance may take its own timeout) is stuck: let the pod be restarted. */
const STUCK_MS = Math.max(120_000, 2 * config.KAFKA_REBALANCE_TIMEOUT_MS)

const worker = createWorker({ config, secrets, logger, metrics, version, onFatal: (error) => void stop(EXIT.failure, errorText(error)) })

const http = await startHttpServer({
  host: config.HTTP_HOST,
  port: config.HTTP_PORT,
  metrics: async () => {
    worker.measure()
    return { type: metrics.registry.contentType, text: await metrics.registry.metrics() }
  },
  probes: {
    '/healthz': () => ({ ok: worker.sinceSign() < STUCK_MS, why: worker.sinceSign() < STUCK_MS ? 'alive' : 'no fetch from Kafka for too long' }),
    '/readyz': () => ({ ok: worker.joined() && !stopping, why: stopping ? 'stopping' : worker.joined() ? 'ready' : 'not joined yet' }),
    '/startupz': () => ({ ok: worker.joined(), why: worker.joined() ? 'started' : 'not joined yet' }),
  },
  status: worker.status,
  timeoutMs: 5_000,
}).catch((error: unknown) => {
  logger.fatal({ cause: errorText(error) }, 'HTTP_PORT can\'t be listened on')
  process.exit(EXIT.failure)
})
logger.info({ port: http.port, version, node: process.version }, 'http listening')

async function stop(code: number, why: string): Promise<void> {
  if (stopping) {
    logger.warn({ why }, 'asked to stop again: exiting at once')
    process.exit(EXIT.unfinished)
  }
  stopping = true
  logger.info({ why, ...worker.left() }, 'stopping')
  setTimeout(() => {
    logger.error({ ...worker.left(), deadlineMs: config.SHUTDOWN_DEADLINE_MS }, 'not finished within the deadline: what is left was not committed and will be sent again')
    process.exit(EXIT.unfinished)
  }, config.SHUTDOWN_DEADLINE_MS).unref()
  await worker.stop()
  await http.stop()
  logger.info({ code }, 'stopped')
  process.exit(code)
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop(EXIT.ok, signal))
process.on('uncaughtException', (error) => {
  logger.fatal({ cause: errorText(error), stack: error.stack }, 'uncaught')
  process.exit(EXIT.failure)
})
process.on('unhandledRejection', (error) => {
  logger.fatal({ cause: errorText(error), stack: error instanceof Error ? error.stack : undefined }, 'unhandled rejection')
  process.exit(EXIT.failure)
})

try {
  await worker.start()
} catch (error) {
  const wrongSettings = error instanceof StartupError
  logger.fatal({ cause: errorText(error) }, wrongSettings ? 'the cluster does not fit the settings' : 'could not start')
  if (!stopping) process.exit(wrongSettings ? EXIT.config : EXIT.failure)
}
