// Bad days of topics: dead letters that can't be written, topics deleted and grown, offsets that are moved, records of every kind.

import kafkajs, { type Admin } from 'kafkajs'
import { setTimeout as wait } from 'node:timers/promises'
import { registerCodecs } from '../../src/kafka/client/codecs.ts'
import { withAdmin } from '../support/kafka/admin.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { publish } from '../support/publish.ts'
import type { Scenario } from '../support/scenario.ts'
import { createTopics, deleteGroups, deleteTopics } from '../support/topics.ts'
import type { TrafficItem } from '../support/traffic.ts'
import { faultCase, type FaultCase } from './fault-case.ts'
import { distinct, metric, metrics, owned, repeatable, said, until } from './looks.ts'

const { CompressionTypes, ConfigResourceTypes } = kafkajs

/** Sets one setting of a topic; null goes back to the broker's. */
async function alter(scenario: Scenario, topic: string, name: string, value: string | null): Promise<void> {
  await withAdmin(scenario.brokers, async (admin) => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] })
    // kafkajs knows only the request that replaces all settings of the topic
    const kept = resources[0]!.configEntries.filter(({ isDefault, configName }) => !isDefault && configName !== name).map(({ configName, configValue }) => ({ name: configName, value: configValue }))
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [...kept, ...(value === null ? [] : [{ name, value }])] }] })
  })
}

const asAdmin = async <T>(scenario: Scenario, work: (admin: Admin) => Promise<T>): Promise<T> => withAdmin(scenario.brokers, work)

const committed = async (scenario: Scenario): Promise<number[]> => asAdmin(scenario, async (admin) => {
  const [topic] = await admin.fetchOffsets({ groupId: scenario.group, topics: [scenario.topic] })
  return topic!.partitions.toSorted((a, b) => a.partition - b.partition).map(({ offset }) => Math.max(0, Number(offset)))
})

/** Deletes all records before `offset` of partition 0, as retention does. */
const retain = async (scenario: Scenario, offset: number): Promise<void> => asAdmin(scenario, async (admin) => {
  await admin.fetchTopicOffsets(scenario.topic) // kafkajs loads the metadata that deleting needs
  await admin.deleteTopicRecords({ topic: scenario.topic, partitions: [{ partition: 0, offset: String(offset) }] })
})

/** Deletes the topic and makes it anew as soon as the name is free. */
async function recreate(scenario: Scenario, topic: string, partitions: number, maxMessageBytes: number, awayMs = 0): Promise<void> {
  await deleteTopics(scenario.brokers, [topic])
  await wait(awayMs)
  const config = { 'max.message.bytes': String(maxMessageBytes) }
  await until('the topic is made anew', async () => createTopics(scenario.brokers, [{ topic, partitions, config }]).then(() => true))
}

const largestBatch = 1_048_588
const largestLetter = largestBatch + 65_536

faultCase({
  fault: 'Dead-letter topic refuses a letter for good (max.message.bytes lowered)',
  does: 'The partition of that letter does not advance beyond it; others go on, and so do other people of the same partition. When the topic takes it again, the letter is sent.',
  sees: 'An error `dead letter refused: ...` with partition and offset; `dead_letter_failures_total` rises every 30 s; `partition_lag_seconds` of that partition grows.',
  setting: { partitions: 4 },
  traffic: { events: 600 },
  during: async (scenario, workers) => {
    const [{ key }] = repeatable({ events: 1, people: 1, seed: 9 }) as [TrafficItem]
    // readable, but over what Customer.io takes of an event: its letter is over 200 kB
    const value = Buffer.from(JSON.stringify({ type: 'track', userId: 'somebody', payload: { event: 'e', properties: { note: 'x'.repeat(200_000) } } }))
    await alter(scenario, scenario.letterTopic, 'max.message.bytes', '100000')
    await scenario.publishItems([{ marker: 'large', key, value, headers: { marker: 'large' }, person: null, type: 'too large', eventId: null, expect: 'dead-letter', hasBody: false }])
    await scenario.delivered(600)
    const refused = () => workers.flatMap((worker) => said(worker, 'dead letter refused'))
    await until('it is said', () => refused().length > 0)
    const { partition, offset } = refused()[0] as unknown as { partition: number; offset: number }
    await until('all else is committed', async () => {
      const ends = await asAdmin(scenario, async (admin) => admin.fetchTopicOffsets(scenario.topic))
      const at = await committed(scenario)
      return ends.every((end) => at[end.partition] === (end.partition === partition ? offset : Number(end.high)))
    })
    expect(await scenario.letters()).toEqual([])
    expect((await metrics(workers, 'dead_letter_failures_total')).some((count) => count > 0)).toBe(true)
    await alter(scenario, scenario.letterTopic, 'max.message.bytes', String(largestLetter))
    await scenario.over()
  },
  after: async (scenario) => {
    expect(await scenario.letters()).toHaveLength(1)
  },
})

