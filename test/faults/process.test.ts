// What happens to the process.

import { Partitioners } from 'kafkajs'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { groupView } from '../support/group-view.ts'
import { killAt } from '../support/inside-commands.ts'
import { openCluster, type TestCluster } from '../support/kafka/cluster.ts'
import { freePorts } from '../support/kafka/ports.ts'
import type { Scenario } from '../support/scenario.ts'
import { countedUnit } from '../support/stage.ts'
import type { Verdict } from '../support/verdict.ts'
import { budget } from '../support/window.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { HEALTHY, plan } from './bad-days.ts'
import { byMode, faultCase } from './fault-case.ts'
import { ALONE, REBALANCE, SHUTDOWN, type Scene } from './kill-cases.ts'
import { distinct, metric, metrics, owned, repeatable, said, until } from './looks.ts'

const LIMIT = 200
const CONCURRENCY = 10
const COMMIT_INTERVAL_MS = 200
/** Events: of batches each has a slot. */
const MOST_IN_FLIGHT = byMode({ single: CONCURRENCY, batch: LIMIT })
/** Of a killed worker: what was in flight, what was done since the last commit, and what was done while one was under way. */
const MOST_REPEATS = MOST_IN_FLIGHT + (LIMIT * 2 * COMMIT_INTERVAL_MS) / 1_000
/** Where nothing is to be sent again: if the machine stands still for a second, what is in flight times out and is. In batches about half of the people. */
const STALLED = byMode({ single: CONCURRENCY, batch: 60 })
const env = { CONCURRENCY: String(CONCURRENCY), COMMIT_INTERVAL_MS: String(COMMIT_INTERVAL_MS) }
const setting = { limit: LIMIT, env }

const killed = { code: null, signal: 'SIGKILL' }
const orderly = { code: 0, signal: null }
const unfinished = { code: 3, signal: null }

const expectFewRepeats = (most: number) => (_: Scenario, { duplicates }: Verdict) => expect(duplicates.received).toBeLessThanOrEqual(most)
const twoMore = async (scenario: Scenario) => Promise.all([scenario.addWorker(), scenario.addWorker()])
async function everySettled(workers: WorkerProcess[], count: number): Promise<void> {
  await until(`each owns ${count} partitions`, async () => (await Promise.all(workers.map(owned))).every((each) => each === count))
}

async function sceneOf(scenario: Scenario): Promise<Scene> {
  const [account, letters] = [await scenario.standIn.account(), await scenario.letters()]
  return { ...await groupView(scenario.brokers, scenario), account, letters: letters.length }
}

/** The part of the limit that was used, and the figure on the console. */
async function usedSince(scenario: Scenario, from: number): Promise<number> {
  const { now } = await scenario.standIn.account()
  const { used } = budget(await scenario.standIn.arrivals(), { limit: LIMIT, windowMs: 1_000, from, to: now, unit: countedUnit() })
  console.log(`${expect.getState().currentTestName}: ${Math.round(used * 100)} % of the limit used meanwhile`)
  return used
}

