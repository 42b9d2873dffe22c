import kafkajs from 'kafkajs'
import type { Assigner, PartitionAssigner } from 'kafkajs'
import type { Budgets, Claimant, Parts } from '../../budget.ts'
import { sleep } from '../../clock.ts'
import type { MonotonicClock } from '../../clock.ts'
import { TopicReplacedError } from '../../errors.ts'
import { assignPartitions } from '../assignment.ts'
import { topicIdOf } from './topic-id.ts'
import type { RequestingBroker } from './topic-id.ts'
import { decodeAssignmentData, decodeMemberData, encodeUserData } from './user-data.ts'

/**
 * The seam into kafkajs's group membership. kafkajs has no "partitions revoked" callback, does not tell when a heartbeat was *sent*, nor
 * the user data of an assignment. A partition assigner is given the consumer's cluster object, and everything that matters passes through it:
 *
 *   findGroupCoordinator   is awaited before every join attempt, so that is where the old assignment is drained
 *   coordinator.syncGroup  brings the assignment: its user data has the topic's number of partitions, and the slots dealt to this member;
 *                          start offsets are looked up here, before anything can be fetched
 *   coordinator.heartbeat  an acknowledged one proves ownership from the moment it was sent; one that fails during a join is no news
 *   coordinator.leaveGroup the partitions are given up (shutdown, or a crash of the consumer): drained before, too
 *   refreshMetadata...     is called before each fetch, also while all partitions are paused or there are none, so that is where kafkajs
 *                          can be made to join again: for a new deal of slots; and when the topic was seen missing, its offsets mean
 *                          nothing any more, however soon there is one of that name again
 *
 * kafkajs is pinned to an exact version; without one of these ways no slot ever opens, and every integration test fails.
 */
/** What a join brought. */
export interface Assignment {
  readonly generation: number
  readonly memberId: string
  readonly partitions: readonly number[]
  /** Partitions of the topic, as the group's leader saw it: the same for all members of a generation. */
  readonly partitionCount: number
  /** What the leader dealt this member of the limit of each API. */
  readonly slots: Parts
  /** Where to begin, by partition. */
  readonly starts: ReadonlyMap<number, PartitionStart>
}

export interface PartitionStart {
  /** First offset that is not done. */
  readonly position: number
  /** Records that retention deleted before the group had read them. */
  readonly lost: number
  /** Metadata of the commit that `position` comes from; null if it comes from no commit. */
  readonly metadata: string | null
}

export interface MembershipHandlers {
  /** Awaited before each attempt to join, and before leaving: finish or give up what is in flight, commit. */
  revoke(): Promise<void>
  /** The assignment was received; nothing has been fetched yet. */
  assigned(assignment: Assignment): void
  /** The broker acknowledged a heartbeat (or the join) that was sent at `sentAt`, monotonic ms. */
  acknowledged(sentAt: number): void
  /** The topic was made anew since the last assignment: what is remembered of offsets is of other records. Called before `assigned`. */
  replaced(): void
  /** What this member tells the leader of each API's limit; asked for with each attempt to join, after `revoke`. */
  budgets(): Budgets
  /** Deals each API's limit, if this member is the leader. @returns the parts by member */
  deal(members: readonly Claimant[]): ReadonlyMap<string, Parts>
}

interface Coordinator extends RequestingBroker {
  isConnected(): boolean
  heartbeat(request: { groupId: string; memberId: string; groupGenerationId: number }): Promise<unknown>
  leaveGroup(request: object): Promise<unknown>
  syncGroup(request: { groupId: string; generationId: number; memberId: string }): Promise<{ memberAssignment: Buffer }>
  offsetFetch(request: object): Promise<{ responses: { partitions: { partition: number; offset: string; metadata: string | null }[] }[] }>
  offsetCommit(request: object): Promise<unknown>
}

interface Cluster {
  findGroupCoordinator(request: { groupId: string }): Promise<Coordinator>
  fetchTopicsOffset(topics: object[]): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>
  findTopicPartitionMetadata(topic: string): { partitionId: number }[]
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
}

export interface Membership {
  readonly assigner: PartitionAssigner
  /** Sends a heartbeat of the present generation now. @throws kafkajs's error, also when the group is rebalancing */
  heartbeat(): Promise<void>
  /** Commits offsets in the name of `assignment`: after a newer generation began the broker refuses it. @throws kafkajs's error */
  commit(assignment: Assignment, offsets: ReadonlyMap<number, { offset: number; metadata: string }>): Promise<void>
  /** Begins a rebalance with the next fetch: all join again, and the leader deals anew. Nothing without an assignment: a join is under way. */
  askForDeal(): void
}