faultCase({
  fault: 'Dead-letter topic deleted, and made anew 8 s later',
  does: 'Each letter is tried until it is acknowledged; good events go on.',
  sees: 'An error `dead letter not sent; it will be tried again`; `dead_letter_failures_total` rises; partitions with bad events do not advance beyond them.',
  notCovered: 'Letters that the deleted topic held are gone with it.',
  traffic: false,
  during: async (scenario, workers) => {
    await deleteTopics(scenario.brokers, [scenario.letterTopic])
    await scenario.publish({ events: 600, people: 120, badShare: 0.05, seed: 1 })
    await until('letters are refused', () => workers.every((worker) => said(worker, 'dead letter not sent').length > 0))
    await wait(8_000)
    await createTopics(scenario.brokers, [{ topic: scenario.letterTopic, partitions: 3, config: { 'max.message.bytes': String(largestLetter) } }])
    await scenario.over()
  },
  after: (_scenario, verdict) => { expect(verdict.deadLettered).toBeGreaterThan(20) },
})

for (const [name, awayMs] of [['at once', 0], ['20 s later', 20_000]] as const) {
  faultCase({
    fault: `Source topic deleted while running, and made anew ${name}`,
    does: 'Begins at the start of the new topic.',
    sees: 'An error `the topic was made anew: ...`; while it is away errors of the Kafka client and `the Kafka consumer crashed` with `restarting: true`.',
    notCovered: 'What was not delivered when the topic was deleted is gone with it.',
    setting: { partitions: 4 },
    traffic: false,
    during: async (scenario, workers) => {
      await scenario.publishItems(repeatable({ events: 300, people: 40, seed: 1 }))
      const before = scenario.published.length
      await scenario.delivered(before)
      await until('all is committed', async () => (await committed(scenario)).reduce((sum, offset) => sum + offset, 0) === before)
      await recreate(scenario, scenario.topic, 4, largestBatch, awayMs)
      // more than the old topic had: an old position lies within the new topic then
      await scenario.publishItems(repeatable({ events: 900, people: 40, seed: 2 }))
      await scenario.over()
      await until('it is said', () => workers.every((worker) => said(worker, 'the topic was made anew').length === 1))
    },
  })
}

faultCase({
  fault: 'Partitions added while running',
  does: 'The new partitions are found within 30 s and read from their start; slots are dealt anew.',
  sees: 'A new assignment with another `partitionCount`.',
  notCovered: 'Order, if events of a person are still under way when partitions are added: most keys move to another partition. Let the topic drain first.',
  setting: { partitions: 4 },
  traffic: false,
  during: async (scenario, workers) => {
    await scenario.publishItems(repeatable({ events: 300, people: 60, seed: 1 }))
    await scenario.delivered(scenario.published.length)
    await asAdmin(scenario, async (admin) => admin.createPartitions({ topicPartitions: [{ topic: scenario.topic, count: 8 }] }))
    await scenario.publishItems(repeatable({ events: 300, people: 60, seed: 2 }))
    await scenario.over()
    await until('all eight are assigned', async () => await owned(workers[0]!) === 4 && await owned(workers[1]!) === 4)
  },
})

faultCase({
  fault: 'Retention passes what was not read yet, while running',
  does: 'Goes on at the earliest record that is left; what was deleted is counted.',
  sees: 'One error `reading goes on at another offset` with the number lost; `offset_gap_records_total`.',
  notCovered: 'The deleted events are gone; the figures are of those that were left.',
  // so slow that what was fetched has to wait: the partition is paused, and the rest of it fetched once more
  setting: { partitions: 1, limit: 25, env: { PREFETCH_RECORDS: '20' } },
  traffic: false,
  workers: 1,
  during: async (scenario, [worker]) => {
    const items = repeatable({ events: 400, people: 60, seed: 1 })
    await publish(scenario.brokers, scenario.topic, items)
    await scenario.delivered(50)
    await retain(scenario, 300)
    await scenario.over()
    await until('the rest is delivered', async () => (await distinct(scenario)).has(items.at(-1)!.marker))
    await until('all is done', async () => (await committed(scenario))[0] === items.length)
    const delivered = await distinct(scenario)
    scenario.published.push(...items.filter(({ marker }, offset) => offset >= 300 || delivered.has(marker)))
    expect(items.length - scenario.published.length).toBeGreaterThan(50)
    expect(await metric(worker!, 'offset_gap_records_total')).toBe(items.length - scenario.published.length)
    expect(said(worker!, 'reading goes on at another offset').map(({ level, lost, to }) => ({ level, lost, to }))).toEqual([{ level: 'error', lost: items.length - scenario.published.length, to: 300 }])
  },
})

