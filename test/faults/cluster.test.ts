// Several brokers of which some go away, and a broker that asks for TLS and logins. Two clusters of its own, both harmed.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { withAdmin } from '../support/kafka/admin.ts'
import { openCluster, type ClusterBroker, type TestCluster } from '../support/kafka/cluster.ts'
import { setScramPassword } from '../support/kafka/scram.ts'
import { startTokenEndpoint } from '../support/kafka/token-endpoint.ts'
import { coordinatorOf } from '../support/kafka/where.ts'
import type { Scenario, ScenarioOptions } from '../support/scenario.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import type { LogLine } from '../support/worker-process.ts'
import { faultCase } from './fault-case.ts'
import { allFenced, metric, owned, said, total, until } from './looks.ts'

const FENCED_WITHIN_MS = 20_000
/** None has come to an end by itself. */
const goOn = ({ workers }: Scenario): void => { for (const worker of workers) expect(said(worker, 'stopping')).toEqual([]) }

describe('three brokers', () => {
  let cluster: TestCluster
  beforeAll(async () => { cluster = await openCluster({ brokers: 3 }) }, 180_000)
  afterAll(async () => cluster?.stop())

  const setting = async (): Promise<ScenarioOptions> => ({ cluster })
  const broker = (id: number): ClusterBroker => cluster.brokers.find((candidate) => candidate.id === id)!
  const addressesWithout = (...away: number[]) => cluster.brokers.filter(({ id }) => !away.includes(id)).map(({ direct }) => direct)

  /** Leader and replicas in sync of each partition that the workers need, as one of `brokers` knows them. */
  const partitionsOf = async (scenario: Scenario, brokers: string[]) => withAdmin(brokers, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [scenario.topic, scenario.letterTopic, '__consumer_offsets'] })
    return topics.flatMap(({ name, partitions }) => partitions.map(({ partitionId, leader, isr }) => ({ topic: name, partitionId, leader, inSync: isr.length })))
  })
  const allInSync = async (scenario: Scenario) => until('all replicas are in sync',
    async () => (await partitionsOf(scenario, cluster.direct)).every(({ leader, inSync }) => leader >= 0 && inSync === 3))

  /** Kills them, and starts them again after `work`, whatever came of it. */
  const without = async (away: readonly ClusterBroker[], work: () => Promise<void>): Promise<void> => {
    await Promise.all(away.map(async (victim) => victim.kill()))
    try {
      await work()
    } finally {
      await Promise.all(away.map(async (victim) => victim.start()))
    }
  }

  faultCase({
    fault: 'One of three brokers killed (SIGKILL) under load, not the coordinator; started again later',
    does: 'Its partitions get other leaders; the workers find them and go on, with the same assignment or a new one. Nothing else stops.',
    sees: 'Errors of the Kafka client about its connections to that broker.',
    setting,
    traffic: { events: 2_000 },
    during: async (scenario, workers) => {
      const coordinator = await coordinatorOf(cluster.direct)
      const victim = cluster.brokers.find(({ id }) => id !== coordinator)!
      const led = (await partitionsOf(scenario, cluster.direct)).filter(({ topic, leader }) => topic === scenario.topic && leader === victim.id)
      expect(led.length).toBeGreaterThan(0)
      await without([victim], async () => {
        await until('others lead its partitions', async () => (await partitionsOf(scenario, addressesWithout(victim.id))).every(({ leader }) => ![-1, victim.id].includes(leader)))
        await scenario.delivered(await scenario.accepted() + 300)
      })
      await scenario.over()
      for (const worker of workers) expect(said(worker, 'ECONNREFUSED').length).toBeGreaterThan(0)
    },
  })

  faultCase({
    fault: 'The coordinator of the group killed (SIGKILL) under load',
    does: 'Stops sending when no heartbeat is acknowledged any more, finds the new coordinator and goes on behind the last commit.',
    sees: 'Errors of the Kafka client about its connections; `commit failed; it will be tried again` if one was under way; `fenced` 1 if it takes longer than the fence.',
    setting,
    traffic: { events: 2_000 },
    during: async (scenario, workers) => {
      const coordinator = await coordinatorOf(cluster.direct)
      await without([broker(coordinator)], async () => {
        await until('another broker coordinates', async () => ![-1, coordinator].includes(await coordinatorOf(addressesWithout(coordinator))))
        await scenario.over()
        await scenario.delivered(await scenario.accepted() + 300)
      })
      expect(workers.flatMap((worker) => [...said(worker, 'commit failed; it will be tried again'), ...said(worker, 'ECONNREFUSED')]).length).toBeGreaterThan(0)
    },
  })

  faultCase({
    fault: 'Rolling restart of all three brokers (SIGTERM) under load',
    does: 'Follows leaders and coordinator from broker to broker.',
    sees: 'Errors of the Kafka client about its connections; `rebalances_total` may rise.',
    setting,
    traffic: { events: 500 },
    during: async (scenario) => {
      for (const [seed, restarted] of cluster.brokers.entries()) {
        await allInSync(scenario)
        await scenario.publish({ events: 1_000, people: 120, badShare: 0.02, seed: 10 + seed })
        await restarted.stop()
        await restarted.start()
      }
      await scenario.over()
      await allInSync(scenario)
    },
  })

  faultCase({
    fault: 'Two of three brokers away: neither commits nor dead letters can be written',
    does: 'Letters and commits are tried until they are acknowledged. Sends only while heartbeats are acknowledged: they wait behind a commit that hangs. When the brokers are back it goes on.',
    sees: '`commit failed; it will be tried again`, `commit_failures_total` rises; `Failed to send messages` of the Kafka client, and `dead letter not sent` when that has failed four times; `fenced` 1 at times.',
    notCovered: 'What was delivered and could not be committed is sent again, with the same ids, if its partition changes hands.',
    setting,
    traffic: { events: 1_500, badShare: 0.05 },
    during: async (scenario, workers) => {
      const coordinator = await coordinatorOf(cluster.direct)
      await without(cluster.brokers.filter(({ id }) => id !== coordinator), async () => {
        await until('neither letters nor commits get through',
          async () => await total(workers, 'commit_failures_total') > 0 && workers.some((worker) => said(worker, 'Failed to send messages').length > 0))
      })
      await scenario.over()
    },
    after: (_scenario, verdict) => { expect(verdict.deadLettered).toBeGreaterThan(40) },
  })
})