/** Version of the user data in member metadata and assignments. */
const USER_DATA = 1
/** Members of a group must all have it, so no other kind of consumer can join. */
const ASSIGNER = 'customerio-worker'
/** kafkajs's name of the error after which it joins again, whatever the metadata says. */
const STALE = 'KafkaJSStaleTopicMetadataAssignment'
/** Tries to look up where to begin before the join is given up. */
const LOOK_UPS = 8
const LOOK_UP_WAIT_MS = 200
const NOTHING = { partitions: 0, slots: {} }
const TOPIC_MISSING = 'the topic was missing, or is another one'

export function createMembership(options: { topic: string; groupId: string; clock: MonotonicClock; handlers: MembershipHandlers }): Membership {
  const { topic, groupId, clock, handlers } = options
  let cluster: Cluster
  let find: Cluster['findGroupCoordinator']
  let coordinator: Coordinator | undefined
  let current: Assignment | undefined
  let ownedBefore: readonly number[] = []
  let topicId: string | undefined
  /** Why kafkajs is to join again. */
  let rejoin: string | undefined
  let asked = 0
  /** From the drain of a generation to the assignment of the next. */
  let joining = false
  let beating: Promise<unknown> | undefined
  const observed = new WeakSet<Coordinator>()

  const observe = (broker: Coordinator): void => {
    if (observed.has(broker)) return
    observed.add(broker)
    const heartbeat = broker.heartbeat.bind(broker)
    broker.heartbeat = async (request) => {
      const sentAt = clock()
      const isCurrent = (): boolean => request.groupGenerationId === current?.generation
      try {
        const answer = await heartbeat(request)
        if (isCurrent()) handlers.acknowledged(sentAt)
        return answer
      } catch (error) {
        if (!joining && isCurrent()) throw error
        // with several brokers other fetch loops of kafkajs go on during a join: one that hears of the rebalance would have it join once more
        return undefined
      }
    }
    const leaveGroup = broker.leaveGroup.bind(broker)
    broker.leaveGroup = async (request) => {
      await handlers.revoke()
      current = undefined
      return leaveGroup(request)
    }
    const syncGroup = broker.syncGroup.bind(broker)
    broker.syncGroup = async (request) => {
      const answer = await syncGroup(request)
      const decoded = kafkajs.AssignerProtocol.MemberAssignment.decode(answer.memberAssignment)
      const partitions = decoded?.assignment[topic] ?? []
      const { partitions: partitionCount, slots } = partitions.length === 0 ? NOTHING : decodeAssignmentData(decoded?.userData)
      // before the offsets: if it is made anew in between, the first commit finds out
      const id = await topicIdOf(broker, topic)
      const starts = await lookUpStarts(broker, partitions)
      current = { generation: request.generationId, memberId: request.memberId, partitions, partitionCount, slots, starts }
      ownedBefore = partitions
      joining = false
      if (id !== undefined && topicId !== undefined && id !== topicId) handlers.replaced()
      topicId = id ?? topicId
      handlers.assigned(current)
      // ownership is counted from a heartbeat of this generation: the join itself may have waited long for other members
      broker.heartbeat({ groupId, memberId: request.memberId, groupGenerationId: request.generationId }).catch(() => {})
      return answer
    }
  }

  const lookUpStarts = async (broker: Coordinator, partitions: readonly number[]): Promise<Map<number, PartitionStart>> => {
    if (partitions.length === 0) return new Map()
    const list = partitions.map((partition) => ({ partition }))
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [committed, earliest, latest] = await Promise.all([
          broker.offsetFetch({ groupId, topics: [{ topic, partitions: list }] }),
          cluster.fetchTopicsOffset([{ topic, partitions: list, fromBeginning: true }]),
          cluster.fetchTopicsOffset([{ topic, partitions: list, fromBeginning: false }]),
        ])
        const at = (offsets: { partition: number; offset: string }[] | undefined, partition: number): number =>
          Number(offsets?.find((entry) => entry.partition === partition)?.offset ?? -1)
        return new Map(partitions.map((partition) => {
          const commits = committed.responses[0]?.partitions
          const metadata = commits?.find((entry) => entry.partition === partition)?.metadata ?? null
          return [partition, startOf(at(commits, partition), metadata, at(earliest[0]?.partitions, partition), at(latest[0]?.partitions, partition))]
        }))
      } catch (error) {
        if (attempt === LOOK_UPS) throw error
        await sleep(LOOK_UP_WAIT_MS * attempt)
        await cluster.refreshMetadata().catch(() => {})
      }
    }
  }

  const assigner: PartitionAssigner = ({ cluster: given }): Assigner => {
    cluster = given as unknown as Cluster
    find = cluster.findGroupCoordinator.bind(cluster)
    cluster.findGroupCoordinator = async (request) => {
      joining = true
      await handlers.revoke()
      current = undefined
      rejoin = undefined
      // one of the old generation may still wait for a coordinator that is gone
      beating = undefined
      coordinator = await find(request)
      observe(coordinator)
      return coordinator
    }
    const [refresh, refreshIfNecessary] = [cluster.refreshMetadata.bind(cluster), cluster.refreshMetadataIfNecessary.bind(cluster)]
    cluster.refreshMetadata = async () => refresh().catch((error: unknown) => {
      if ((error as { type?: unknown }).type === 'UNKNOWN_TOPIC_OR_PARTITION') rejoin = TOPIC_MISSING
      throw error
    })
    cluster.refreshMetadataIfNecessary = async () => {
      if (rejoin && current) {
        const cause = rejoin
        rejoin = undefined
        throw Object.assign(new Error(cause), { name: STALE, retriable: true })
      }
      return refreshIfNecessary()
    }
    return {
      name: ASSIGNER,
      version: USER_DATA,
      protocol: ({ topics }) => ({
        name: ASSIGNER,
        metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({
          version: USER_DATA, topics, userData: encodeUserData({ owned: ownedBefore, budgets: handlers.budgets(), asked }),
        }),
      }),
      assign: async ({ members }) => {
        const count = cluster.findTopicPartitionMetadata(topic).length
        const words = members.map(({ memberId, memberMetadata }) => ({ id: memberId, ...wordOf(memberMetadata) }))
        const dealt = assignPartitions(words, count)
        const parts = handlers.deal(words.map(({ id, budgets }) => ({ id, partitions: dealt.get(id)?.length ?? 0, budgets })))
        return [...dealt].map(([memberId, partitions]) => {
          const userData = encodeUserData({ partitions: count, slots: parts.get(memberId) ?? {} })
          const assigned = { version: USER_DATA, assignment: { [topic]: partitions }, userData }
          return { memberId, memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode(assigned) }
        })
      },
    }
  }

  const connected = async (): Promise<Coordinator> => {
    if (!coordinator?.isConnected()) {
      coordinator = await find({ groupId })
      observe(coordinator)
    }
    return coordinator
  }

  /** A coordinator that has moved says so; the next call looks it up again. */
  const atCoordinator = async (act: (broker: Coordinator) => Promise<unknown>): Promise<void> => {
    const broker = await connected()
    try {
      await act(broker)
    } catch (error) {
      if ((error as { type?: unknown }).type === 'NOT_COORDINATOR_FOR_GROUP') coordinator = undefined
      throw error
    }
  }

  return {
    assigner,
    heartbeat: async () => {
      if (!current) return
      const { memberId, generation } = current
      // One at a time: where only answers get lost, more of them would keep the partitions here, while the fence lets nothing be sent.
      if (!beating) {
        const mine = atCoordinator(async (broker) => broker.heartbeat({ groupId, memberId, groupGenerationId: generation }))
          .finally(() => { if (beating === mine) beating = undefined })
        beating = mine
      }
      await beating
    },
    commit: async (assignment, offsets) => {
      const partitions = [...offsets].map(([partition, { offset, metadata }]) => ({ partition, offset: String(offset), metadata }))
      const request = { groupId, memberId: assignment.memberId, groupGenerationId: assignment.generation, topics: [{ topic, partitions }] }
      await atCoordinator(async (broker) => {
        const id = topicId === undefined ? undefined : await topicIdOf(broker, topic)
        if (id !== topicId) {
          rejoin = TOPIC_MISSING
          throw new TopicReplacedError(`the topic ${topic} was deleted${id === undefined ? '' : ' and made anew'}: its offsets mean nothing any more`)
        }
        await broker.offsetCommit(request)
      })
    },
    askForDeal: () => {
      if (!current) return
      asked += 1
      rejoin ??= 'a new deal of slots is wanted'
    },
  }
}

/**
 * Earliest for a new group, and where retention passed the committed offset. An offset beyond the end is of a topic made anew, or of a log
 * that lost its end: which of its records are new can't be told, so reading begins at the earliest, too.
 */
function startOf(committed: number, metadata: string | null, earliest: number, latest: number): PartitionStart {
  if (committed < 0) return { position: Math.max(0, earliest), lost: 0, metadata: null }
  if (committed < earliest) return { position: earliest, lost: earliest - committed, metadata: null }
  if (committed > latest && latest >= 0) return { position: earliest, lost: 0, metadata: null }
  return { position: committed, lost: 0, metadata }
}

/** Never throws: one member's word must not end another one. */
function wordOf(memberMetadata: Buffer): ReturnType<typeof decodeMemberData> {
  try {
    return decodeMemberData(kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData)
  } catch {
    return decodeMemberData(undefined)
  }
}