describe('kill -9', () => {
  const sees = 'No last line in its log. `assigned` lines of the others when its session is over, and of its successor.'
  const shared = {
    sees, workers: 0, traffic: { events: 500 },
    // short sessions: its end is noticed soon
    setting: {
      limit: LIMIT,
      env: {
        ...env, KAFKA_SESSION_TIMEOUT_MS: '4000', KAFKA_HEARTBEAT_INTERVAL_MS: '300', LATEST_ARRIVAL_MS: '1200', LONGEST_PAUSE_MS: '800',
      },
    },
  }

  for (const { at, nth, fault, does, badShare = 0, expectScene, leastRepeats: least = {} } of ALONE) {
    faultCase({
      ...shared, fault, does, traffic: { events: 500, badShare },
      during: async (scenario) => {
        expect(await scenario.runWorker(killAt(at, nth))).toMatchObject(killed)
        await scenario.over()
        expectScene(await sceneOf(scenario))
        await twoMore(scenario)
      },
      after: async (scenario, { duplicates, deadLettered }) => {
        expect(duplicates.received).toBeGreaterThanOrEqual(least.requests ?? 0)
        expect(duplicates.received).toBeLessThanOrEqual(MOST_REPEATS)
        expect((await scenario.letters()).length).toBeGreaterThanOrEqual(deadLettered + (least.letters ?? 0))
      },
    })
  }

  for (const { at, nth, fault, does } of REBALANCE) {
    faultCase({
      ...shared, fault, does,
      during: async (scenario) => {
        const victim = await scenario.addWorker(killAt(at, nth))
        await scenario.delivered(100)
        const other = scenario.addWorker()
        expect(await victim.exited).toEqual(killed)
        await scenario.over()
        await Promise.all([other, scenario.addWorker()])
      },
      after: expectFewRepeats(STALLED),
    })
  }

  for (const { at, nth, fault, does, expectScene } of SHUTDOWN) {
    faultCase({
      ...shared, fault, does,
      during: async (scenario) => {
        const victim = await scenario.addWorker(killAt(at, nth))
        await scenario.delivered(100)
        expect(await victim.stop()).toEqual(killed)
        await scenario.over()
        expectScene(await sceneOf(scenario))
        await twoMore(scenario)
      },
      after: expectFewRepeats(STALLED),
    })
  }

  faultCase({
    ...shared,
    fault: 'kill -9 at shutdown, while it waits for answers',
    does: 'What was in flight is sent again, with the same ids.',
    during: async (scenario) => {
      await scenario.standIn.faults({ latencyMs: [700, 900] })
      const victim = await scenario.addWorker()
      await until('requests are under way', async () => await metric(victim, 'in_flight_requests') === CONCURRENCY)
      victim.signal('SIGTERM')
      await until('it has begun to stop', () => said(victim, 'stopping').length > 0)
      expect(await victim.kill()).toEqual(killed)
      await scenario.standIn.faults(HEALTHY)
      await scenario.over()
      await twoMore(scenario)
    },
    after: expectFewRepeats(MOST_REPEATS),
  })
})

describe('stalls', () => {
  faultCase({
    fault: 'Frozen (SIGSTOP) for 5 s',
    does: 'It keeps its partitions. Awake again, it sends nothing until a heartbeat is acknowledged. '
      + 'What was in flight has timed out and is sent again, with the same ids.',
    sees: 'Its `/metrics` and probes do not answer. `attempts_total{status="timeout"}` rises afterwards.',
    notCovered: 'A freeze between the look at the fence and the write of the request, if it is longer than `LONGEST_PAUSE_MS`.',
    setting, traffic: { events: 1_500 },
    during: async (scenario, [victim]) => {
      const frozen = wait(5_000)
      victim!.signal('SIGSTOP')
      await expect(victim!.metrics()).rejects.toThrow('')
      await frozen
      victim!.signal('SIGCONT')
      await scenario.over()
    },
    after: expectFewRepeats(MOST_REPEATS),
  })

  const lost = 1_000
  const all = repeatable({ events: 1_650, people: 120, seed: 1 })
  let awakeAt = Infinity
  faultCase({
    fault: 'Frozen (SIGSTOP) for 40 s: its session is over, and another worker takes over',
    does: 'Awake again, it finds its fence shut and sends nothing of what it had taken. '
      + 'It joins again, and goes on with what it is given then.',
    sees: '`assigned` of the other one with all partitions after `KAFKA_SESSION_TIMEOUT_MS`, and of both after the freeze. '
      + 'Its `/metrics` and probes do not answer meanwhile.',
    notCovered: 'A freeze between the look at the fence and the write of the request, if it is longer than `LONGEST_PAUSE_MS`: '
      + 'that request goes out when the process wakes up, and is cut off at once.',
    setting, traffic: false,
    during: async (scenario, [victim, other]) => {
      await scenario.publishItems(all.slice(0, lost))
      await scenario.delivered(100)
      expect(await metric(victim!, 'pending_records')).toBeGreaterThan(200)
      const frozen = wait(40_000)
      victim!.signal('SIGSTOP')
      await until('the other has taken over', async () => await owned(other!) === 12)
      await until('the other has delivered all', async () => (await distinct(scenario)).size === lost)
      await frozen
      await scenario.publishItems(all.slice(lost))
      awakeAt = (await scenario.standIn.account()).now
      victim!.signal('SIGCONT')
      await scenario.over()
      await everySettled([victim!, other!], 6)
    },
    after: async (scenario, { duplicates }) => {
      const taken = new Set(all.slice(0, lost).map(({ marker }) => marker))
      // one that the freeze caught between the look at the fence and its write goes out, and is cut off at once: its time is over
      const late = (await scenario.standIn.arrivals()).filter(({ at, status }) => at >= awakeAt && status !== null)
      expect(late.filter(({ marker }) => taken.has(marker!))).toEqual([])
      expect(duplicates.received).toBeLessThanOrEqual(MOST_REPEATS)
    },
  })

  faultCase({
    fault: 'Event loop blocked for 3 s, three times',
    does: 'It keeps its partitions. Answers that came meanwhile are read too late and count as timed out: sent again, with the same ids. '
      + 'Whatever was sent keeps its slot until it can\'t arrive any more.',
    sees: '`attempts_total{status="timeout"}` and `retries_total{cause="timeout"}` rise; `/metrics` and probes answer late.',
    notCovered: 'Pauses longer than `LONGEST_PAUSE_MS` (set to 3.5 s here, and the session to 10 s): '
      + 'such a pause between the look at the fence and the write may break order and limit.',
    setting: { limit: LIMIT, env: { ...env, LONGEST_PAUSE_MS: '3500', KAFKA_SESSION_TIMEOUT_MS: '10000' } },
    traffic: { events: 2_200 },
    during: async (scenario, [victim]) => {
      for (let n = 0; n < 3; n += 1) {
        victim!.tell({ block: 3_000 })
        await until('it answers nothing', async () => !(await victim!.metrics().catch(() => '')))
        const now = await scenario.accepted()
        await scenario.delivered(now + 200)
      }
      await scenario.over()
    },
    after: expectFewRepeats(3 * MOST_IN_FLIGHT),
  })
})