faultCase({
  fault: 'Retention passes the committed offset while stopped',
  does: 'Begins at the earliest record that is left; what was deleted is counted.',
  sees: 'One error `records were deleted before this group had read them` with the number; `offset_gap_records_total`.',
  notCovered: 'The deleted events are gone; the figures are of those that were left.',
  setting: { partitions: 1 },
  traffic: false,
  workers: 1,
  during: async (scenario, [first]) => {
    const [read, lost, kept] = [1, 2, 3].map((seed) => repeatable({ events: 100, people: 20, seed })) as [TrafficItem[], TrafficItem[], TrafficItem[]]
    await scenario.publishItems(read)
    await scenario.delivered(read.length)
    await first!.stop()
    await publish(scenario.brokers, scenario.topic, lost)
    await retain(scenario, read.length + lost.length)
    await scenario.publishItems(kept)
    await scenario.over()
    const second = await scenario.addWorker()
    await scenario.delivered(read.length + kept.length)
    expect(await metric(second, 'offset_gap_records_total')).toBe(lost.length)
    expect(said(second, 'records were deleted before this group had read them')).toHaveLength(1)
  },
})

/** What is done to the group while it is stopped makes its workers begin at the start. */
const allAgain = (act: (scenario: Scenario) => Promise<void>): Pick<FaultCase, 'notCovered' | 'setting' | 'traffic' | 'during' | 'after'> => ({
  notCovered: 'suppress and destroy have no id: repeated over newer events of the person they delete those.',
  setting: { partitions: 4 },
  traffic: false,
  during: async (scenario, workers) => {
    const items = repeatable({ events: 300, people: 40, seed: 1 })
    await scenario.publishItems(items)
    await scenario.delivered(items.length)
    await Promise.all(workers.map(async (worker) => worker.stop()))
    await act(scenario)
    await scenario.over()
    await scenario.addWorker()
    await scenario.delivered(2 * items.length)
  },
  after: (_scenario, { duplicates, published }) => { expect(duplicates).toEqual({ received: published, covered: published, uncovered: 0 }) },
})

faultCase({
  fault: 'An operator sets the offsets back to the start while stopped',
  does: 'Sends all events again, with the ids and timestamps of the first time.',
  sees: 'Lag jumps up.',
  ...allAgain(async (scenario) => asAdmin(scenario, async (admin) => admin.resetOffsets({ groupId: scenario.group, topic: scenario.topic, earliest: true }))),
})

faultCase({
  fault: 'An operator sets the offsets to the end while stopped',
  does: 'Leaves out what the operator left out, and goes on behind it.',
  sees: 'Nothing: to Kafka it is a commit like any other.',
  setting: { partitions: 4 },
  traffic: false,
  during: async (scenario, workers) => {
    await scenario.publishItems(repeatable({ events: 200, people: 40, seed: 1 }))
    await scenario.delivered(scenario.published.length)
    await Promise.all(workers.map(async (worker) => worker.stop()))
    await publish(scenario.brokers, scenario.topic, repeatable({ events: 200, people: 40, seed: 2 }))
    await asAdmin(scenario, async (admin) => {
      const ends = await admin.fetchTopicOffsets(scenario.topic)
      await admin.setOffsets({ groupId: scenario.group, topic: scenario.topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) })
    })
    await scenario.publishItems(repeatable({ events: 200, people: 40, seed: 3 }))
    await scenario.over()
    await scenario.addWorker()
  },
  after: (_scenario, { unknown, duplicates }) => { expect({ unknown, received: duplicates.received }).toEqual({ unknown: 0, received: 0 }) },
})

