import type { Host } from './broker.ts'
import { dockerHost } from './docker.ts'
import { mavenHost } from './maven.ts'

type Way = { how: 'docker' | 'maven'; prepare: (log: (line: string) => void) => Promise<Host> }

const WAYS: Way[] = [
  { how: 'docker', prepare: dockerHost },
  { how: 'maven', prepare: mavenHost },
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

/**
 * Starts something on the first host that works: Docker, else Maven and Java. A way that fails says why in one line and gives way to
 * the next; TEST_KAFKA=docker|maven allows only that one.
 */
export const byFirstWay = async <T>(log: (line: string) => void, start: (host: Host, how: Way['how']) => Promise<T>): Promise<T> => {
  const failures: string[] = []
  const ways = chosenWays()
  for (const [index, { how, prepare }] of ways.entries()) {
    try {
      return await start(await prepare(log), how)
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).trim()
      failures.push(`By ${how}: ${reason}`)
      const next = ways[index + 1]
      if (next) log(`Kafka by ${how} is not possible, trying ${next.how}: ${reason.split('\n')[0]}`)
    }
  }
  throw new Error(['No Kafka for the tests.', ...failures, HELP].join('\n'))
}