describe('clocks', () => {
  const HOUR = 3_600_000
  for (const [way, ms] of [['forward', HOUR], ['back', -HOUR]] as const) {
    faultCase({
      fault: `Clock stepped ${way} by an hour, and set right again`,
      does: 'Goes on: slots, fences, heartbeats, backoffs and time-outs are measured with a clock that does not step. '
        + 'A rebalance meanwhile goes as ever.',
      sees: 'Times in the log, times of failure in dead letters, `partition_lag_seconds` and `event_age_seconds` are off by as much.',
      notCovered: 'A `Retry-After` that names a date is off by as much, at most `RETRY_CAP_MS`. '
        + 'Events without a time of their own carry that of their record, which the clocks of producer and broker decide.',
      setting, traffic: { events: 1_600 },
      during: async (scenario, workers) => {
        for (const worker of workers) worker.tell({ stepClock: ms })
        await scenario.delivered(await scenario.accepted() + 200)
        const third = await scenario.addWorker()
        await everySettled([...workers, third], 4)
        await scenario.delivered(await scenario.accepted() + 200)
        for (const worker of workers) {
          const { time } = said(worker, 'assigned').at(-1)!
          expect(Math.round((Date.parse(String(time)) - Date.now()) / HOUR)).toBe(ms / HOUR)
          worker.tell({ stepClock: -ms })
        }
        await scenario.over()
        expect(await third.stop()).toEqual(orderly)
        await everySettled(workers, 6)
      },
      after: expectFewRepeats(STALLED),
    })
  }
})

