import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { onDeath } from './guard.ts'
import type { StartedWay, WayOptions } from './index.ts'
import { freePorts } from './ports.ts'
import { CLUSTER_ID, FAST_PROPS, HEAP_FLAGS, KAFKA_VERSION } from './settings.ts'

// A daemon on this machine answers within tens of milliseconds. A DOCKER_HOST that swallows packets would hold us for minutes.
const DAEMON_TIMEOUT_MS = 1200

/** a.b-c_d as the image's entry point reads it from the environment: KAFKA_A_B___C__D */
const variable = (key: string): string =>
  `KAFKA_${key.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_').toUpperCase()}`

const environment = (advertised: string, props: Record<string, string>): Record<string, string> => {
  // One variable is enough for the image to set its own defaults aside, so everything is said here.
  const all: Record<string, string> = {
    ...FAST_PROPS,
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': '1@localhost:9094',
    'controller.listener.names': 'CONTROLLER',
    // The broker also talks to itself (transaction markers), and from inside it cannot reach the port on the host.
    listeners: 'PLAINTEXT://0.0.0.0:9092,INSIDE://localhost:9093,CONTROLLER://localhost:9094',
    'advertised.listeners': `PLAINTEXT://${advertised},INSIDE://localhost:9093`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INSIDE',
    'log.dirs': '/tmp/kafka-data',
    ...props,
  }
  const entries = Object.entries(all).map(([key, value]) => [variable(key), value])
  return { ...Object.fromEntries(entries), CLUSTER_ID, KAFKA_HEAP_OPTS: HEAP_FLAGS.join(' ') }
}

/** Kafka in a container of the daemon that testcontainers finds. TEST_KAFKA_IMAGE names another image of the same layout. */
export const startByDocker = async ({ log, props }: WayOptions): Promise<StartedWay> => {
  // Its reaper would be one more image to pull; the guard below does that work.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers')

  const client = await Promise.race([
    getContainerRuntimeClient().catch(() => null),
    delay(DAEMON_TIMEOUT_MS, null, { ref: false }),
  ])
  if (!client) {
    const where = process.env.DOCKER_HOST ? ` at DOCKER_HOST=${process.env.DOCKER_HOST}` : ''
    throw new Error(`no Docker daemon answers${where} (is Docker installed, started, and open to this user?)`)
  }

  const image = process.env.TEST_KAFKA_IMAGE ?? `apache/kafka:${KAFKA_VERSION}`
  const name = `kafka-test-${randomBytes(6).toString('hex')}`
  const [port = 0] = await freePorts(1)
  const { host } = client.info.containerRuntime
  // "localhost" may resolve to ::1 first, where nothing need be published
  const advertised = `${host === 'localhost' ? '127.0.0.1' : host}:${port}`
  log(`starting ${image} in Docker (pulled first if it is not here) ...`)

  const callOff = onDeath([process.execPath, path.resolve('test/support/kafka/remove-container.ts'), name])
  try {
    const container = await new GenericContainer(image)
      .withName(name)
      .withExposedPorts({ container: 9092, host: port })
      .withEnvironment(environment(advertised, props))
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
      .withStartupTimeout(120_000)
      .start()
    return {
      brokers: [advertised],
      stop: async () => {
        await container.stop()
        callOff()
      },
    }
  } catch (error) {
    callOff()
    const reason = error instanceof Error ? error.message.trim() : String(error)
    throw new Error(`${image} could not be pulled or started: ${reason} (TEST_KAFKA_IMAGE names another image)`, { cause: error })
  }
}
