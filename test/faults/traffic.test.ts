// Shapes of traffic: who has how many events, how large they are, how they are keyed, and when they come.

import { setTimeout as wait } from 'node:timers/promises'
import { KEYS } from '../../src/config-keys.ts'
import { decodeDone } from '../../src/kafka/done-marks.ts'
import { withAdmin } from '../support/kafka/admin.ts'
import { openCluster, type TestCluster } from '../support/kafka/cluster.ts'
import { publish } from '../support/publish.ts'
import { seededChoices } from '../support/random.ts'
import { readTopic } from '../support/read-topic.ts'
import type { Scenario } from '../support/scenario.ts'
import { generateTraffic, newcomers, trackOf, type TrafficItem } from '../support/traffic.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { faultCase } from './fault-case.ts'
import { metric, metrics, total, until } from './looks.ts'

const MIB = 1_048_576

/** When the first request of each event arrived, by marker. */
async function firstArrivals(scenario: Scenario): Promise<Map<string, number>> {
  const arrivals = (await scenario.standIn.arrivals()).toReversed()
  return new Map(arrivals.flatMap(({ marker, at }) => (marker === null ? [] : [[marker, at]])))
}

/** Keeps the largest that a worker's metrics say of each name, until it is stopped; `stop` gives these. */
function watchMost(worker: WorkerProcess, names: readonly string[]): { stop(): Promise<Record<string, number>> } {
  const most = Object.fromEntries(names.map((name) => [name, 0]))
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      const text = await worker.metrics().catch(() => '') // a look that comes too late is none
      for (const name of names) most[name] = Math.max(most[name] ?? 0, Number(new RegExp(`^${name} (\\d\\S*)$`, 'm').exec(text)?.[1] ?? 0)) // +Inf is no figure
      await wait(100)
    }
  })()
  return {
    stop: async () => {
      over.abort()
      await watching
      return most
    },
  }
}

const PENDING = 'customerio_worker_pending_records'
const PENDING_BYTES = 'customerio_worker_pending_bytes'
const RSS = 'process_resident_memory_bytes'
const HEAP = 'nodejs_heap_size_used_bytes'

faultCase({
  fault: 'One person has a fifth of all events',
  does: 'That person\'s events go out one after another, each after the answer to the one before. Everybody else\'s go on beside them.',
  sees: 'In the end only one partition has lag (`partition_lag_records`).',
  notCovered: 'One person gets at most one event an answer time, whatever the limit.',
  setting: { faults: { latencyMs: [60, 80] } },
  traffic: { hot: 0.2 },
  during: async (_scenario, workers) => {
    await until('only one partition has lag', async () => {
      const lags = (await Promise.all(workers.map(async (worker) => worker.metrics()))).join('\n').matchAll(/^customerio_worker_partition_lag_records\{.*\} ([1-9]\d*)$/gm)
      return [...lags].length === 1
    })
  },
  after: async (scenario) => {
    const [hot] = [...Map.groupBy(scenario.published, ({ person }) => person)].toSorted(([, a], [, b]) => b.length - a.length)
    expect(hot![1].length).toBeGreaterThan(150)
    const partitions = new Map((await readTopic(scenario.brokers, scenario.topic)).map(({ headers, partition }) => [headers.marker, partition]))
    const beside = scenario.published.filter((item) => item.person !== hot![0] && partitions.get(item.marker) === partitions.get(hot![1][0]!.marker))
    expect(beside.length).toBeGreaterThan(20)
    // lanes: when the last of the others in the very same partition has arrived, many that were published before it are still to come
    const at = await firstArrivals(scenario)
    const lastBeside = Math.max(...beside.flatMap(({ marker }) => at.get(marker) ?? []))
    expect(hot![1].filter(({ marker }) => at.get(marker)! > lastBeside).length).toBeGreaterThan(20)
  },
})

const CROWD = 20_000
/** Little, so that most of the crowd has to wait in Kafka. */
const CROWD_PREFETCH = 2_000
faultCase({
  fault: '20,000 different people, once each',
  does: 'Nothing is kept of a person once the event is done: what is pending stays below `PREFETCH_RECORDS`, and no metric has a person as label.',
  sees: '`pending_records` below `PREFETCH_RECORDS`; `make backlog` shows a million people.',
  setting: { limit: 1_000, faults: { latencyMs: [2, 5] }, env: { CONCURRENCY: '100', PREFETCH_RECORDS: String(CROWD_PREFETCH) } },
  traffic: false,
  during: async (scenario, workers) => {
    const series = async () => (await Promise.all(workers.map(async (worker) => worker.metrics()))).join('\n').split('\n').length
    const watches = workers.map((worker) => watchMost(worker, [PENDING, HEAP]))
    await scenario.publishItems([...newcomers(CROWD, 2)])
    await until('a quarter is delivered', async () => await scenario.accepted() >= CROWD / 4, 150_000)
    const before = await series()
    await until('all are delivered', async () => await scenario.accepted() >= CROWD, 150_000)
    const most = await Promise.all(watches.map(async (watch) => watch.stop()))
    for (const { [PENDING]: pending, [HEAP]: heap } of most) {
      expect(pending).toBeGreaterThan(500)
      expect(pending).toBeLessThanOrEqual(CROWD_PREFETCH)
      expect(heap).toBeLessThan(400 * MIB)
    }
    expect(await series() - before).toBeLessThan(100)
    for (const gauge of ['pending_records', 'waiting_events', 'limiter_queued']) {
      await until(`${gauge} is 0`, async () => (await metrics(workers, gauge)).every((value) => value === 0))
    }
  },
})