describe('resources', () => {
  const HEAP_MB = 48
  const [backlog, partitions, limit] = [200_000, 12, 1_000]
  faultCase({
    fault: `A heap of ${HEAP_MB} MB (--max-old-space-size) under a backlog of 200,000 records`,
    does: 'Holds at most `PREFETCH_RECORDS` and `PREFETCH_BYTES` of it; the rest waits in Kafka.',
    sees: '`pending_records` at its bound, `paused_partitions` above 0, `process_resident_memory_bytes` flat at some 160 MiB.',
    notCovered: 'The case ends after 5,000 events, and judges those. '
      + 'A worker that is killed for its memory is one that is killed: see kill -9. '
      + 'Whoever starts Node otherwise should keep `--max-semi-space-size=8`: with a small old space and the default of large machines, '
      + 'most of the time goes into collections.',
    setting: { limit, partitions, env: { CONCURRENCY: '50' } },
    workers: 0, traffic: false,
    during: async (scenario) => {
      await scenario.publishItems(repeatable({ events: backlog, people: 20_000, seed: 1 }))
      const worker = await scenario.addWorker({}, { nodeFlags: [`--max-old-space-size=${HEAP_MB}`] })
      await until('5,000 are delivered', async () => await scenario.accepted() > 5_000, 120_000)
      expect(await metric(worker, 'pending_records')).toBeGreaterThan(500)
      expect(await worker.stop()).toEqual(orderly)
      await scenario.over()
      await leaveOutTheRest(scenario)
      expect(scenario.published.length).toBeGreaterThan(5_000)
    },
    after: expectFewRepeats(STALLED),
  })

  /**
   * Judges only what is committed, or has arrived: hours of backlog are not waited for. One publisher filled empty partitions, so its
   * records can be counted.
   */
  async function leaveOutTheRest({ brokers, topic, group, standIn, published }: Scenario): Promise<void> {
    const { offsets } = await groupView(brokers, { group, topic })
    const arrived = new Set((await standIn.arrivals()).map(({ marker }) => marker))
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) =>
      ({ partitionId, leader: 0, partitionErrorCode: 0, replicas: [], isr: [] }))
    const partitionOf = Partitioners.DefaultPartitioner()
    const ends = Array.from({ length: partitions }, () => 0)
    const judged = published.filter(({ marker, key, value }) => {
      const partition = partitionOf({ topic, partitionMetadata, message: { key, value } })
      const offset = ends[partition]!
      ends[partition] = offset + 1
      return offset < (offsets.get(partition) ?? 0) || arrived.has(marker)
    })
    published.splice(0, published.length, ...judged)
  }

  faultCase({
    fault: 'Disk full for the log (each write fails: ENOSPC)',
    does: 'Goes on without a log. The last 64 KiB of lines wait for room, what comes then is dropped.',
    sees: 'No lines. Metrics and probes go on.',
    setting: { limit: LIMIT, env: { ...env, LOG_LEVEL: 'debug' } },
    workers: 0, traffic: { events: 800, badShare: 0.02 },
    during: async (scenario) => {
      const full = openSync('/dev/full', 'w')
      const ports = await freePorts(2)
      const workers = await Promise.all(ports.map(async (port) => scenario.addWorker({ HTTP_PORT: String(port) }, { output: full })))
      closeSync(full)
      await scenario.delivered(700)
      expect(await workers[0]!.stop()).toEqual(orderly)
      await scenario.over()
    },
    after: expectFewRepeats(STALLED),
  })

  faultCase({
    fault: 'Collector of the log gone (each write fails: EPIPE)',
    does: 'Goes on without a log.',
    sees: 'No lines. Metrics and probes go on.',
    notCovered: 'A collector that lives and does not read: when the pipe is full, '
      + 'the worker stands still in the middle of a line, as if it were frozen.',
    setting: { limit: LIMIT, env: { ...env, LOG_LEVEL: 'debug' } },
    traffic: { events: 800, badShare: 0.02 },
    during: async (scenario, workers) => {
      for (const worker of workers) worker.closeOutput()
      await scenario.delivered(700)
      expect(await workers[0]!.stop()).toEqual(orderly)
      await scenario.over()
    },
    after: expectFewRepeats(STALLED),
  })
})

