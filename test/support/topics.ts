import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import { withAdmin } from './kafka/admin.ts'

const GROUP_ID_NOT_FOUND = 69 // error code of the Kafka protocol

export interface NewTopic {
  topic: string
  partitions: number
  /** topic settings, such as { 'retention.ms': '1000' } */
  config?: Record<string, string>
}

/** A beginning for names of topics and groups that no other test, run or clone uses: "t-" and 12 hex digits. */
export const uniquePrefix = (): string => `t-${randomBytes(6).toString('hex')}`

/** Creates the topics with the broker's default replication and resolves when every partition has a leader. Throws if one exists. */
export const createTopics = (brokers: string[], topics: NewTopic[]): Promise<void> =>
  withAdmin(brokers, async (admin) => {
    const created = await admin.createTopics({
      waitForLeaders: false,
      timeout: 10_000,
      topics: topics.map(({ topic, partitions, config = {} }) => ({
        topic,
        numPartitions: partitions,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    })
    if (!created) throw new Error(`some of these topics exist already: ${topics.map(({ topic }) => topic).join(', ')}`)
    await untilLed(admin, topics.map(({ topic }) => topic))
  })

/** kafkajs itself gives up at once when a broker that is busy does not know of a new topic yet. Throws its last error after 10 s. */
async function untilLed(admin: Admin, topics: string[]): Promise<void> {
  const deadline = performance.now() + 10_000
  for (;;) {
    try {
      await admin.fetchTopicMetadata({ topics })
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await wait(50)
    }
  }
}

/** Deletes the topics. kafkajs breaks a producer that has used a deleted topic, so disconnect producers first. */
export const deleteTopics = (brokers: string[], topics: string[]): Promise<void> =>
  withAdmin(brokers, (admin) => admin.deleteTopics({ topics, timeout: 10_000 }))

/** Deletes consumer groups; one that never existed is no error, one that still has members is. */
export const deleteGroups = (brokers: string[], groupIds: string[]): Promise<void> =>
  withAdmin(brokers, async (admin) => {
    try {
      await admin.deleteGroups(groupIds)
    } catch (error) {
      if (!(error instanceof kafkajs.KafkaJSDeleteGroupsError)) throw error
      if (error.groups.some(({ errorCode }) => errorCode !== GROUP_ID_NOT_FOUND)) throw error
    }
  })
