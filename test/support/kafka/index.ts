import { openCluster } from './cluster.ts'

export interface TestKafka {
  /** host:port each */
  brokers: string[]
  how: 'external' | 'docker' | 'maven'
  /** Ends the broker and removes what it left; does nothing to an external one. May be called more than once. */
  stop(): Promise<void>
}

/**
 * A real Kafka for tests: the one named by TEST_KAFKA_BROKERS (comma-separated), else one broker of our own (see cluster.ts).
 * `props` are broker settings (server.properties) on top of those in settings.ts; an external Kafka doesn't get them.
 */
export const startTestKafka = async (options: { log: (line: string) => void; props?: Record<string, string> }): Promise<TestKafka> => {
  const external = process.env.TEST_KAFKA_BROKERS
  if (!external) {
    const { direct, how, stop } = await openCluster(options)
    return { brokers: direct, how, stop }
  }
  const keys = Object.keys(options.props ?? {})
  if (keys.length > 0) options.log(`TEST_KAFKA_BROKERS is used as it is, without these broker settings: ${keys.join(', ')}`)
  return { brokers: external.split(',').map((broker) => broker.trim()), how: 'external', stop: async () => {} }
}