describe('restarts', () => {
  faultCase({
    fault: 'Ten workers come and go in a minute: five join, three leave (SIGTERM), two are killed (SIGKILL)',
    does: 'Each rebalance drains what is in flight, and waits for one window. The group waits for a killed one until its session is over.',
    sees: '`rebalances_total` rises, `rebalance_drain_seconds` is some ten milliseconds. '
      + 'More than a third of the limit stays in use (sessions of 6 s).',
    setting, traffic: { events: 7_000 },
    during: async (scenario, workers) => {
      const generations = () => scenario.workers.flatMap((worker) => said(worker, 'assigned')).map(({ generation }) => Number(generation))
      const present = [...workers]
      const [first, began, from] = [Math.max(...generations()), performance.now(), (await scenario.standIn.account()).now]
      for (const [n, what] of ['join', 'SIGTERM', 'join', 'SIGKILL', 'join', 'SIGTERM', 'join', 'SIGKILL', 'join', 'SIGTERM'].entries()) {
        if (what === 'join') present.push(await scenario.addWorker())
        else if (what === 'SIGTERM') expect(await present.shift()!.stop()).toEqual(orderly)
        else expect(await present.shift()!.kill()).toEqual(killed)
        await wait(Math.max(0, began + (n + 1) * 6_000 - performance.now()))
      }
      expect(Math.max(...generations()) - first).toBeGreaterThanOrEqual(9)
      expect(await usedSince(scenario, from)).toBeGreaterThan(0.3)
      await scenario.over()
    },
    after: expectFewRepeats(2 * MOST_REPEATS),
  })

  faultCase({
    fault: 'One worker in a crash loop: killed (SIGKILL) 2 s after each start, ten times',
    does: 'The others keep every promise, and hardly work: each start asks for a rebalance, '
      + 'each rebalance waits until the sessions of the dead ones '
      + 'are over, and nobody sends meanwhile. A seventh of the limit stays in use (sessions of 6 s).',
    sees: '`rebalances_total` rises slowly, lag grows. '
      + 'Restarts that come seldomer and seldomer (as Kubernetes does it) leave the others time to work.',
    notCovered: 'Throughput: end such a worker for good, and the others work again when its last session is over.',
    setting, traffic: { events: 1_500 },
    during: async (scenario, [other]) => {
      const rebalances = await metric(other!, 'rebalances_total')
      const from = (await scenario.standIn.account()).now
      for (let n = 0; n < 10; n += 1) expect(await scenario.runWorker({}, { killAfterMs: 2_000 })).toMatchObject(killed)
      await usedSince(scenario, from)
      expect(await metric(other!, 'rebalances_total')).toBeGreaterThan(rebalances)
      await scenario.over()
      await scenario.addWorker()
    },
    after: expectFewRepeats(10 * MOST_REPEATS),
  })

  faultCase({
    fault: 'Crashes at each start, and wrong settings at each start',
    does: 'Wrong settings end it with exit code 78, before it does anything. The others notice nothing.',
    sees: 'With wrong settings one line a fault on stderr; `rebalances_total` of the others does not rise.',
    // no rebalance for the sake of slots either, however long this takes
    setting: { ...setting, env: { ...setting.env, RATE_LIMIT_DEAL_INTERVAL_MS: '0' } }, traffic: { events: 1_500 },
    during: async (scenario, workers) => {
      await everySettled(workers, 6)
      const rebalances = async () => metrics(workers, 'rebalances_total')
      const before = await rebalances()
      for (let n = 0; n < 3; n += 1) expect(await scenario.runWorker(killAt('before join'))).toMatchObject(killed)
      const faults = [{ msg: expect.stringContaining('CONCURRENCY') as string }]
      expect(await scenario.runWorker({ CONCURRENCY: '0' })).toMatchObject({ code: 78, signal: null, logs: faults })
      expect(await rebalances()).toEqual(before)
      await scenario.over()
    },
    after: expectFewRepeats(STALLED),
  })

  faultCase({
    fault: 'An exception that nothing catches',
    does: 'Exit code 1 at once, since nothing is known of the state it leaves. The next owner goes on as after kill -9.',
    sees: 'A line `uncaught` with the error and its stack; the process starts anew.',
    setting, traffic: { events: 800 },
    during: async (scenario, [victim]) => {
      victim!.tell({ raise: 'a bug' })
      expect(await victim!.exited).toEqual({ code: 1, signal: null })
      expect(said(victim!, 'uncaught')).toMatchObject([{ level: 'fatal', cause: 'Error: a bug' }])
      await scenario.over()
      await scenario.addWorker()
    },
    after: expectFewRepeats(MOST_REPEATS),
  })
})

