// Bad days of Kafka: brokers that go away, and networks that fail. One broker of its own, which is harmed; a proxy stands before it.

import { setTimeout as wait } from 'node:timers/promises'
import { openCluster, type ClusterBroker, type TestCluster } from '../support/kafka/cluster.ts'
import type { ScenarioOptions } from '../support/scenario.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import { faultCase } from './fault-case.ts'
import { allFenced, metric, owned, said, total, until } from './looks.ts'

let cluster: TestCluster
beforeAll(async () => { cluster = await openCluster({ proxied: true }) }, 120_000)
afterEach(async () => {
  proxy().heal()
  await broker().resume()
})
afterAll(async () => cluster.stop())

const broker = (): ClusterBroker => cluster.brokers[0]!
const proxy = (): TcpProxy => broker().proxy!
/** Past the proxy. */
const direct = () => ({ KAFKA_BROKERS: cluster.direct.join(',') })
const harmed = async (): Promise<ScenarioOptions> => ({ cluster })
const harmedDirectly = async (): Promise<ScenarioOptions> => ({ cluster, env: direct() })

faultCase({
  fault: 'Broker restarted (SIGTERM) under load',
  does: 'Stops sending when no heartbeat is acknowledged for as long as the fence is; goes on when the broker is back.',
  sees: 'Errors of the Kafka client about its connections; `fenced` 1 if it takes longer than the fence.',
  setting: harmedDirectly,
  during: async (scenario) => {
    await broker().stop()
    await broker().start()
    await scenario.over()
  },
})

faultCase({
  fault: 'Broker killed (SIGKILL) under load, started again',
  does: 'As at a restart.',
  sees: 'As at a restart.',
  setting: harmedDirectly,
  during: async (scenario) => {
    await broker().kill()
    await broker().start()
    await scenario.over()
  },
})

faultCase({
  fault: 'Broker frozen (SIGSTOP) for longer than the session',
  does: 'Nothing is sent once the fence has shut. When the broker wakes up, the workers join again.',
  sees: '`fenced` 1; `commit_failures_total` may rise; `since_last_poll_seconds` grows.',
  setting: harmedDirectly,
  during: async (scenario, workers) => {
    await broker().pause()
    await allFenced(workers, 15_000)
    const attempts = async () => total(workers, 'attempts_total')
    await wait(1_500) // what was sent before the fence is answered by then
    const before = await attempts()
    await wait(6_000)
    expect(await attempts()).toBe(before)
    await broker().resume()
    await scenario.over()
  },
})

faultCase({
  fault: 'Broker away for 20 s',
  does: 'Nothing is sent once the fence has shut. The consumer is begun anew until the broker is back, and goes on behind the last commit. The process does not end.',
  sees: '`fence shut: ...`; errors of the Kafka client about its connections; `the Kafka consumer crashed` with `restarting: true` if it takes long.',
  setting: harmedDirectly,
  during: async (scenario, workers) => {
    const shut = () => workers.map((worker) => said(worker, 'fence shut').length)
    await until('both are at work', async () => (await Promise.all(workers.map(async (worker) => await owned(worker) === 6 && await metric(worker, 'fenced') === 0))).every(Boolean))
    const before = shut()
    await broker().kill()
    await wait(20_000)
    await broker().start()
    expect(shut()).toEqual(before.map((count) => count + 1))
    for (const worker of workers) expect(said(worker, 'stopping')).toEqual([])
    await scenario.over()
  },
})

faultCase({
  fault: 'Latency of 200 ms to Kafka, both ways',
  does: 'Works as ever: commits and heartbeats take longer, sending does not wait for them.',
  sees: 'Nothing.',
  setting: harmed,
  during: async (scenario, workers) => {
    const rebalances = await metric(workers[0]!, 'rebalances_total')
    proxy().latency(200)
    await scenario.over()
    await scenario.delivered(800)
    expect(await metric(workers[0]!, 'rebalances_total')).toBe(rebalances)
  },
})

