import kafkajs from 'kafkajs'
import type { Kafka } from 'kafkajs'
import { startFault } from './start-fault.ts'

/** What the worker asks the cluster beside consuming. */
export interface ClusterAdmin {
  /** @throws StartupError if the cluster does not let us in */
  connect(): Promise<void>
  /** Number of partitions; undefined if the topic does not exist. @throws StartupError if the cluster does not let us in */
  partitions(topic: string): Promise<number | undefined>
  /** Largest record batch that the topic takes, bytes; undefined if it may not be asked. */
  largestRecord(topic: string): Promise<number | undefined>
  /** First offset and end (high watermark) by partition. */
  bounds(topic: string): Promise<Map<number, { earliest: number; end: number }>>
  /** Offsets that the group has committed, by partition; one without a commit is missing. */
  committed(group: string, topic: string): Promise<Map<number, number>>
  stop(): Promise<void>
}

export function createAdmin(kafka: Kafka): ClusterAdmin {
  const admin = kafka.admin({ retry: { initialRetryTime: 200, retries: 4 } })
  return {
    connect: async () => knownFault(admin.connect()),
    partitions: async (topic) => {
      // listing does not fail on a missing topic, and never creates one
      if (!(await knownFault(admin.listTopics())).includes(topic)) return undefined
      return (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length
    },
    largestRecord: async (topic) => {
      try {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['max.message.bytes'] }],
        })
        const value = Number(resources[0]?.configEntries.find((entry) => entry.configName === 'max.message.bytes')?.configValue)
        return Number.isFinite(value) ? value : undefined
      } catch {
        return undefined
      }
    },
    bounds: async (topic) => new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => [partition, { earliest: Number(low), end: Number(high) }])),
    committed: async (group, topic) => {
      const [of] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      return new Map((of?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)] as const).filter(([, offset]) => offset >= 0))
    },
    stop: async () => admin.disconnect().catch(() => {}),
  }
}

const knownFault = async <T>(asked: Promise<T>): Promise<T> => asked.catch((error: unknown) => { throw startFault(error) })
