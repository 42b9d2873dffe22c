import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerRuntimeClient } from 'testcontainers'
import { brokerProperties, clientListeners } from './broker.ts'
import type { Broker, BrokerSpec, Host } from './broker.ts'
import { GROUP_LABEL, removeGroup } from './docker-group.ts'
import { onDeath } from './guard.ts'
import { watchOutput } from './output.ts'
import { CLUSTER_ID, HEAP_FLAGS, KAFKA_VERSION } from './settings.ts'

// A daemon on this machine answers within tens of milliseconds. A DOCKER_HOST that swallows packets would hold us for minutes.
const DAEMON_TIMEOUT_MS = 1200

const LOCAL = '127.0.0.1'
/** Inside a container. */
const PORTS = { direct: 9092, inside: 9093, controller: 9094, workers: 9095 }

const nameInside = (id: number): string => `kafka-${id}`

/** a.b-c_d as the image's entry point reads it from the environment: KAFKA_A_B___C__D */
const variable = (key: string): string =>
  `KAFKA_${key.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_').toUpperCase()}`

const environment = (spec: BrokerSpec, address: string, voters: string): string[] => {
  const inside = (port: number) => `${nameInside(spec.id)}:${port}`
  const listeners = [
    ...clientListeners(spec, address, { direct: `0.0.0.0:${PORTS.direct}`, workers: `0.0.0.0:${PORTS.workers}` }),
    // Brokers talk to each other and to themselves, and from inside they cannot reach the ports on the host.
    { name: 'INSIDE', bind: inside(PORTS.inside), advertised: inside(PORTS.inside), protocol: 'PLAINTEXT' },
    { name: 'CONTROLLER', bind: inside(PORTS.controller), protocol: 'PLAINTEXT' },
  ]
  // One variable is enough for the image to set its own defaults aside, so everything is said here.
  const all = brokerProperties(spec, { voters, listeners, interBroker: 'INSIDE', dataDirectory: '/tmp/kafka-data' })
  const entries = Object.entries(all).map(([key, value]) => `${variable(key)}=${value}`)
  return [...entries, `CLUSTER_ID=${CLUSTER_ID}`, `KAFKA_HEAP_OPTS=${HEAP_FLAGS.join(' ')}`]
}

interface Layout {
  client: ContainerRuntimeClient
  image: string
  group: string
  address: string
  voters: string
}

const createContainer = async ({ client, image, group, address, voters }: Layout, spec: BrokerSpec) => {
  const published = { [PORTS.direct]: spec.directPort, ...(spec.workers && { [PORTS.workers]: spec.workers.port }) }
  const bindings = Object.entries(published).map(([inside, port]) => [
    `${inside}/tcp`,
    [{ HostIp: address === LOCAL ? LOCAL : '', HostPort: String(port) }],
  ])
  return client.container.create({
    name: `${group}-${spec.id}`,
    Image: image,
    Hostname: nameInside(spec.id),
    Env: environment(spec, address, voters),
    Labels: { [GROUP_LABEL]: group },
    ExposedPorts: Object.fromEntries(bindings.map(([port]) => [port, {}])),
    HostConfig: { PortBindings: Object.fromEntries(bindings), NetworkMode: group },
    NetworkingConfig: { EndpointsConfig: { [group]: { Aliases: [nameInside(spec.id)] } } },
  })
}

interface ContainerBroker extends Broker {
  /** Its end is no surprise any more. */
  letGo(): void
}

const createBroker = async (layout: Layout, spec: BrokerSpec, log: (line: string) => void): Promise<ContainerBroker> => {
  const container = await createContainer(layout, spec)
  let run: { ended: Promise<unknown>; ending: boolean; paused: boolean } | null = null

  const end = async (how: () => Promise<unknown>): Promise<void> => {
    if (!run) return
    const { ended } = run
    broker.letGo()
    if (run.paused) await container.unpause() // Docker does not end a paused container
    await how()
    await ended
  }

  const broker: ContainerBroker = {
    start: async () => {
      if (run) throw new Error(`broker ${spec.id} runs already`)
      // before the start, so that it shows the output of this run alone
      const output = await layout.client.container.attach(container)
      const ended = once(output, 'close').then(() => {
        run = null
      })
      const current = { ended, ending: false, paused: false }
      const { tail, served } = watchOutput([output], ended)
      run = current
      try {
        await container.start()
      } catch (error) {
        output.destroy()
        throw error
      }
      if (!(await served)) throw new Error(`broker ${spec.id} ended before it was ready:\n${tail.join('\n')}`)
      void ended.then(() => {
        if (!current.ending) log(`Kafka ended unexpectedly:\n${tail.join('\n')}`)
      })
    },
    letGo: () => {
      if (run) run.ending = true
    },
    kill: () => end(() => container.kill()),
    stop: () => end(() => container.stop({ t: 10 })),
    pause: async () => {
      if (!run || run.paused) return
      run.paused = true
      await container.pause()
    },
    resume: async () => {
      if (!run?.paused) return
      run.paused = false
      await container.unpause()
    },
  }
  return broker
}

/** Kafka in containers of the daemon that testcontainers finds. TEST_KAFKA_IMAGE names another image of the same layout. */
export const dockerHost = async (log: (line: string) => void): Promise<Host> => {
  const { ImageName, getContainerRuntimeClient } = await import('testcontainers')
  const client = await Promise.race([
    getContainerRuntimeClient().catch(() => null),
    delay(DAEMON_TIMEOUT_MS, null, { ref: false }),
  ])
  if (!client) {
    const where = process.env.DOCKER_HOST ? ` at DOCKER_HOST=${process.env.DOCKER_HOST}` : ''
    throw new Error(`no Docker daemon answers${where} (is Docker installed, started, and open to this user?)`)
  }

  const image = process.env.TEST_KAFKA_IMAGE ?? `apache/kafka:${KAFKA_VERSION}`
  const refused = (error: unknown): Error => {
    const reason = error instanceof Error ? error.message.trim() : String(error)
    return new Error(`${image} could not be pulled or started: ${reason} (TEST_KAFKA_IMAGE names another image)`, { cause: error })
  }
  log(`starting ${image} in Docker (pulled first if it is not here) ...`)
  await client.image.pull(ImageName.fromString(image)).catch((error) => {
    throw refused(error)
  })
  const { host } = client.info.containerRuntime
  // "localhost" may resolve to ::1 first, where nothing need be published
  const address = host === 'localhost' ? LOCAL : host

  return {
    address,
    create: async (specs, log) => {
      const group = `kafka-test-${randomBytes(6).toString('hex')}`
      const voters = specs.map(({ id }) => `${id}@${nameInside(id)}:${PORTS.controller}`).join(',')
      const callOff = onDeath([process.execPath, path.resolve('test/support/kafka/remove-container.ts'), group])
      const brokers: ContainerBroker[] = []
      const remove = async (): Promise<void> => {
        for (const broker of brokers) broker.letGo()
        await removeGroup(client, group)
        callOff()
      }
      try {
        await client.network.create({ Name: group })
        const layout = { client, image, group, address, voters }
        brokers.push(...(await Promise.all(specs.map((spec) => createBroker(layout, spec, log)))))
        return { brokers, remove }
      } catch (error) {
        await remove()
        throw refused(error)
      }
    },
  }
}
