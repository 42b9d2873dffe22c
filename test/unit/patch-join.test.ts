import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js'
import { patchJoin } from '../../src/kafka/client/patch-join.ts'

/** A group whose joins end when told; kafkajs's joinAndSync runs everything through `retrier`. */
function groupOf(joins: (() => void)[]): typeof ConsumerGroup.prototype {
  const retrier = async () => new Promise<void>((resolve) => { joins.push(resolve) })
  return Object.assign(Object.create(ConsumerGroup.prototype) as typeof ConsumerGroup.prototype, { retrier })
}

beforeAll(patchJoin)

test('a join that failed for good is not tried again with the assignment that was given up', async () => {
  const cause = new Error('no leader')
  const group = Object.assign(Object.create(ConsumerGroup.prototype) as typeof ConsumerGroup.prototype, { retrier: async () => { throw cause } })
  await expect(group.joinAndSync()).rejects.toMatchObject({ name: 'KafkaJSNonRetriableError', retriable: false, cause })
})

test('a join that failed for good leaves the group, so that it does not wait for this member', async () => {
  const left: string[] = []
  const group = Object.assign(Object.create(ConsumerGroup.prototype) as typeof ConsumerGroup.prototype, {
    retrier: async () => { throw new Error('no metadata') },
    groupId: 'group', memberId: 'me',
    coordinator: { leaveGroup: async ({ memberId }: { memberId: string }) => { left.push(memberId) } },
  })
  await expect(group.joinAndSync()).rejects.toThrow('no metadata')
  expect(left).toEqual(['me'])
})

test('joins that are asked for side by side are one join; the next one is a new one; groups do not share', async () => {
  const joins: (() => void)[] = []
  const [group, other] = [groupOf(joins), groupOf(joins)]
  const both = [group.joinAndSync(), group.joinAndSync()]
  expect(joins).toHaveLength(1)
  const third = other.joinAndSync()
  expect(joins).toHaveLength(2)
  for (const end of joins) end()
  await Promise.all([...both, third])
  const next = group.joinAndSync()
  expect(joins).toHaveLength(3)
  joins[2]?.()
  await next
})
