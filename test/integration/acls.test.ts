// The rules that docs/security.md asks Kafka for are enough, and none is too many.

import { readFileSync } from 'node:fs'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs'
import { until } from '../faults/looks.ts'
import { withAdmin } from '../support/kafka/admin.ts'
import { openCluster, type TestCluster } from '../support/kafka/cluster.ts'
import { openScenario, type Scenario } from '../support/scenario.ts'

jest.setTimeout(180_000)

interface Rule { resource: 'Topic' | 'Group'; name: 'KAFKA_TOPIC' | 'KAFKA_DLQ_TOPIC' | 'KAFKA_GROUP_ID'; operation: 'READ' | 'WRITE' }

const rules = [...readFileSync('docs/security.md', 'utf8').matchAll(/^\| (Topic|Group) \| `(\w+)` \| (\w+) \|/gm)]
  .map(([, resource, name, operation]) => ({ resource, name, operation }) as Rule)

let cluster: TestCluster
let scenario: Scenario

beforeAll(async () => {
  // the tests' own clients and the broker itself come in without a login, and may do anything
  cluster = await openCluster({
    security: { sasl: 'scram-sha-512' },
    props: { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:ANONYMOUS' },
  })
  scenario = await openScenario({ cluster, env: cluster.access.env })
})
afterAll(async () => {
  await scenario?.close()
  await cluster?.stop()
})

/** kafkajs's entries of rules that allow the worker something. */
const entriesOf = (given: readonly Rule[]) => given.map(({ resource, name, operation }) => ({
  resourceType: AclResourceTypes[resource === 'Topic' ? 'TOPIC' : 'GROUP'],
  resourceName: { KAFKA_TOPIC: scenario.topic, KAFKA_DLQ_TOPIC: scenario.letterTopic, KAFKA_GROUP_ID: scenario.group }[name],
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: `User:${cluster.access.username}`,
  host: '*',
  operation: AclOperationTypes[operation],
  permissionType: AclPermissionTypes.ALLOW,
}))

const allow = async (given: readonly Rule[]): Promise<void> => {
  await withAdmin(cluster.direct, async (admin) => admin.createAcls({ acl: entriesOf(given) }))
}
const revoke = async (given: readonly Rule[]): Promise<void> => {
  await withAdmin(cluster.direct, async (admin) => admin.deleteAcls({ filters: entriesOf(given) }))
}

test('with them the worker delivers, writes dead letters and hands over', async () => {
  expect(rules).toHaveLength(3)
  await allow(rules)
  await scenario.publish({ events: 300, people: 60, seed: 1, badShare: 0.1 })
  const first = await scenario.addWorker()
  await scenario.delivered(50)
  // the commits of the whole group may be read
  await until('it tells how many workers are useful', async () => (await first.metrics()).includes('\ncustomerio_worker_useful_replicas 1\n'))
  await scenario.addWorker()
  await first.stop()
  const verdict = await scenario.done()
  expect([verdict.failures, verdict.deadLettered > 0]).toEqual([[], true])
  expect(first.logs.filter(({ msg }) => String(msg).includes('max.message.bytes of the topics may not be read'))).toHaveLength(1)
  await Promise.all(scenario.workers.map(async (worker) => worker.stop()))
})

test.each(rules)('without $operation on $name it does not start, and says why', async (rule) => {
  await revoke([rule])
  const { code, logs } = await scenario.runWorker()
  expect(code).not.toBe(0)
  expect(logs.map((line) => JSON.stringify(line)).join('\n')).toMatch(rule.resource === 'Topic' ? /does not exist \(or may not be described\)/ : /[Nn]ot authorized to access group/)
  await allow([rule])
})