describe('stopping', () => {
  const hanging = plan({ name: 'hang', effect: { hang: true } })
  const inFlight = async (worker: WorkerProcess) => metric(worker, 'in_flight_requests')
  /** A single batch may have everybody's next event in it. */
  const requestsUnderWay = byMode({ single: CONCURRENCY, batch: 1 })
  const allUnderWay = async (workers: WorkerProcess[]) =>
    until('all wait for answers', async () => (await Promise.all(workers.map(inFlight))).every((count) => count >= requestsUnderWay))
  let cluster: TestCluster
  beforeAll(async () => { cluster = await openCluster({ proxied: true }) }, 120_000)
  afterAll(async () => cluster.stop())

  faultCase({
    fault: 'SIGTERM while Customer.io hangs',
    does: 'Waits until nothing that was sent can arrive any more (`LATEST_ARRIVAL_MS` at most), commits, leaves the group: exit code 0. '
      + 'What had no answer is left to the next owner.',
    sees: '`stopping`, with what is in flight, and `stopped`.',
    setting, traffic: { events: 600 },
    during: async (scenario, workers) => {
      await scenario.standIn.faults(hanging)
      await allUnderWay(workers)
      expect(await Promise.all(workers.map(async (worker) => worker.stop()))).toEqual([orderly, orderly])
      const [stopping, ...others] = said(workers[0]!, 'stopping')
      expect([Number(stopping?.inFlight) >= requestsUnderWay, others]).toEqual([true, []])
      await scenario.standIn.faults(HEALTHY)
      await scenario.over()
      await twoMore(scenario)
    },
    after: expectFewRepeats(STALLED),
  })

  faultCase({
    fault: 'A second signal, while Customer.io hangs',
    does: 'Ends at once: exit code 3. The next owner goes on as after kill -9.',
    sees: '`asked to stop again: exiting at once`.',
    setting, traffic: { events: 600 },
    during: async (scenario, [victim, other]) => {
      await scenario.standIn.faults(hanging)
      await allUnderWay([victim!, other!])
      victim!.signal('SIGTERM')
      await until('it has begun to stop', () => said(victim!, 'stopping').length > 0)
      victim!.signal('SIGTERM')
      expect(await victim!.exited).toEqual(unfinished)
      expect(said(victim!, 'exiting at once')).toHaveLength(1)
      await scenario.standIn.faults(HEALTHY)
      await scenario.over()
      await scenario.addWorker()
    },
    after: expectFewRepeats(MOST_REPEATS),
  })

  faultCase({
    fault: 'SIGHUP (its terminal or its session ends)',
    does: 'As SIGTERM: finishes what is in flight, commits, leaves the group. Exit code 0.',
    sees: '`stopping` with `why: SIGHUP`.',
    setting, traffic: { events: 600 },
    during: async (scenario, [victim]) => {
      victim!.signal('SIGHUP')
      expect(await victim!.exited).toEqual(orderly)
      expect(said(victim!, 'stopping')).toMatchObject([{ why: 'SIGHUP' }])
      await scenario.over()
    },
    after: expectFewRepeats(STALLED),
  })

  const fenceMs = 3_500
  faultCase({
    fault: 'SIGTERM while the broker is stalled, and while fenced by it',
    does: 'It can\'t commit nor leave: ends at `SHUTDOWN_DEADLINE_MS` with exit code 3. '
      + 'What was done since the stall began is sent again by the next owner, with the same ids.',
    sees: '`not finished within the deadline`, with what is left.',
    setting: async () => ({ limit: LIMIT, cluster, env: { ...env, SHUTDOWN_DEADLINE_MS: '4000' } }),
    traffic: { events: 1_500 },
    during: async (scenario, [stalled, fenced]) => {
      const { proxy } = cluster.brokers[0]!
      proxy!.stall()
      const first = stalled!.stop()
      await until('it is fenced', async () => await metric(fenced!, 'fenced') === 1)
      expect(await Promise.all([first, fenced!.stop()])).toEqual([unfinished, unfinished])
      expect(said(fenced!, 'not finished within the deadline')).toHaveLength(1)
      proxy!.heal()
      await scenario.over()
      await twoMore(scenario)
    },
    after: expectFewRepeats(2 * MOST_REPEATS + (LIMIT * fenceMs) / 1_000),
  })
})
