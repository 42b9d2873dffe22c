import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import { monotonic, sleep } from '../../clock.ts'
import type { Config } from '../../config.ts'
import type { Logger } from '../../logger.ts'
import { errorText } from '../../errors.ts'
import type { KafkaRecord } from '../record.ts'
import { createMembership } from './membership.ts'
import type { Assignment, MembershipHandlers } from './membership.ts'

export interface ConsumerHandlers extends MembershipHandlers {
  /** Offset that the next batch of the partition must begin at; undefined if the partition is not ours. */
  position(partition: number): number | undefined
  /** Whether one more record of the partition can be taken. */
  hasRoom(partition: number): boolean
  /** Waits a moment for room; false if there is none, and the partition is paused. */
  room(partition: number): Promise<boolean>
  take(record: KafkaRecord): void
  /** All records before `end` have been taken or don't exist (control records, compaction). */
  reached(partition: number, end: number): void
  /** kafkajs may have committed an offset of its own for the partition: it does when a position is out of range. */
  recommit(partition: number): void
  polled(): void
  /** A request to Kafka got no answer in time. */
  unanswered(): void
  /**
   * Reading goes on at `to`: forward when retention passed the position (or only control records are in between), backward when the topic
   * was made anew.
   */
  jumped(partition: number, from: number, to: number): void
  /** kafkajs gave up; it restarts by itself if `restarting`. */
  crashed(error: unknown, restarting: boolean): void
}

export interface GroupConsumer {
  /** Connects and joins; resolves after kafkajs's first try to join. */
  start(): Promise<void>
  pause(partition: number): void
  resume(partition: number): void
  heartbeat(): Promise<void>
  commit(assignment: Assignment, offsets: ReadonlyMap<number, { offset: number; metadata: string }>): Promise<void>
  /** Has all members join again, so that the limits are dealt anew; nothing while a join is under way. */
  askForDeal(): void
  /** Leaves the group (through `revoke`) and disconnects. */
  stop(): Promise<void>
}

/** Bytes asked for a partition and in all with each fetch: enough for some thousand events, little to decode again after a pause. */
const FETCH_PARTITION_BYTES = 262_144
const FETCH_BYTES = 4_194_304
/** kafkajs looks at pauses, resumes and the group between two fetches, so a fetch must not wait long. */
const FETCH_WAIT_MS = 250
/** Waits between a crash of the consumer that follows another one and its next start. */
const FIRST_RESTART_WAIT_MS = 250
const LONGEST_RESTART_WAIT_MS = 2_000

/**
 * The consumer: kafkajs fetches, its handlers hand over and return at once (or after a moment, if there is no room), so a slow event never holds up a fetch or a heartbeat. Positions of
 * fetching run ahead of the commits; both begin at the same offset after each join, and a batch that does not continue the position is dropped
 * and asked for again: one that was fetched before a rebalance can therefore never open a gap.
 */
