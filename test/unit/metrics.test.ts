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

test('two workers in one process do not share counts', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.throttled.inc(3)
  expect([(await one.throttled.get()).values[0]?.value, (await other.throttled.get()).values[0]?.value]).toEqual([3, 0])
})

test('what is scraped is in the text format, with the state of the process beside it', async () => {
  const { registry, events } = createMetrics()
  events.inc({ type: 'track', outcome: 'delivered' })
  const text = await registry.metrics()
  expect(registry.contentType).toContain('text/plain')
  expect(text).toContain('customerio_worker_events_total{type="track",outcome="delivered"} 1')
  expect(text).toContain('process_resident_memory_bytes')
})