const LARGEST_DATA = 100_000
const OVERSIZE = 900_000
const MIXED_PREFETCH = 4 * MIB
/** Tiny ones, some as large as Customer.io takes them to the byte, some one byte larger, some of 900 kB. */
function mixedSizes(): TrafficItem[] {
  const random = seededChoices(3)
  return Array.from({ length: 1_000 }, (_, index) => {
    const person = `cus_1${String(random.below(60)).padStart(5, '0')}`
    const marker = `s-${index}`
    const dataBytes = random.pick([...Array.from({ length: 26 }, () => 0), LARGEST_DATA, LARGEST_DATA, LARGEST_DATA + 1, OVERSIZE])
    return trackOf(person, marker, { dataBytes, ...(dataBytes > LARGEST_DATA && { flaw: 'data too large' }) })
  })
}

faultCase({
  fault: 'Records of 100 bytes, of 100 kB and of 900 kB mixed',
  does: 'Data of up to 100,000 bytes is sent; more than Customer.io takes becomes a dead letter with the value as it was. The bound on pending bytes holds, whatever the mix.',
  sees: '`dead_letters_total{reason="event_too_large"}` rises; `pending_bytes` stays near `PREFETCH_BYTES`; `paused_partitions` is above 0.',
  notCovered: 'Each partition may hold one record more than its part of `PREFETCH_BYTES`, however large that one is.',
  setting: { env: { PREFETCH_BYTES: String(MIXED_PREFETCH) } },
  traffic: false,
  workers: 0,
  during: async (scenario) => {
    await scenario.publishItems(mixedSizes())
    const worker = await scenario.addWorker()
    const watch = watchMost(worker, [PENDING_BYTES, 'customerio_worker_paused_partitions'])
    await scenario.delivered(500)
    const { [PENDING_BYTES]: pending, customerio_worker_paused_partitions: paused } = await watch.stop()
    expect(pending).toBeGreaterThan(MIB)
    expect(pending).toBeLessThanOrEqual(MIXED_PREFETCH + 12 * (OVERSIZE + 1_000))
    expect(paused).toBeGreaterThan(0)
  },
  after: async (scenario, verdict) => {
    const letters = new Map((await scenario.letters()).map(({ headers, key, value }) => [headers.marker, { key, value }]))
    const flawed = scenario.published.filter((item) => item.expect === 'dead-letter')
    expect(flawed.some(({ value }) => value!.length > OVERSIZE)).toBe(true)
    expect(verdict.deadLetteredBy).toEqual({ event_too_large: flawed.length })
    expect(flawed.filter(({ marker, key, value }) => !letters.get(marker)?.value?.equals(value!) || !letters.get(marker)?.key?.equals(key!))).toEqual([])
  },
})

faultCase({
  fault: 'Keys are absent: one person\'s events lie in several partitions',
  does: 'Delivers all of them. What lies in one partition stays in order.',
  sees: 'Nothing: the worker can\'t tell.',
  notCovered: 'A person\'s order across partitions. The key must be the person\'s id.',
  traffic: false,
  workers: 0,
  during: async (scenario) => {
    // whose order counts is a person in a partition; suppress and destroy have no marker, so they could not be told apart
    const items = generateTraffic({ events: 1_000, people: 60, badShare: 0, seed: 4 }).filter(({ hasBody }) => hasBody)
      .map((item, index) => ({ ...item, key: null, partition: index % 12, person: `${item.person} in ${index % 12}` }))
    await scenario.publishItems(items)
    await Promise.all([scenario.addWorker(), scenario.addWorker()])
  },
  after: async (scenario) => {
    const at = await firstArrivals(scenario)
    const people = Map.groupBy(scenario.published, ({ person }) => person!.split(' ')[0])
    const overtaken = [...people.values()].filter((events) => events.some(({ marker }, index) => index > 0 && at.get(marker)! < at.get(events[index - 1]!.marker)!))
    // the case bites: order across partitions is really lost
    expect(overtaken.length).toBeGreaterThan(0)
  },
})