export function createGroupConsumer(kafka: Kafka, config: Config, logger: Logger, handlers: ConsumerHandlers): GroupConsumer {
  const topic = config.KAFKA_TOPIC
  let stopping = false
  let restartWait = 0
  let assignment: Assignment | undefined
  const repositioned = new Map<number, { position: number; fetched: number }>()
  const membership = createMembership({
    topic, groupId: config.KAFKA_GROUP_ID, clock: monotonic,
    handlers: { ...handlers, assigned: (given) => { assignment = given; handlers.assigned(given) } },
  })
  /** kafkajs begins anew 200 ms after each crash: for as long as the topic is missing, say, that would be five times a second. */
  const mayRestart = async (): Promise<boolean> => {
    await sleep(restartWait)
    restartWait = Math.min(LONGEST_RESTART_WAIT_MS, 2 * restartWait + FIRST_RESTART_WAIT_MS)
    return !stopping
  }
  const consumer: Consumer = kafka.consumer({
    groupId: config.KAFKA_GROUP_ID,
    partitionAssigners: [membership.assigner],
    sessionTimeout: config.KAFKA_SESSION_TIMEOUT_MS,
    heartbeatInterval: config.KAFKA_HEARTBEAT_INTERVAL_MS,
    rebalanceTimeout: config.KAFKA_REBALANCE_TIMEOUT_MS,
    maxBytesPerPartition: FETCH_PARTITION_BYTES,
    maxBytes: FETCH_BYTES,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    metadataMaxAge: 30_000,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8, restartOnFailure: mayRestart },
  })

  /** While kafkajs restarts after a crash it has no group to act on; the next join sets everything anew. */
  const ifRunning = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      logger.debug({ cause: errorText(error) }, 'the consumer is not running')
    }
  }
  const seek = (partition: number, offset: number): void => ifRunning(() => consumer.seek({ topic, partition, offset: String(offset) }))

  const take = async ({ batch, resolveOffset }: EachBatchPayload): Promise<void> => {
    const { partition } = batch
    const mine = assignment
    const position = handlers.position(partition)
    if (position === undefined) return
    const { fetchedOffset } = batch as unknown as { fetchedOffset: string }
    if (Number(fetchedOffset) !== position) {
      reposition(partition, position, Number(fetchedOffset))
      return
    }
    let last: string | undefined
    for (const message of batch.messages) {
      if (!handlers.hasRoom(partition)) {
        const before = handlers.position(partition)
        const goOn = await handlers.room(partition)
        // dealt anew, or reading goes on elsewhere: what is left of this batch is stale
        if (assignment !== mine || handlers.position(partition) !== before) return
        if (!goOn) break
      }
      handlers.take(toRecord(topic, partition, message))
      last = message.offset
    }
    if (last === undefined) return
    const whole = last === batch.messages.at(-1)?.offset
    handlers.reached(partition, Number(whole ? batch.lastOffset() : last) + 1)
    resolveOffset(last)
  }

  /**
   * A batch that does not continue the position was fetched before the last join, or kafkajs went on elsewhere by itself: at the earliest
   * offset when the position is out of range, behind batches that hold no records. A stale batch comes only once, so if it is the same
   * again after a seek, kafkajs is right.
   */
  const reposition = (partition: number, position: number, fetched: number): void => {
    const before = repositioned.get(partition)
    if (before?.position !== position || before.fetched !== fetched) {
      repositioned.set(partition, { position, fetched })
      seek(partition, position)
      handlers.recommit(partition)
      return
    }
    repositioned.delete(partition)
    seek(partition, fetched)
    handlers.jumped(partition, position, fetched)
  }

  consumer.on(consumer.events.GROUP_JOIN, () => {
    restartWait = 0
    repositioned.clear()
    for (const [partition, { position }] of assignment?.starts ?? []) seek(partition, position)
    consumer.resume([{ topic }])
  })
  consumer.on(consumer.events.FETCH_START, () => handlers.polled())
  consumer.on(consumer.events.REQUEST_TIMEOUT, () => handlers.unanswered())
  // batches with nothing but control records or aborted transactions never reach a handler
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize === 0 && handlers.position(payload.partition) === Number(payload.firstOffset ?? NaN)) {
      handlers.reached(payload.partition, Number(payload.lastOffset) + 1)
    }
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => handlers.crashed(payload.error, payload.restart && !stopping))

  return {
    start: async () => {
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 32,
        // a throw here would end the consumer for good
        eachBatch: async (payload) => {
          try {
            await take(payload)
          } catch (error) {
            handlers.crashed(error, false)
          }
        },
      })
    },
    pause: (partition) => ifRunning(() => consumer.pause([{ topic, partitions: [partition] }])),
    resume: (partition) => ifRunning(() => consumer.resume([{ topic, partitions: [partition] }])),
    heartbeat: async () => membership.heartbeat(),
    commit: async (given, offsets) => membership.commit(given, offsets),
    askForDeal: () => membership.askForDeal(),
    stop: async () => {
      stopping = true
      await consumer.disconnect().catch((error: unknown) => logger.warn({ cause: errorText(error) }, 'disconnecting from Kafka failed'))
    },
  }
}

function toRecord(topic: string, partition: number, message: KafkaMessage): KafkaRecord {
  // a header without a value is null, though not in kafkajs's types; it becomes an empty one
  const entries = Object.entries(message.headers ?? {})
  const headers = entries.length === 0 ? NO_HEADERS : Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.map(copy) : copy(value)]))
  return {
    topic, partition, offset: Number(message.offset), timestamp: Number(message.timestamp),
    key: message.key && Buffer.from(message.key), value: message.value && Buffer.from(message.value), headers,
  }
}

const NO_HEADERS: KafkaRecord['headers'] = Object.freeze({})

function copy(part: Buffer | string | null | undefined): Buffer {
  return Buffer.from(part ?? '')
}