faultCase({
  fault: 'The group, and with it its committed offsets, deleted while stopped',
  does: 'Begins at the earliest record, as a new group does: all events that are left in the topic are sent again, with the ids and timestamps of the first time.',
  sees: 'Lag jumps up.',
  ...allAgain(async (scenario) => deleteGroups(scenario.brokers, [scenario.group])),
})

faultCase({
  fault: 'An operator tries to move the offsets, or to delete the group, while running',
  does: 'Kafka refuses both; the workers notice nothing.',
  sees: 'Nothing here; the operator\'s tool says `UNKNOWN_MEMBER_ID` and `NON_EMPTY_GROUP`.',
  setting: { partitions: 4 },
  traffic: { events: 400 },
  during: async (scenario) => {
    await expect(commitAsNobody(scenario, 0)).rejects.toMatchObject({ type: 'UNKNOWN_MEMBER_ID' })
    await expect(asAdmin(scenario, async (admin) => admin.deleteGroups([scenario.group]))).rejects.toMatchObject({ groups: [{ errorCode: 68 }] })
    await scenario.over()
  },
  after: (_scenario, { duplicates }) => { expect(duplicates.received).toBe(0) },
})

faultCase({
  fault: 'A consumer of another kind tries to join the group',
  does: 'Kafka refuses it, since it deals partitions in another way; the workers notice nothing.',
  sees: 'Nothing here; the other consumer gets `INCONSISTENT_GROUP_PROTOCOL`.',
  setting: { partitions: 4 },
  traffic: { events: 400 },
  during: async (scenario, workers) => {
    const rebalances = await metric(workers[0]!, 'rebalances_total')
    const foreign = foreigner(scenario)
    await until('it is refused', async () => (await foreign.crashed()) !== undefined)
    expect(await foreign.crashed()).toBe('INCONSISTENT_GROUP_PROTOCOL')
    await foreign.stop()
    expect(await metric(workers[0]!, 'rebalances_total')).toBe(rebalances)
    await scenario.over()
  },
})

faultCase({
  fault: 'A consumer of another kind is in the group first',
  does: 'Refuses to start: nothing is sent. Once the other is gone, it starts.',
  sees: 'Exit code 1; `the Kafka consumer crashed` with the cause that the group\'s members speak another protocol.',
  setting: { partitions: 4 },
  traffic: { events: 300 },
  workers: 0,
  during: async (scenario) => {
    const foreign = foreigner(scenario)
    await until('it has joined', async () => foreign.joined())
    const { code, logs } = await scenario.runWorker()
    expect(code).toBe(1)
    expect(logs.some(({ msg, cause, restarting }) => msg === 'the Kafka consumer crashed' && restarting === false && /protocol/i.test(String(cause)))).toBe(true)
    expect(await scenario.accepted()).toBe(0)
    await foreign.stop()
    await scenario.over()
    await scenario.addWorker()
  },
})

faultCase({
  fault: 'Batches compressed by gzip, snappy, lz4 and zstd',
  does: 'Reads them all.',
  sees: 'Nothing.',
  setting: { partitions: 1 },
  traffic: false,
  during: async (scenario) => {
    registerCodecs(64 * 1024 * 1024)
    const items = repeatable({ events: 500, people: 60, seed: 1 })
    const types = Object.values(CompressionTypes) as number[]
    const part = Math.ceil(items.length / types.length)
    for (const [index, type] of types.entries()) await produce(scenario, items.slice(index * part, (index + 1) * part), type)
    await scenario.over()
  },
})

faultCase({
  fault: 'A record of the largest size that the broker takes',
  does: 'Too large for Customer.io, so a dead letter with key, value and headers untouched. Others go on.',
  sees: '`dead_letters_total{reason="event_too_large"}`.',
  setting: { partitions: 1 },
  traffic: false,
  workers: 1,
  during: async (scenario) => {
    const value = Buffer.from(JSON.stringify({ type: 'track', userId: 'u', payload: { event: 'e', properties: { text: 'x'.repeat(1_048_200) } } }))
    const large: TrafficItem = { marker: 'large', key: Buffer.from('k'), value, headers: { marker: 'large', trace: 'abc' }, person: 'k', type: 'too large', eventId: null, expect: 'dead-letter', hasBody: false }
    const items = repeatable({ events: 100, people: 20, seed: 1 })
    await produce(scenario, items.slice(0, 50))
    await produce(scenario, [large])
    await produce(scenario, items.slice(50))
    await scenario.over()
  },
  after: async (scenario) => {
    const [letter] = await scenario.letters()
    expect(letter?.value?.equals(scenario.published.find(({ marker }) => marker === 'large')!.value!)).toBe(true)
    expect(letter?.key?.toString()).toBe('k')
    expect(letter?.headers).toMatchObject({
      marker: 'large', trace: 'abc', 'cio-dlq-reason': 'event_too_large', 'cio-dlq-topic': scenario.topic, 'cio-dlq-partition': '0', 'cio-dlq-offset': '50',
      'cio-dlq-attempts': '0', 'cio-dlq-replay-count': '0', 'cio-dlq-http-status': '', 'cio-dlq-worker-version': expect.stringMatching(/^\d+\.\d+\.\d+/),
    })
  },
})

