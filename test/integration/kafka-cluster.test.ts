// The clusters that the fault tests harm: each kind of harm does what it says, and is undone.

import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { withAdmin } from '../support/kafka/admin.ts'
import { openCluster } from '../support/kafka/cluster.ts'
import type { TestCluster } from '../support/kafka/cluster.ts'
import { coordinatorOf, inSyncOf, leaderOf } from '../support/kafka/where.ts'
import { kafkaClient } from '../support/kafka-client.ts'
import { createTopics, uniquePrefix } from '../support/topics.ts'

let cluster: TestCluster | undefined
const open = async (...options: Parameters<typeof openCluster>): Promise<TestCluster> => (cluster = await openCluster(...options))

afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
})

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await wait(100)
}

const publish = async (brokers: string[], topic: string, value: string): Promise<void> => {
  const producer = kafkaClient(brokers, 'publish').producer({ allowAutoTopicCreation: false })
  await producer.connect()
  try {
    await producer.send({ topic, acks: -1, messages: [{ value, partition: 0 }] })
  } finally {
    await producer.disconnect()
  }
}

const endOf = (brokers: string[], topic: string): Promise<string | undefined> =>
  withAdmin(brokers, async (admin) => (await admin.fetchTopicOffsets(topic)).find(({ partition }) => partition === 0)?.high)

/** Whether a client without patience gets an answer: false if none came within 2 s. Anything but silence is thrown. */
const answers = async (address: string): Promise<boolean> => {
  const options = { brokers: [address], logLevel: logLevel.NOTHING, connectionTimeout: 2_000, requestTimeout: 2_000, retry: { retries: 0 } }
  const admin = new Kafka(options).admin()
  try {
    await admin.connect()
    await admin.describeCluster()
    return true
  } catch (error) {
    if (/timed? ?out/i.test(String(error))) return false
    throw error
  } finally {
    await admin.disconnect()
  }
}

test('of three brokers one is killed: others lead and coordinate, and it is in sync again after its start', async () => {
  const { brokers, direct } = await open({ brokers: 3, proxied: true })
  const topic = uniquePrefix()
  await createTopics(direct, [{ topic, partitions: 3 }])
  await until(async () => (await inSyncOf(direct, topic, 0)).length === 3)
  const coordinator = await coordinatorOf(direct)
  const victim = brokers.find(({ id }) => id === coordinator)!
  const others = brokers.filter(({ id }) => id !== coordinator).map((broker) => broker.direct)
  const led = (await Promise.all([0, 1, 2].map((partition) => leaderOf(direct, topic, partition)))).indexOf(coordinator)
  expect(led).not.toBe(-1)

  await victim.kill()
  await until(async () => ![-1, coordinator].includes(await leaderOf(others, topic, led)))
  await until(async () => ![-1, coordinator].includes(await coordinatorOf(others)))
  await publish(others, topic, 'while it was away')

  await victim.start()
  await until(async () => (await inSyncOf([victim.direct], topic, led)).includes(coordinator))
  expect(await endOf([victim.direct], topic)).toBe('1')
}, 60_000)

test('a single broker keeps its data over kill and stop, and freezes and thaws', async () => {
  const { brokers: [broker], direct } = await open()
  const topic = uniquePrefix()
  await createTopics(direct, [{ topic, partitions: 1 }])
  await publish(direct, topic, 'a')
  await broker!.kill()
  await broker!.start()
  await publish(direct, topic, 'b')
  await broker!.stop()
  await broker!.start()
  expect(await endOf(direct, topic)).toBe('2')

  await broker!.pause()
  expect(await answers(broker!.direct)).toBe(false)
  await broker!.resume()
  expect(await answers(broker!.direct)).toBe(true)
}, 60_000)

test('workers go by the proxy, with TLS and SCRAM; the tests go past both', async () => {
  const { brokers: [broker], addresses, direct, access } = await open({ proxied: true, security: { tls: true, sasl: 'scram-sha-512' } })
  const login = async ({ password = access.password, ca = access.tls!.ca } = {}): Promise<string> => {
    const admin = new Kafka({
      brokers: addresses,
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2_000,
      requestTimeout: 2_000,
      retry: { retries: 0 },
      ssl: { ca: [readFileSync(ca)] },
      sasl: { mechanism: 'scram-sha-512', username: access.username, password },
    }).admin()
    try {
      await admin.connect()
      return (await admin.describeCluster()).brokers.map(({ host, port }) => `${host}:${port}`).join()
    } catch (error) {
      return (error as Error).message
    } finally {
      await admin.disconnect()
    }
  }

  expect(await login()).toBe(broker!.proxy!.address)
  expect(await login({ password: 'another' })).toContain('invalid credentials')
  expect(await login({ ca: access.tls!.wrongCa })).toContain('unable to verify')

  await access.setPassword('rotated')
  expect(await login()).toContain('invalid credentials')
  expect(await login({ password: 'rotated' })).toBe(broker!.address)
  await access.removeUser()
  expect(await login({ password: 'rotated' })).toContain('invalid credentials')
  await access.setPassword(access.password)

  broker!.proxy!.stall()
  expect(await login()).toMatch(/timeout/i)
  expect(await answers(direct[0]!)).toBe(true)
  broker!.proxy!.heal()
  expect(await login()).toBe(broker!.address)
}, 60_000)
