import kafkajs, { type Cluster } from 'kafkajs'
import { createMembership, type Assignment } from '../../src/kafka/client/membership.ts'

jest.mock('../../src/kafka/client/topic-id.ts', () => ({ topicIdOf: async () => present }))

const TOPIC = 'events'
/** The topic's id at present. */
let present: string | undefined
beforeEach(() => { present = 'first' })

/** A member whose group assigns partition 0 with each join. Answers of the coordinator come when `answer` is called, or at once. */
function memberOf() {
  const [said, beats] = [[] as string[], [] as (() => void)[]]
  let slow = false
  let missing = false
  const coordinator = {
    isConnected: () => true,
    heartbeat: async () => {
      said.push('heartbeat')
      if (slow) await new Promise<void>((resolve) => { beats.push(resolve) })
    },
    leaveGroup: async () => {},
    syncGroup: async () => ({
      memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({ version: 1, assignment: { [TOPIC]: [0] }, userData: Buffer.from('{"partitions":1}') }),
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
      revoke: async () => { said.push('revoke') },
      assigned: (given) => {
        said.push('assigned')
        assignment = given
      },
      acknowledged: () => {},
      replaced: () => said.push('replaced'),
    },
  })
  membership.assigner({ cluster: cluster as unknown as Cluster } as Parameters<typeof membership.assigner>[0])
  let generation = 0
  return {
    membership, said, beats, cluster,
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