faultCase({
  fault: 'All connections to Kafka reset, five times',
  does: 'Connects again and goes on; what was under way to or from Kafka is asked for again.',
  sees: 'Errors of the Kafka client about its connections.',
  setting: harmed,
  traffic: { events: 1_500 },
  during: async (scenario, workers) => {
    for (let round = 0; round < 5; round += 1) {
      proxy().reset()
      await wait(1_000)
    }
    await scenario.over()
    for (const worker of workers) expect(said(worker, 'ECONNRESET').length).toBeGreaterThan(0)
  },
})

faultCase({
  fault: 'Connections to Kafka refused for 10 s',
  does: 'Nothing is sent once the fence has shut. Tries again until connections are taken.',
  sees: 'Errors of the Kafka client about its connections; `fenced` 1.',
  setting: harmed,
  during: async (scenario, workers) => {
    proxy().refuse()
    proxy().reset()
    await allFenced(workers, 10_000)
    await wait(6_000)
    proxy().accept()
    await scenario.over()
  },
})

for (const [way, name] of [['up', 'requests get lost'], ['down', 'answers get lost'], ['both', 'nothing passes']] as const) {
  faultCase({
    fault: `One of two workers cut off from Kafka for 10 s: ${name}`,
    does: 'The one that is cut off stops sending before its session ends; the other takes over its partitions. Later it joins again.',
    sees: 'On the one that is cut off `fenced` 1; on the other `assigned_partitions` rises.',
    setting: harmed,
    traffic: { events: 2_000 },
    workers: 1,
    during: async (scenario, [cut]) => {
      const other = await scenario.addWorker(direct())
      await until('both have partitions', async () => await owned(cut!) === 6 && await owned(other) === 6)
      const began = performance.now()
      proxy().stall(way)
      await until('it is fenced', async () => await metric(cut!, 'fenced') === 1, 10_000)
      await until('what it had sent is answered', async () => await metric(cut!, 'in_flight_requests') === 0)
      const attempts = await metric(cut!, 'attempts_total')
      await until('the other has taken over', async () => await owned(other) === 12, 20_000)
      await wait(Math.max(0, began + 10_000 - performance.now()))
      expect(await metric(cut!, 'attempts_total')).toBe(attempts)
      proxy().flow()
      await scenario.over()
      await until('it has partitions again', async () => await owned(cut!) === 6 && await metric(cut!, 'fenced') === 0)
    },
  })
}

faultCase({
  fault: 'All connections to Kafka go silent, and nobody is told',
  does: 'Nothing is sent once the fence has shut. A request that gets no answer within 30 s ends its connection; the next one is made on a new connection, and all goes on.',
  sees: '`fenced` 1 for half a minute; `a request got no answer in time`.',
  setting: harmed,
  during: async (scenario, workers) => {
    proxy().silence()
    await allFenced(workers, 10_000)
    await scenario.over()
    await until('both have joined again', async () => (await Promise.all(workers.map(async (worker) => await metric(worker, 'fenced') === 0 && await owned(worker) === 6))).every(Boolean), 50_000)
    for (const worker of workers) expect(said(worker, 'a request got no answer in time').length).toBeGreaterThan(0)
  },
})

faultCase({
  fault: 'Answers of Kafka torn off in the middle, also during a join',
  does: 'Connects again and asks again; nothing of a torn answer is used.',
  sees: 'Errors of the Kafka client about its connections.',
  setting: harmed,
  traffic: { events: 2_000 },
  during: async (scenario, workers) => {
    for (const bytes of [30_000, 5_000, 1_500, 700]) {
      proxy().tear(bytes)
      await wait(1_500)
    }
    // its own connections are whole, those of the two that have to join again are not
    const joining = scenario.addWorker(direct())
    await wait(3_000)
    const torn = () => workers.every((worker) => said(worker, 'ECONNRESET').length > 0)
    await until('both have met a torn answer', torn)
    proxy().tear(0)
    await scenario.over()
    const third = await joining
    // kafkajs may be at its last retries, each 5 s, and the group waits for who is in the middle of them
    await until('all have joined', async () => (await Promise.all([third, ...workers].map(owned))).every((count) => count === 4), 150_000)
  },
})
