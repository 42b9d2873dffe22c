// The limit as the group's leader deals it: real members of a real group that ask for a new deal.

import { setTimeout as wait } from 'node:timers/promises'
import { readConfig } from '../../src/config.ts'
import { createGroupConsumer, type GroupConsumer } from '../../src/kafka/client/consumer.ts'
import type { Assignment } from '../../src/kafka/client/membership.ts'
import { patchJoin } from '../../src/kafka/client/patch-join.ts'
import { dealToGroup } from '../../src/limiter/group-deal.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { testBrokers } from '../support/scenario.ts'
import { createTopics, deleteGroups, deleteTopics, uniquePrefix } from '../support/topics.ts'
import { keptLog } from '../unit/helpers.ts'

const LIMIT = 12
const HEARTBEAT_MS = 200

interface Member {
  readonly consumer: GroupConsumer
  /** What it says of the limit. */
  budget: { limit: number; wanted: number }
  /** Undefined while it has none. */
  assignment: Assignment | undefined
}

let prefix: string
let topic: string
let members: Member[]
let timers: NodeJS.Timeout[]

beforeAll(patchJoin)

beforeEach(async () => {
  prefix = uniquePrefix()
  topic = `${prefix}-events`
  ;[members, timers] = [[], []]
  await createTopics(testBrokers(), [{ topic, partitions: 2 }])
})

afterEach(async () => {
  for (const timer of timers) clearInterval(timer)
  await Promise.all(members.map(async ({ consumer }) => consumer.stop()))
  await deleteGroups(testBrokers(), [prefix])
  await deleteTopics(testBrokers(), [topic])
})

async function join(name: string): Promise<void> {
  const config = readConfig({
    KAFKA_BROKERS: testBrokers().join(','), KAFKA_TOPIC: topic, KAFKA_GROUP_ID: prefix,
    CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'key', CUSTOMERIO_REGION: 'eu', KAFKA_HEARTBEAT_INTERVAL_MS: String(HEARTBEAT_MS),
  })
  const consumer = createGroupConsumer(kafkaClient(testBrokers(), `${prefix}-${name}`), config, keptLog().logger, {
    revoke: async () => { member.assignment = undefined },
    assigned: (given) => { member.assignment = given },
    budgets: () => ({ track: member.budget }),
    deal: dealToGroup,
    acknowledged: () => {}, replaced: () => {}, position: () => undefined, room: async () => true, hasRoom: () => true, take: () => {}, reached: () => {},
    recommit: () => {}, polled: () => {}, unanswered: () => {}, jumped: () => {}, crashed: () => {},
  })
  const member: Member = { consumer, budget: { limit: LIMIT, wanted: Infinity }, assignment: undefined }
  members.push(member)
  timers.push(setInterval(() => void consumer.heartbeat().catch(() => {}), HEARTBEAT_MS))
  await consumer.start()
}

const slotsOf = ({ assignment }: Member): number => assignment?.slots['track']?.slots ?? 0
const generations = (): (number | undefined)[] => members.map(({ assignment }) => assignment?.generation)

/**
 * Resolves when all are in the same generation, a later one than `after`, and together own everything.
 * @returns that generation
 * @throws after 10 s
 */
async function agreed(after = 0): Promise<number> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline;) {
    const [first, ...others] = generations()
    const owned = members.reduce((sum, { assignment }) => sum + (assignment?.partitions.length ?? 0), 0)
    if (first !== undefined && first > after && others.every((generation) => generation === first) && owned === 2) return first
    await wait(20)
  }
  throw new Error(`no generation of all after ${after}: ${generations().join(', ')}`)
}

test('after an asking there is a new generation with a new deal, of the whole limit and no more: whoever asks, paused or not', async () => {
  await Promise.all(['a', 'b', 'c'].map(join))
  let generation = await agreed()
  const [busy, idle] = members.filter(({ assignment }) => assignment?.partitions.length === 1) as [Member, Member]
  const spare = members.find(({ assignment }) => assignment?.partitions.length === 0) as Member
  expect([busy, idle, spare].map(slotsOf)).toEqual([6, 6, 0])

  idle.budget = { limit: LIMIT, wanted: 2 }
  busy.consumer.askForDeal()
  generation = await agreed(generation)
  expect([busy, idle, spare].map(slotsOf)).toEqual([10, 2, 0])

  // nothing else that they say has changed: the asking is what Kafka must see (not of the leader, whose joins are always news)
  for (const asking of members) {
    for (const partition of asking.assignment!.partitions) asking.consumer.pause(partition)
    asking.consumer.askForDeal()
    generation = await agreed(generation)
    expect([busy, idle, spare].map(slotsOf)).toEqual([10, 2, 0])
  }

  // the smallest limit that one reads is dealt
  idle.budget = { limit: 8, wanted: Infinity }
  idle.consumer.askForDeal()
  await agreed(generation)
  expect([busy, idle].map(({ assignment }) => assignment?.slots['track'])).toEqual([{ limit: 8, slots: 4 }, { limit: 8, slots: 4 }])
}, 20_000)