faultCase({
  fault: 'Keys are empty, binary, or shared by many people',
  does: 'Order is that of the userId in the event, not of the key. A dead letter has the key as it was.',
  sees: 'Nothing: only the partition depends on the key.',
  traffic: false,
  workers: 0,
  during: async (scenario) => {
    const keyOf = (person: string): Buffer => {
      const sum = Buffer.from(person).reduce((total, byte) => total + byte, 0)
      return [Buffer.alloc(0), Buffer.from([0xff, 0xfe, 0, sum]), Buffer.from(`tenant-${sum % 5}`)][sum % 3]!
    }
    const items = generateTraffic({ events: 1_000, people: 60, badShare: 0.1, seed: 5 })
    await scenario.publishItems(items.map((item) => (item.person === null ? item : { ...item, key: keyOf(item.person) })))
    await Promise.all([scenario.addWorker(), scenario.addWorker()])
  },
  after: async (scenario) => {
    const keys = new Map((await scenario.letters()).map(({ headers, key }) => [headers.marker, key?.toString('hex')]))
    const flawed = scenario.published.filter((item) => item.expect === 'dead-letter')
    expect(flawed.map(({ marker }) => keys.get(marker))).toEqual(flawed.map(({ key }) => key?.toString('hex')))
    expect(new Set(keys.values())).toContain('')
  },
})

faultCase({
  fault: 'All events have one and the same key',
  does: 'One partition has everything, so one worker sends everything; those without a backlog leave it most of the limit, after half a minute; people\'s events still go side by side.',
  sees: '`partition_lag_records` of one partition; `events_total` of the other workers stands still.',
  notCovered: 'For half a minute the slots of the other workers stay unused; a quarter of their parts they keep.',
  setting: { partitions: 4 },
  traffic: false,
  workers: 2,
  during: async (scenario, workers) => {
    await until('both have partitions', async () => (await metrics(workers, 'assigned_partitions')).every((count) => count === 2))
    const items = generateTraffic({ events: 700, people: 80, badShare: 0, seed: 6 })
    await scenario.publishItems(items.map((item) => ({ ...item, key: Buffer.from('everything') })))
  },
  after: async (scenario, verdict) => {
    const delivered = await metrics(scenario.workers, 'events_total')
    expect(delivered.toSorted((a, b) => a - b)).toEqual([0, 700])
    expect(verdict.mostInWindow).toBeLessThanOrEqual(100)
    // not one event after another
    const arrivals = await scenario.standIn.arrivals()
    expect(arrivals.filter(({ at }, index) => index > 0 && at < (arrivals[index - 1]!.answeredAt ?? 0)).length).toBeGreaterThan(100)
  },
})

describe('after a long idle time', () => {
  let cluster: TestCluster
  beforeAll(async () => { cluster = await openCluster({ proxied: true, props: { 'connections.max.idle.ms': '5000' } }) }, 120_000)
  afterAll(async () => cluster.stop())

  faultCase({
    fault: 'Nothing for longer than the session and the broker\'s `connections.max.idle.ms`, then a burst',
    does: 'Keeps its place in the group. Connections that the broker has closed meanwhile are opened again, those for dead letters among them.',
    sees: 'No rebalance; lag rises at once and falls at the pace of the limit.',
    setting: async () => ({ cluster }),
    traffic: { events: 300, badShare: 0.1 },
    during: async (scenario, workers) => {
      await scenario.done()
      const { proxy } = cluster.brokers[0]!
      const busy = proxy!.connections
      await wait(15_000)
      expect(proxy!.connections).toBeLessThan(busy)
      const rebalances = async () => total(workers, 'rebalances_total')
      const before = await rebalances()
      await scenario.publish({ events: 1_000, people: 121, badShare: 0.1, seed: 7 })
      await scenario.done()
      expect(await rebalances()).toBe(before)
    },
    after: (_scenario, verdict) => {
      expect(verdict.deadLettered).toBeGreaterThan(80)
    },
  })
})

