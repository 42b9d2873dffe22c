import { withAdmin } from './admin.ts'

const partitionOf = async (brokers: string[], topic: string, partition: number) =>
  withAdmin(brokers, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const found = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)
    if (!found) throw new Error(`${topic} has no partition ${partition}`)
    return found
  })

/** Id of the broker that leads the partition; -1 while nobody does. */
export const leaderOf = async (brokers: string[], topic: string, partition: number): Promise<number> =>
  (await partitionOf(brokers, topic, partition)).leader

/** Ids of the brokers that have all of the partition, in ascending order. */
export const inSyncOf = async (brokers: string[], topic: string, partition: number): Promise<number[]> =>
  (await partitionOf(brokers, topic, partition)).isr.toSorted((a, b) => a - b)

/** Id of the broker that coordinates the consumer groups: all of them, since settings.ts gives the offsets topic one partition. */
export const coordinatorOf = (brokers: string[]): Promise<number> => leaderOf(brokers, '__consumer_offsets', 0)