describe('a broker that asks for certificates and logins', () => {
  const [plainPassword, scramPassword] = ['secret-of-plain-1', 'secret-of-scram-1']
  let cluster: TestCluster
  let endpoint: { url: string; close(): Promise<void> }
  let toEndpoint: TcpProxy | undefined
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'logins-'))
    endpoint = await startTokenEndpoint('worker', 'secret-of-oauth-1')
    const security = 'org.apache.kafka.common.security'
    cluster = await openCluster({
      proxied: true,
      security: { tls: 'mutual', sasl: 'scram-sha-512' },
      props: {
        'listener.name.workers.sasl.enabled.mechanisms': 'SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER',
        'listener.name.workers.scram-sha-256.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
        'listener.name.workers.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_worker="${plainPassword}";`,
        'listener.name.workers.oauthbearer.sasl.jaas.config': `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
        // each connection has to log in again every few seconds
        'connections.max.reauth.ms': '14000',
      },
    })
    await setScramPassword(cluster.direct, { username: 'worker', password: scramPassword, mechanism: 'scram-sha-256' })
  }, 180_000)
  afterEach(async () => { await cluster.access.setPassword(cluster.access.password) })
  afterAll(async () => {
    await cluster?.stop()
    await toEndpoint?.close()
    await endpoint?.close()
    await rm(folder, { recursive: true })
  })

  const logins = () => ({
    'scram-sha-512': {},
    'scram-sha-256': { KAFKA_SASL_MECHANISM: 'scram-sha-256', KAFKA_SASL_PASSWORD: scramPassword },
    plain: { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: plainPassword },
    oauthbearer: {
      KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_URL: endpoint.url, KAFKA_SASL_OAUTH_CLIENT_ID: 'worker', KAFKA_SASL_OAUTH_CLIENT_SECRET: 'secret-of-oauth-1',
    },
  })
  const setting = async (): Promise<ScenarioOptions> => ({ cluster, env: cluster.access.env })
  const resetAll = () => { for (const { proxy } of cluster.brokers) proxy!.reset() }
  const complaints = (logs: readonly LogLine[], text: string) => logs.filter(({ msg = '', cause = '' }) => `${msg} ${String(cause)}`.includes(text))

  /** Runs a worker that is to end by itself, and expects that the last thing it says tells which setting to look at. */
  const expectRefused = async (scenario: Scenario, env: Record<string, string>, setting: string): Promise<void> => {
    const { code, logs } = await scenario.runWorker(env, { killAfterMs: 60_000 })
    expect([code, logs.at(-1)]).toEqual([78, expect.objectContaining({ level: 'fatal', cause: expect.stringContaining(setting) })])
    expect(logs.filter((line) => /REJECT_UNAUTHORIZED|rejectUnauthorized|use-system-ca/.test(JSON.stringify(line)))).toEqual([])
  }

  faultCase({
    fault: 'No fault: TLS with client certificates, and each way to log in, anew every few seconds',
    does: 'Works as ever.',
    sees: 'Nothing.',
    setting,
    traffic: false,
    workers: 0,
    during: async (scenario) => {
      const workers = await Promise.all(Object.values(logins()).map(async (env) => scenario.addWorker(env)))
      await until('each has partitions', async () => (await Promise.all(workers.map(owned))).every((count) => count === 3))
      await scenario.over()
      await scenario.publish({ events: 1_600, people: 200, seed: 1, badShare: 0.02 })
      for (const worker of workers) await until('each delivers', async () => (await metric(worker, 'events_total')) > 100)
    },
    after: (scenario) => {
      for (const { logs } of scenario.workers) expect(logs.filter(({ level }) => level !== 'info')).toEqual([])
    },
  })
  const rotated = 'secret-that-was-rotated-1'
  faultCase({
    fault: 'Password at Kafka changed while running, its file a moment later (KAFKA_SASL_PASSWORD_FILE)',
    does: 'Connections that are open stay. New logins are refused until the file holds the new password; then it goes on, without a restart.',
    sees: 'Errors and warnings that say `the broker refuses the login, look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`; then `secret changed`.',
    setting: async () => {
      await writeFile(join(folder, 'password'), cluster.access.password)
      return { cluster, env: { ...cluster.access.env, KAFKA_SASL_PASSWORD: '', KAFKA_SASL_PASSWORD_FILE: join(folder, 'password'), SECRETS_INTERVAL_MS: '200' } }
    },
    during: async (scenario, workers) => {
      await cluster.access.setPassword(rotated)
      resetAll()
      await until('both are refused', () => workers.every(({ logs }) => complaints(logs, 'look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD').length > 0))
      await writeFile(join(folder, 'password'), `${rotated}\n`)
      await scenario.over()
    },
    after: ({ workers }) => {
      for (const worker of workers) {
        expect([said(worker, 'secret changed').length, said(worker, 'stopping').length]).toEqual([1, 0])
        expect(worker.logs.filter((line) => JSON.stringify(line).includes(rotated))).toEqual([])
      }
    },
  })

  faultCase({
    fault: 'User at Kafka removed while running, and made again 6 s later',
    does: 'Open connections end when they have to log in again (`connections.max.reauth.ms` of the broker), or break. Nothing is sent once the fence has shut. Each commit and heartbeat tries to log in, until it works. The process does not end.',
    sees: 'Errors and warnings that say `the broker refuses the login, look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`, a few a second; `fenced` 1.',
    setting,
    during: async (scenario, workers) => {
      await cluster.access.removeUser()
      await until('both are refused', () => workers.every(({ logs }) => complaints(logs, 'look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD').length > 0))
      await allFenced(workers, FENCED_WITHIN_MS)
      await wait(6_000)
      for (const { logs } of workers) expect(complaints(logs, 'look at KAFKA_SASL_USERNAME').length).toBeLessThan(60)
      await cluster.access.setPassword(cluster.access.password)
      await scenario.over()
    },
    after: goOn,
  })

  faultCase({
    fault: 'Token endpoint (SASL OAUTHBEARER) gives no answer for 6 s, when all connections have to log in again',
    does: 'Asks again until there is a token. Nothing is sent once the fence has shut. The process does not end.',
    sees: 'Errors and warnings that say `KAFKA_SASL_OAUTH_TOKEN_URL gives no answer`; `fenced` 1.',
    setting: async () => {
      toEndpoint = await startTcpProxy({ target: new URL(endpoint.url).host })
      return { cluster, env: { ...cluster.access.env, ...logins().oauthbearer, KAFKA_SASL_OAUTH_TOKEN_URL: `http://${toEndpoint.address}/token` } }
    },
    during: async (scenario, workers) => {
      toEndpoint!.refuse()
      toEndpoint!.reset()
      resetAll()
      await until('both get no token', () => workers.every(({ logs }) => complaints(logs, 'KAFKA_SASL_OAUTH_TOKEN_URL gives no answer').length > 0))
      await allFenced(workers, FENCED_WITHIN_MS)
      await wait(6_000)
      toEndpoint!.accept()
      await scenario.over()
    },
    after: goOn,
  })

  faultCase({
    fault: 'Wrong password or client secret at the start',
    does: 'Ends at once with exit code 78.',
    sees: 'A last line that names the settings: `KAFKA_SASL_USERNAME` and `KAFKA_SASL_PASSWORD`, or `KAFKA_SASL_OAUTH_CLIENT_SECRET`.',
    setting,
    traffic: { events: 100 },
    workers: 0,
    during: async (scenario) => {
      const { plain, oauthbearer } = logins()
      await Promise.all([
        expectRefused(scenario, { KAFKA_SASL_PASSWORD: 'a-wrong-password' }, 'KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'),
        expectRefused(scenario, { ...plain, KAFKA_SASL_PASSWORD: 'a-wrong-password' }, 'KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'),
        expectRefused(scenario, { ...oauthbearer, KAFKA_SASL_OAUTH_CLIENT_SECRET: 'a-wrong-secret' }, 'KAFKA_SASL_OAUTH_CLIENT_SECRET'),
      ])
      await scenario.over()
      await scenario.addWorker()
    },
  })

  faultCase({
    fault: 'Wrong certificate authority, or no client certificate, at the start',
    does: 'Tries for some 20 s, then ends with exit code 78. Certificates are always checked.',
    sees: 'From the first try on errors that name the settings: `KAFKA_TLS_CA_FILE`, or `KAFKA_TLS_CERT_FILE` and `KAFKA_TLS_KEY_FILE`.',
    setting,
    traffic: { events: 100 },
    workers: 0,
    during: async (scenario) => {
      await Promise.all([
        expectRefused(scenario, { KAFKA_TLS_CA_FILE: cluster.access.tls!.wrongCa }, 'KAFKA_TLS_CA_FILE'),
        expectRefused(scenario, { KAFKA_TLS_CERT_FILE: '', KAFKA_TLS_KEY_FILE: '' }, 'KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE'),
      ])
      await scenario.over()
      await scenario.addWorker()
    },
  })
})
