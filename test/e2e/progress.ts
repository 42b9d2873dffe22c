import type { Admin } from 'kafkajs'
import { kafkaClient } from '../support/kafka-client.ts'

/** How far the workers' group is behind, by what it has committed. */
export interface Progress {
  /** Records; what is done beyond a committed offset counts as not done. */
  lag(): Promise<number>
  close(): Promise<void>
}

export async function openProgress(brokers: string[], { topic, group }: { topic: string; group: string }): Promise<Progress> {
  const admin: Admin = kafkaClient(brokers, 'progress').admin()
  await admin.connect()
  return {
    lag: async () => {
      const [ends, [committed]] = await Promise.all([admin.fetchTopicOffsets(topic), admin.fetchOffsets({ groupId: group, topics: [topic] })])
      const done = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
      return ends.reduce((sum, { partition, high }) => sum + Number(high) - (done.get(partition) ?? 0), 0)
    },
    close: async () => admin.disconnect(),
  }
}