faultCase({
  fault: 'Timestamps far in the past and the future, in the event and of the record',
  does: 'Sends each as it is: from 1970 to 2099.',
  sees: '`partition_lag_seconds` and `event_age_seconds` say decades for records stamped in the past.',
  notCovered: 'Kafka\'s retention goes by the record\'s own time: one stamped in the past may be deleted before it is read. A record stamped in the future hides from it.',
  traffic: false,
  workers: 0,
  during: async (scenario) => {
    const times = [1, '1970-01-02', 86_400, 951_782_400, '2024-02-29T23:59:59.999+14:00', 4_102_444_799, '2099-12-31T23:59:59Z', undefined]
    // a record may be stamped at most an hour ahead (log.message.timestamp.after.max.ms)
    const stamps = [undefined, 1_000, Date.now() - 40 * 365 * 86_400_000, Date.now() + 3_000_000]
    const items = Array.from({ length: 640 }, (_, index) => {
      const timestamp = times[index % times.length]
      const stamp = stamps[Math.floor(index / times.length) % stamps.length]
      return { ...trackOf(`cus_1${String(index % 40).padStart(5, '0')}`, `t-${index}`, timestamp === undefined ? {} : { timestamp }), ...(stamp !== undefined && { timestamp: stamp }) }
    })
    await scenario.publishItems(items)
    const [worker] = await Promise.all([scenario.addWorker(), scenario.addWorker()])
    await until('lag says decades', async () => /^customerio_worker_partition_lag_seconds\{.*\} 1\.?\d{9}/m.test(await worker!.metrics()) || await metric(worker!, 'partition_lag_seconds') > 1e9)
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    const seconds = new Set((await scenario.standIn.arrivals()).map(({ timestamp }) => timestamp))
    for (const sent of [1, 86_400, 951_782_400, 1_709_200_799, 4_102_444_799]) expect(seconds).toContain(sent)
  },
})

faultCase({
  fault: 'A producer publishes events twice',
  does: 'Sends both: the worker keeps no list of ids. With an id of the producer both have the same id and timestamp, so Customer.io drops the second.',
  sees: 'Nothing: `events_total` counts both.',
  notCovered: 'Without an `id` in the event the two records are two events. How long Customer.io remembers an id is not published.',
  traffic: false,
  during: async (scenario) => {
    const items = Array.from({ length: 400 }, (_, index) => trackOf(`cus_1${String(index % 50).padStart(5, '0')}`, `d-${index}`, { id: `order-${index}`, timestamp: 1_767_600_000 + index }))
    scenario.published.push(...items)
    await publish(scenario.brokers, scenario.topic, items.flatMap((item) => [item, item]))
    await scenario.delivered(800)
  },
  after: async (scenario, verdict) => {
    expect(verdict.duplicates).toEqual({ received: 400, covered: 400, uncovered: 0 })
    expect((await scenario.standIn.account()).repeatedEventIds).toBe(400)
  },
})

const BACKLOG = 100_000
const DEFAULT_PREFETCH = Number(KEYS.PREFETCH_RECORDS.default)
faultCase({
  fault: 'A backlog of 100,000 events, far more than a worker holds',
  does: 'Takes only what `PREFETCH_RECORDS` allows, the rest waits in Kafka. When it is stopped, exactly what it has committed as done was delivered.',
  sees: '`pending_records` at most `PREFETCH_RECORDS`; `time_to_drain_seconds` says how long it will take.',
  notCovered: 'The figures are those of what was delivered by then; `make backlog` goes on for longer.',
  traffic: false,
  workers: 0,
  during: async (scenario) => {
    await publish(scenario.brokers, scenario.topic, newcomers(BACKLOG, 8))
    const worker = await scenario.addWorker()
    const watch = watchMost(worker, [PENDING, RSS, 'customerio_worker_time_to_drain_seconds'])
    await scenario.delivered(2_500)
    const { [PENDING]: pending, [RSS]: rss, customerio_worker_time_to_drain_seconds: drain } = await watch.stop()
    console.log(`with ${BACKLOG} events waiting: at most ${pending} pending, RSS at most ${Math.round(rss! / MIB)} MiB`)
    expect(pending).toBeGreaterThan(1_000)
    expect(pending).toBeLessThanOrEqual(DEFAULT_PREFETCH)
    expect(rss).toBeLessThan(500 * MIB)
    expect(drain).toBeGreaterThan(400)
    expect(await worker.stop()).toEqual({ code: 0, signal: null })
    const done = await committedMarkers(scenario)
    scenario.published.push(...[...newcomers(BACKLOG, 8)].filter(({ marker }) => done.has(marker)))
  },
  after: (_scenario, verdict) => {
    expect(verdict.published).toBeGreaterThanOrEqual(2_500)
  },
})

/** Of the records that the group has committed as done, the ones beyond the offset included. */
async function committedMarkers({ brokers, topic, group }: Scenario): Promise<Set<string | undefined>> {
  const [offsets] = await withAdmin(brokers, async (admin) => admin.fetchOffsets({ groupId: group, topics: [topic] }))
  const commits = new Map(offsets!.partitions.map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), beyond: decodeDone(Number(offset), metadata) }]))
  const records = await readTopic(brokers, topic)
  return new Set(records.filter(({ partition, offset }) => {
    const commit = commits.get(partition)!
    return Number(offset) < commit.offset || commit.beyond.has(Number(offset))
  }).map(({ headers }) => headers.marker))
}
