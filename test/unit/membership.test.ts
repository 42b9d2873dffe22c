import kafkajs, { type Assigner, type Cluster } from 'kafkajs'
import type { Budgets, Claimant, Parts } from '../../src/budget.ts'
import { createMembership, type Assignment } from '../../src/kafka/client/membership.ts'
import { json } from './helpers.ts'

jest.mock('../../src/kafka/client/topic-id.ts', () => ({ topicIdOf: async () => present }))

const TOPIC = 'events'
/** The topic's id at present. */
let present: string | undefined
beforeEach(() => { present = 'first' })

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol

/** A member whose group assigns partition 0 with each join. Answers of the coordinator come when `answer` is called, or at once. */
function memberOf() {
  const [said, beats] = [[] as string[], [] as (() => void)[]]
  let slow = false
  let missing = false
  let userData = json({ partitions: 1 })
  let budgets: Budgets = {}
  let failure: Error | undefined
  let drain = async (): Promise<void> => {}
  const acknowledged = jest.fn()
  const deal = jest.fn((_members: readonly Claimant[]): ReadonlyMap<string, Parts> => new Map())
  const coordinator = {
    isConnected: () => true,
    heartbeat: async () => {
      said.push('heartbeat')
      if (failure) throw failure
      if (slow) await new Promise<void>((resolve) => { beats.push(resolve) })
    },
    leaveGroup: async () => {},
    syncGroup: async () => ({
      memberAssignment: MemberAssignment.encode({ version: 1, assignment: { [TOPIC]: [0] }, userData }),
    }),
    offsetFetch: async () => ({ responses: [{ partitions: [{ partition: 0, offset: '7', metadata: '' }] }] }),
    offsetCommit: async () => { said.push('commit') },
  }
  const cluster = {
    findGroupCoordinator: async () => coordinator,
    fetchTopicsOffset: async () => [{ topic: TOPIC, partitions: [{ partition: 0, offset: '7' }] }],
    findTopicPartitionMetadata: () => [{ partitionId: 0 }],
    refreshMetadata: async () => { if (missing) throw Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' }) },
    refreshMetadataIfNecessary: async () => {},
  }
  let assignment: Assignment | undefined
  const membership = createMembership({
    topic: TOPIC, groupId: 'group', clock: () => 0,
    handlers: {
      revoke: async () => {
        said.push('revoke')
        await drain()
      },
      assigned: (given) => {
        said.push('assigned')
        assignment = given
      },
      acknowledged,
      replaced: () => said.push('replaced'),
      budgets: () => budgets,
      deal,
    },
  })
  const assigner = membership.assigner({ cluster: cluster as unknown as Cluster } as Parameters<typeof membership.assigner>[0])
  let generation = 0
  return {
    membership, assigner, said, beats, cluster, deal, acknowledged,
    setFailure: (is: Error) => { failure = is },
    setDrain: (is: () => Promise<void>) => { drain = is },
    assignment: () => assignment,
    setUserData: (is: Buffer) => { userData = is },
    setBudgets: (are: Budgets) => { budgets = are },
    setSlow: () => { slow = true },
    setMissing: (is: boolean) => { missing = is },
    /** What kafkajs does to join. */
    join: async () => {
      const found = await cluster.findGroupCoordinator() as unknown as { syncGroup(request: object): Promise<unknown> }
      await found.syncGroup({ groupId: 'group', generationId: (generation += 1), memberId: 'me' })
      said.length = 0
    },
    commit: async () => membership.commit(assignment!, new Map([[0, { offset: 8, metadata: '' }]])),
  }
}

test('one heartbeat at a time: one without an answer is not followed by others', async () => {
  const { membership, said, beats, join, setSlow } = memberOf()
  await join()
  setSlow()
  const both = [membership.heartbeat(), membership.heartbeat()]
  await new Promise(setImmediate)
  expect(said).toEqual(['heartbeat'])
  beats[0]?.()
  await Promise.all(both)
  void membership.heartbeat()
  await new Promise(setImmediate)
  expect(said).toEqual(['heartbeat', 'heartbeat'])
})

test('one without an answer does not hold up those of the next generation', async () => {
  const { membership, said, beats, join, setSlow } = memberOf()
  await join()
  setSlow()
  const old = membership.heartbeat()
  await new Promise(setImmediate)
  await join()
  const next = membership.heartbeat()
  await new Promise(setImmediate)
  expect(said).toEqual(['heartbeat'])
  for (const answer of beats) answer()
  await Promise.all([old, next])
})

test('a heartbeat that fails ends kafkajs\'s fetching, but not during a join, which another one would follow; and it proves nothing', async () => {
  const { membership, cluster, join, acknowledged, setFailure, setDrain } = memberOf()
  await join()
  type Ask = (request: object) => Promise<unknown>
  const broker = await cluster.findGroupCoordinator() as unknown as { heartbeat: Ask; syncGroup: Ask }
  await join()
  await new Promise(setImmediate)
  acknowledged.mockClear()
  setFailure(new Error('rebalancing'))
  const beat = async (groupGenerationId: number) => broker.heartbeat({ groupId: 'group', memberId: 'me', groupGenerationId })
  await expect(beat(2)).rejects.toThrow('rebalancing')
  await expect(membership.heartbeat()).rejects.toThrow('rebalancing')
  const drained = jest.fn(async () => { await beat(2) })
  setDrain(drained)
  await cluster.findGroupCoordinator()
  expect(drained).toHaveBeenCalledTimes(1)
  setDrain(async () => {})
  await beat(2)
  await beat(3)
  await broker.syncGroup({ groupId: 'group', generationId: 3, memberId: 'me' })
  await beat(2)
  await expect(beat(3)).rejects.toThrow('rebalancing')
  expect(acknowledged).not.toHaveBeenCalled()
})

describe('the topic was deleted', () => {
  test('and made anew: nothing is committed in it, and the next fetch is a join, once', async () => {
    const { said, cluster, join, commit } = memberOf()
    await join()
    await commit()
    expect(said).toEqual(['commit'])
    present = 'second'
    await expect(commit()).rejects.toMatchObject({ name: 'TopicReplacedError' })
    expect(said).toEqual(['commit'])
    await expect(cluster.refreshMetadataIfNecessary()).rejects.toMatchObject({ name: 'KafkaJSStaleTopicMetadataAssignment', retriable: true })
    await cluster.refreshMetadataIfNecessary()
  })

  test('and not yet made anew: nothing is committed', async () => {
    const { said, join, commit } = memberOf()
    await join()
    present = undefined
    await expect(commit()).rejects.toMatchObject({ name: 'TopicReplacedError' })
    expect(said).toEqual([])
  })

  test('what is remembered is of other records: said before the assignment', async () => {
    const { said, cluster, join } = memberOf()
    await join()
    present = 'second'
    const found = await cluster.findGroupCoordinator() as unknown as { syncGroup(request: object): Promise<unknown> }
    await found.syncGroup({ groupId: 'group', generationId: 2, memberId: 'me' })
    expect(said).toEqual(['revoke', 'replaced', 'assigned', 'heartbeat'])
  })

  test('a fetch found it missing: the next one is a join, even if it is there again; not without an assignment', async () => {
    const { cluster, join, setMissing } = memberOf()
    setMissing(true)
    await expect(cluster.refreshMetadata()).rejects.toThrow('no such topic')
    await cluster.refreshMetadataIfNecessary()
    await join()
    await cluster.refreshMetadataIfNecessary()
    await expect(cluster.refreshMetadata()).rejects.toThrow('no such topic')
    setMissing(false)
    await expect(cluster.refreshMetadataIfNecessary()).rejects.toMatchObject({ name: 'KafkaJSStaleTopicMetadataAssignment' })
  })
})

test('a broker that can\'t tell ids: commits are taken as they are', async () => {
  present = undefined
  const { said, join, commit } = memberOf()
  await join()
  await commit()
  expect(said).toEqual(['commit'])
})

/** The user data that a member joins with, as Kafka has it. */
const told = (assigner: Assigner): Buffer => assigner.protocol({ topics: [TOPIC] }).metadata
const toldAs = (assigner: Assigner): unknown => JSON.parse(MemberMetadata.decode(told(assigner))!.userData.toString())
const all = { wanted: null, limit: 80 }

describe('a deal', () => {
  test('what a member tells the leader: what it owned, and its limits', async () => {
    const { assigner, join, setBudgets } = memberOf()
    expect(toldAs(assigner)).toEqual({ owned: [], budgets: {}, asked: 0 })
    await join()
    setBudgets({ track: { limit: 80, wanted: Infinity }, general: { limit: 10, wanted: 3 } })
    expect(toldAs(assigner)).toEqual({ owned: [0], budgets: { track: all, general: { limit: 10, wanted: 3 } }, asked: 0 })
  })

  test('what was dealt comes with the assignment', async () => {
    const { join, assignment, setUserData } = memberOf()
    setUserData(json({ partitions: 4, slots: { track: { limit: 80, slots: 20 } } }))
    await join()
    expect(assignment()).toMatchObject({ partitionCount: 4, slots: { track: { limit: 80, slots: 20 } } })
  })

  test('an assignment without the number of partitions is of another kind of consumer', async () => {
    const { join, setUserData } = memberOf()
    setUserData(json({ slots: {} }))
    await expect(join()).rejects.toThrow('another kind of consumer')
  })

  test('the leader deals by what the members say, to each its own part; a word that can\'t be read ends nothing', async () => {
    const { assigner, cluster, deal } = memberOf()
    cluster.findTopicPartitionMetadata = () => [{ partitionId: 0 }, { partitionId: 1 }, { partitionId: 2 }]
    const metadata = (userData: Buffer) => MemberMetadata.encode({ version: 1, topics: [TOPIC], userData })
    deal.mockReturnValue(new Map([['a', { track: { limit: 80, slots: 60 } }], ['b', { track: { limit: 80, slots: 20 } }]]))
    const dealt = await assigner.assign({
      topics: [TOPIC],
      members: [
        { memberId: 'a', memberMetadata: metadata(json({ owned: [2], budgets: { track: all } })) },
        { memberId: 'b', memberMetadata: metadata(Buffer.from('{')) },
        { memberId: 'c', memberMetadata: Buffer.from([1]) },
        { memberId: 'd', memberMetadata: metadata(Buffer.from('[0]')) },
      ],
    })
    expect(deal.mock.calls[0]![0]).toEqual([
      { id: 'a', partitions: 1, budgets: { track: { limit: 80, wanted: Infinity } } },
      { id: 'b', partitions: 1, budgets: {} }, { id: 'c', partitions: 1, budgets: {} }, { id: 'd', partitions: 0, budgets: {} },
    ])
    const parts = dealt.map(({ memberId, memberAssignment }) => {
      const { assignment, userData } = MemberAssignment.decode(memberAssignment)!
      return [memberId, assignment[TOPIC], JSON.parse(userData.toString())]
    })
    expect(parts).toEqual([
      ['a', [2], { partitions: 3, slots: { track: { limit: 80, slots: 60 } } }],
      ['b', [0], { partitions: 3, slots: { track: { limit: 80, slots: 20 } } }],
      ['c', [1], { partitions: 3, slots: {} }], ['d', [], { partitions: 3, slots: {} }],
    ])
  })

  test('is asked for: the next fetch is a join, once, and Kafka sees other metadata even if nothing else has changed', async () => {
    const { membership, assigner, cluster, join } = memberOf()
    await join()
    const before = told(assigner)
    await cluster.refreshMetadataIfNecessary()
    membership.askForDeal()
    const stale = { name: 'KafkaJSStaleTopicMetadataAssignment', message: 'a new deal of slots is wanted' }
    await expect(cluster.refreshMetadataIfNecessary()).rejects.toMatchObject(stale)
    await cluster.refreshMetadataIfNecessary()
    expect(told(assigner).equals(before)).toBe(false)
  })

  test('is not asked for while a join is under way, and a join in between is the answer', async () => {
    const { membership, assigner, cluster, join } = memberOf()
    const before = told(assigner)
    membership.askForDeal()
    expect(told(assigner).equals(before)).toBe(true)
    await join()
    await cluster.refreshMetadataIfNecessary()
    membership.askForDeal()
    await join()
    await cluster.refreshMetadataIfNecessary()
  })

  test('two joins in a row: nothing that Kafka would take for news', async () => {
    const { assigner, join } = memberOf()
    await join()
    const first = told(assigner)
    await join()
    expect(told(assigner).equals(first)).toBe(true)
  })
})
