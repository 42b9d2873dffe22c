import { waitForGroups } from './admin.ts'
import { startByDocker } from './docker.ts'
import { startByMaven } from './maven.ts'

export interface TestKafka {
  /** host:port each */
  brokers: string[]
  how: 'external' | 'docker' | 'maven'
  /** Ends the broker and removes what it left; does nothing to an external one. May be called more than once. */
  stop(): Promise<void>
}

export interface WayOptions {
  log: (line: string) => void
  props: Record<string, string>
}

export type StartedWay = Pick<TestKafka, 'brokers' | 'stop'>

type Way = { how: 'docker' | 'maven'; start: (options: WayOptions) => Promise<StartedWay> }

const WAYS: Way[] = [
  { how: 'docker', start: startByDocker },
  { how: 'maven', start: startByMaven },
]

const HELP =
  'Install and start Docker; or install Java 17 or newer and Maven (Debian and Ubuntu: apt-get install default-jre-headless maven; ' +
  'macOS: brew install openjdk maven); or set TEST_KAFKA_BROKERS=host:port to a Kafka whose topics the tests may create and delete.'

const chosenWays = (): Way[] => {
  const forced = process.env.TEST_KAFKA
  if (!forced) return WAYS
  const ways = WAYS.filter(({ how }) => how === forced)
  if (ways.length === 0) throw new Error(`TEST_KAFKA=${forced}: must be docker or maven`)
  return ways
}

const startWay = async ({ how, start }: Way, options: WayOptions): Promise<TestKafka> => {
  const { brokers, stop } = await start(options)
  let stopped: Promise<void> | null = null
  const stopOnce = () => (stopped ??= stop())
  try {
    await waitForGroups(brokers)
  } catch (error) {
    await stopOnce()
    throw new Error(`a broker was started at ${brokers.join(',')}, but clients get no answer: ${String(error)}`, { cause: error })
  }
  return { brokers, how, stop: stopOnce }
}

/**
 * A real Kafka for tests: the one named by TEST_KAFKA_BROKERS (comma-separated), else one of our own by Docker, else by Maven and
 * Java. A way that fails says why in one line and gives way to the next; TEST_KAFKA=docker|maven allows only that one.
 * `props` are broker settings (server.properties) on top of those in settings.ts; an external Kafka doesn't get them.
 */
export const startTestKafka = async (options: { log: (line: string) => void; props?: Record<string, string> }): Promise<TestKafka> => {
  const { log, props = {} } = options
  const external = process.env.TEST_KAFKA_BROKERS
  if (external) {
    const keys = Object.keys(props)
    if (keys.length > 0) log(`TEST_KAFKA_BROKERS is used as it is, without these broker settings: ${keys.join(', ')}`)
    return { brokers: external.split(',').map((broker) => broker.trim()), how: 'external', stop: async () => {} }
  }

  const failures: string[] = []
  const ways = chosenWays()
  for (const [index, way] of ways.entries()) {
    try {
      return await startWay(way, { log, props })
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).trim()
      failures.push(`By ${way.how}: ${reason}`)
      const next = ways[index + 1]
      if (next) log(`Kafka by ${way.how} is not possible, trying ${next.how}: ${reason.split('\n')[0]}`)
    }
  }
  throw new Error(['No Kafka for the tests.', ...failures, HELP].join('\n'))
}