faultCase({
  fault: 'Transactions: kept, aborted, and nothing but control records at the end',
  does: 'Delivers what was kept, not what was aborted; control records leave no lag.',
  sees: 'Nothing.',
  setting: { partitions: 1 },
  traffic: false,
  during: async (scenario) => {
    const [kept, aborted] = [repeatable({ events: 100, people: 20, seed: 1 }), repeatable({ events: 100, people: 20, seed: 2 })]
    const producer = kafkaClient(scenario.brokers, 'records').producer({ transactionalId: scenario.group, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const batches = [[kept.slice(0, 50), true], [aborted.slice(0, 50), false], [kept.slice(50), true], [aborted.slice(50), false]] as const
    for (const [items, keep] of batches) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: scenario.topic, messages: items.map(({ key, value, headers }) => ({ key, value, headers })) })
      if (keep) scenario.published.push(...items)
      await (keep ? transaction.commit() : transaction.abort())
    }
    await producer.disconnect()
    await scenario.over()
    const end = kept.length + aborted.length + batches.length
    await until('control records are committed, too', async () => (await committed(scenario))[0] === end)
  },
  after: (_scenario, { unknown }) => { expect(unknown).toBe(0) },
})

/** One batch, so that the codec is the batch's; in the order given. */
async function produce(scenario: Scenario, items: TrafficItem[], compression = CompressionTypes.None): Promise<void> {
  const producer = kafkaClient(scenario.brokers, 'records').producer({ allowAutoTopicCreation: false, createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  scenario.published.push(...items)
  await producer.send({ topic: scenario.topic, acks: -1, compression, messages: items.map(({ key, value, headers }) => ({ key, value, headers })) })
  await producer.disconnect()
}

/** What an operator's tool sends: a commit that names no member. kafkajs has it only inside, so it is sent through its cluster object. */
async function commitAsNobody(scenario: Scenario, offset: number): Promise<void> {
  interface Coordinator { offsetCommit(request: object): Promise<unknown> }
  let cluster: { findGroupCoordinator(request: object): Promise<Coordinator> } | undefined
  const consumer = kafkaClient(scenario.brokers, 'operator').consumer({
    groupId: scenario.group,
    partitionAssigners: [(config) => {
      cluster = config.cluster as unknown as NonNullable<typeof cluster>
      return kafkajs.PartitionAssigners.roundRobin(config)
    }],
  })
  await consumer.connect()
  try {
    const coordinator = await cluster!.findGroupCoordinator({ groupId: scenario.group })
    await coordinator.offsetCommit({ groupId: scenario.group, groupGenerationId: -1, memberId: '', topics: [{ topic: scenario.topic, partitions: [{ partition: 0, offset: String(offset) }] }] })
  } finally {
    await consumer.disconnect()
  }
}

/** A consumer of the same group that deals partitions by round robin. */
function foreigner(scenario: Scenario) {
  const consumer = kafkaClient(scenario.brokers, 'foreigner').consumer({ groupId: scenario.group, retry: { retries: 0 } })
  let crash: string | undefined
  let joined = false
  consumer.on('consumer.crash', ({ payload }) => { crash = (payload.error as { type?: string; cause?: { type?: string } }).type ?? (payload.error as { cause?: { type?: string } }).cause?.type ?? payload.error.message })
  consumer.on('consumer.group_join', () => { joined = true })
  const running = (async () => {
    await consumer.connect()
    await consumer.subscribe({ topic: scenario.topic })
    await consumer.run({ autoCommit: false, eachMessage: async () => {} })
  })()
  return {
    joined: () => joined,
    crashed: async () => {
      await running
      return crash
    },
    stop: async () => {
      await running
      await consumer.disconnect()
    },
  }
}
