// What the autoscaler is told, with everything real but for the clock, the offsets and the requests.

import { Gate } from '../../src/delivery/gate.ts'
import { LARGEST_BATCH } from '../../src/delivery/batcher.ts'
import { estimateOf, type Carrier } from '../../src/delivery/operations.ts'
import { Pace } from '../../src/delivery/pace.ts'
import { decodeEvent, type CustomerEvent } from '../../src/event.ts'
import { createMetrics } from '../../src/metrics.ts'
import { createScaling } from '../../src/scaling.ts'
import { accepted } from './delivery/post.ts'

const event = decodeEvent(
  { topic: 't', partition: 0, offset: 0, timestamp: 1, key: null, value: Buffer.from('{"type":"track","userId":"u","payload":{"event":"e"}}') }, undefined, 'n',
) as CustomerEvent
const FULL = LARGEST_BATCH / estimateOf(event)
const EVERY_MS = 5_000

interface Given { limit?: number; windowMs?: number; unit?: 'request' | 'operation'; owned?: number; partitions?: number }

/** One worker that looks at its topic every 5 s. */
function workerOf({ limit = 80, windowMs = 1_000, unit = 'request', owned = 40, partitions = 24 }: Given = {}) {
  const metrics = createMetrics()
  let [now, busyMs] = [0, 0]
  const pace = new Pace()
  const gate = new Gate({ baseMs: 1_000, capMs: 60_000, jitter: 0 })
  const bounds = new Map(Array.from({ length: partitions }, (_, partition) => [partition, { earliest: 0, end: 0 }]))
  const committed = new Map<number, number>(Array.from({ length: partitions }, (_, partition) => [partition, 0]))
  const scaling = createScaling({
    config: { CONCURRENCY: 10, DRAIN_TARGET_MS: 300_000 },
    channels: [{ api: 'track', pace, gate, limiter: { stats: () => ({ owned }) } as never }],
    limits: { of: () => ({ limit, windowMs, unit }) }, metrics, clock: () => now, busyMs: () => busyMs,
  })
  return {
    metrics, scaling, gate, bounds, committed,
    clock: () => now,
    deliver: ({ events, requests, carrier = 'alone', ms = 50, busy = 0 }: { events: number; requests: number; carrier?: Carrier; ms?: number; busy?: number }) => {
      for (let i = 0; i < requests; i += 1) pace.note(Array.from({ length: events / requests }, () => event), carrier, accepted, ms)
      busyMs += busy
    },
    /** Into each partition; `done` of them are committed. */
    publish: (each: number, done: number) => {
      for (const [partition, { end }] of bounds) {
        bounds.set(partition, { earliest: 0, end: end + each })
        committed.set(partition, (committed.get(partition) as number) + done)
      }
    },
    look: () => {
      now += EVERY_MS
      scaling.look(bounds, committed)
    },
  }
}

const TOLD = ['useful_replicas', 'group_arrival_events_per_second', 'group_backlog_records', 'group_partitions_with_lag', 'group_budget_events_per_second', 'pod_unthrottled_events_per_second']

/** The values as they are scraped, in the order of TOLD; undefined for one that is not there. */
async function told(metrics: ReturnType<typeof createMetrics>): Promise<(number | undefined)[]> {
  const text = await metrics.registry.metrics()
  return TOLD.map((name) => new RegExp(`^customerio_worker_${name} (\\S+)$`, 'm').exec(text)?.[1]).map((value) => (value === undefined ? undefined : Number(value)))
}
const nothing = TOLD.map(() => undefined)

test('nothing is exported before the first look: no 0 that would be taken for an answer', async () => {
  expect(await told(workerOf().metrics)).toEqual(nothing)
})

test('an idle topic: one worker, and what is not known is not exported', async () => {
  const { look, metrics } = workerOf()
  look()
  expect(await told(metrics)).toEqual([1, undefined, 0, 0, undefined, undefined])
})

test('one event a request at a limit of 80: one worker, though a hundred thousand wait', async () => {
  const { look, publish, deliver, metrics } = workerOf()
  look()
  publish(4_000, 10)
  deliver({ events: 200, requests: 200, busy: 250 })
  look()
  publish(100, 10)
  look()
  expect(await told(metrics)).toEqual([1, expect.closeTo(24 * 4_100 / 10), 24 * (4_100 - 20), 24, 80, 200])
})

test('batches: the limit allows what full requests carry, a worker what its thread can do', async () => {
  const { look, publish, deliver, metrics } = workerOf()
  look()
  publish(500_000, 1)
  deliver({ events: 120_000, requests: 80, carrier: 'batch', busy: 4_800 })
  look()
  publish(0, 1)
  look()
  const [useful, arrival, backlog, , budget, pod] = await told(metrics) as number[]
  expect([budget, pod]).toEqual([expect.closeTo(80 * FULL), expect.closeTo(25_000)])
  expect(useful).toBe(Math.ceil(Math.min((arrival as number) + (backlog as number) / 300, budget as number) / (pod as number)))
  expect(useful).toBeGreaterThan(5)
})

test('with the unit operation a slot is an event: a batch does not make the limit larger', async () => {
  const { look, deliver, metrics } = workerOf({ unit: 'operation' })
  look()
  deliver({ events: 400, requests: 8, carrier: 'batch' })
  look()
  expect((await told(metrics))[4]).toBe(80)
})

test('a window of ten seconds', async () => {
  const { look, deliver, metrics } = workerOf({ limit: 1, windowMs: 10_000 })
  look()
  deliver({ events: 1, requests: 1 })
  look()
  expect((await told(metrics))[4]).toBe(0.1)
})

test('after repeated 429s the budget is what is used of it', async () => {
  const { look, deliver, metrics, gate, clock } = workerOf()
  deliver({ events: 1, requests: 1 })
  look()
  for (let i = 0; i < 10; i += 1) gate.throttled(clock() + i * 1_000, undefined, 0.5)
  look()
  expect((await told(metrics))[4]).toBeLessThan(80)
})

test('the offsets can\'t be read: nothing is exported until they can', async () => {
  const { look, deliver, metrics, scaling } = workerOf()
  look()
  deliver({ events: 200, requests: 200 })
  look()
  expect((await told(metrics))[0]).toBe(1)
  scaling.lost()
  expect(await told(metrics)).toEqual(nothing)
  look()
  expect((await told(metrics))[0]).toBe(1)
})

describe('what this worker delivers at most, for the time to drain', () => {
  test('before the first request: as if each carried one event', () => {
    expect(workerOf({ owned: 40 }).scaling.ownPerSecond()).toBe(40)
    expect(workerOf({ owned: 0 }).scaling.ownPerSecond()).toBe(0)
  })

  test('its slots, each full', () => {
    const { deliver, scaling } = workerOf({ owned: 2 })
    deliver({ events: 10, requests: 10, carrier: 'batch' })
    expect(scaling.ownPerSecond()).toBeCloseTo(2 * FULL)
  })

  test('no more than its thread can do', () => {
    const { deliver, scaling, look } = workerOf({ owned: 80 })
    look()
    deliver({ events: 100_000, requests: 100, carrier: 'batch', busy: 4_000 })
    look()
    expect(scaling.ownPerSecond()).toBeCloseTo(25_000)
  })
})
