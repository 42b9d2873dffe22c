import { createMetrics } from '../../src/metrics.ts'

const prefix = 'customerio_worker_'
const own = async () => (await createMetrics().registry.getMetricsAsJSON()).filter(({ name }) => name.startsWith(prefix))

test('every metric is registered, once', async () => {
  const metrics = createMetrics()
  const { registry, ...declared } = metrics
  const names = (await own()).map(({ name }) => name)
  expect(names).toHaveLength(Object.keys(declared).length)
  expect(new Set(names).size).toBe(names.length)
  expect(registry.getMetricsAsArray().length).toBeGreaterThan(names.length)
})

test('names follow the customs: counters end in _total and nothing else does, times are in seconds, sizes in bytes', async () => {
  for (const { name, type, help } of await own()) {
    expect(name).toMatch(/^customerio_worker_[a-z]+(_[a-z0-9]+)*$/)
    expect(name.endsWith('_total')).toBe(String(type) === 'counter')
    expect(name).not.toMatch(/_(ms|millis|milliseconds|kb|mb|minutes)(_total)?$/)
    expect(help).toMatch(/^\S.*[^.]\.$/)
  }
})

test('no label can name a person, an event or a record', () => {
  const labels = createMetrics().registry.getMetricsAsArray().filter(({ name }) => name.startsWith(prefix))
    .flatMap((metric) => (metric as unknown as { labelNames: string[] }).labelNames)
  expect(new Set(labels)).toEqual(new Set(['type', 'outcome', 'reason', 'status', 'cause', 'result', 'partition', 'api', 'source', 'standing']))
})

test('what is of one API of Customer.io says of which: each has its own slots, gate and breaker', () => {
  const ofApi = [
    'attempts', 'attemptDuration', 'requestEvents', 'halved', 'retries', 'inFlight',
    'slotsOwned', 'slotsFree', 'slotsUsable', 'slotsHeld', 'slotsQuarantined', 'throttleFactor', 'rateLimit',
    'limiterWait', 'limiterQueued', 'limiterRunning', 'limiterDone', 'limiterDepleted', 'heldBy', 'gateClosed', 'throttled', 'breakerState', 'probes', 'waiting',
  ]
  const labelled = Object.entries(createMetrics()).filter(([, metric]) => (metric as unknown as { labelNames?: string[] }).labelNames?.includes('api'))
  expect(labelled.map(([key]) => key).toSorted()).toEqual(ofApi.toSorted())
})

test('two workers in one process do not share counts', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.throttled.inc({ api: 'track' }, 3)
  one.commits.inc(2)
  expect([(await one.throttled.get()).values[0]?.value, (await other.throttled.get()).values]).toEqual([3, []])
  expect([(await one.commits.get()).values[0]?.value, (await other.commits.get()).values[0]?.value]).toEqual([2, 0])
})

test('what is scraped is in the text format, with the state of the process beside it', async () => {
  const { registry, events, slotsOwned, requestEvents } = createMetrics()
  events.inc({ type: 'track', outcome: 'delivered' })
  slotsOwned.set({ api: 'track' }, 50)
  requestEvents.observe({ api: 'track' }, 300)
  const text = await registry.metrics()
  expect(registry.contentType).toContain('text/plain')
  expect(text).toContain('customerio_worker_events_total{type="track",outcome="delivered"} 1')
  expect(text).toContain('customerio_worker_slots_owned{api="track"} 50')
  expect(text).toContain('customerio_worker_request_events_bucket{le="200",api="track"} 0')
  expect(text).toContain('customerio_worker_request_events_bucket{le="500",api="track"} 1')
  expect(text).toContain('process_resident_memory_bytes')
})
