// docker/compose.yml and what it mounts, held against the worker: settings, metrics, files.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KEYS } from '../../src/config-keys.ts'
import { readConfig } from '../../src/config.ts'
import { createMetrics } from '../../src/metrics.ts'
import { DEFAULT_CREDENTIALS } from '../stand-in/server.ts'
import { KAFKA_VERSION } from '../support/kafka/settings.ts'

const compose = readFileSync('docker/compose.yml', 'utf8')
/** The lines below `heading` that are indented deeper than it. */
function under(text: string, heading: string): string {
  const [, indent, rest] = new RegExp(`^( *)${heading}:[^\\n]*\\n(.*)$`, 'ms').exec(text) ?? []
  const lines = (rest ?? '').split('\n')
  const end = lines.findIndex((line) => line.trim() !== '' && !line.startsWith(`${indent} `))
  return lines.slice(0, end === -1 ? undefined : end).join('\n')
}
const pairs = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^ +([A-Z_]+): (.+)$/gm)].map(([, key, value]) => [key, (value as string).replaceAll('"', '')]))

const worker = pairs(under(under(compose, 'x-worker'), 'environment'))

test('the workers\' settings exist, and are enough to start', () => {
  expect(Object.keys(worker).filter((key) => !Object.hasOwn(KEYS, key))).toEqual([])
  expect(readConfig(worker)).toMatchObject({ KAFKA_TOPIC: 'customerio-events', RATE_LIMIT: 100, APIS: ['track', 'transactional'], DELIVERY_MODE: 'batch' })
})

test('they name the stand-in, its port, its limit and its credentials', () => {
  const command = under(under(compose, 'services'), 'stand-in')
  const option = (name: string) => new RegExp(`--${name}, "?([\\w.]+)"?`).exec(command)?.[1]
  expect([worker['CUSTOMERIO_URL'], worker['RATE_LIMIT']]).toEqual([`http://stand-in:${option('port')}`, option('limit')])
  expect(worker['CUSTOMERIO_APP_URL']).toBe(worker['CUSTOMERIO_URL'])
  const { siteId, apiKey, appKey } = DEFAULT_CREDENTIALS
  expect([worker['CUSTOMERIO_SITE_ID'], worker['CUSTOMERIO_API_KEY'], worker['CUSTOMERIO_APP_API_KEY']]).toEqual([siteId, apiKey, appKey])
})

test('the topics are those of the default settings', () => {
  for (const script of ['scripts/topics.ts', 'scripts/publish.ts']) expect(readFileSync(script, 'utf8')).toContain(`'${KEYS.KAFKA_TOPIC.default}'`)
  expect(readFileSync('scripts/topics.ts', 'utf8')).toContain(`'${KEYS.KAFKA_DLQ_TOPIC.default}'`)
})

test('Kafka and Node.js are of the versions that are tested', () => {
  expect(compose).toContain(`image: apache/kafka:${KAFKA_VERSION}\n`)
  const [, image] = /^ARG NODE_IMAGE=(.+)$/m.exec(readFileSync('Dockerfile', 'utf8')) ?? []
  expect(compose).toContain(`\${NODE_IMAGE:-${image}}`)
})

test('everything that is mounted is there', () => {
  const mounted = [...compose.matchAll(/^ +- (\.\.?\/[^:]+):/gm)].map(([, path]) => join('docker', path as string))
  expect(mounted.length).toBeGreaterThan(4)
  expect(mounted.filter((path) => !existsSync(path))).toEqual([])
})

test('Prometheus asks each worker', () => {
  const services = [...under(compose, 'services').matchAll(/^ {2}([\w-]+): \*worker$/gm)].map(([, name]) => `${name}:8080`)
  const [, targets] = /targets: \[(.+)\]/.exec(readFileSync('docker/prometheus.yml', 'utf8')) ?? []
  expect(targets?.split(', ')).toEqual(services)
  expect(services).toHaveLength(3)
})

describe.each(readdirSync('docker/grafana/dashboards'))('the dashboard %s', (name) => {
  interface Panel {
    id: number; title: string; datasource: { uid: string }; gridPos: { x: number; y: number; w: number; h: number }
    targets: { expr: string; legendFormat: string }[]
  }
  const { panels } = JSON.parse(readFileSync(join('docker/grafana/dashboards', name), 'utf8')) as { panels: Panel[] }
  const known = new Set(createMetrics().registry.getMetricsAsArray().flatMap(({ name: metric, type }) =>
    (String(type) === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => metric + end) : [metric])))

  test('every metric that it shows exists', () => {
    const shown = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => [...expr.matchAll(/\b(?:customerio_worker|nodejs|process)_\w+/g)].map(([metric]) => metric)))
    expect(shown.length).toBeGreaterThan(panels.length - 1)
    expect([...new Set(shown)].filter((metric) => !known.has(metric))).toEqual([])
  })

  /** A metric's labels, by its name in Prometheus. */
  const labels = new Map(createMetrics().registry.getMetricsAsArray().flatMap((metric) =>
    ['', '_bucket', '_sum', '_count'].map((end) => [metric.name + end, (metric as unknown as { labelNames: string[] }).labelNames] as const)))
  const targets = panels.flatMap((panel) => panel.targets.map(({ expr, legendFormat }) => [panel.title, expr, legendFormat] as const))

  test.each(targets)('%s: it asks for labels that there are, and names series by labels that are left: %s', (_title, expr, legendFormat) => {
    const metrics = [...expr.matchAll(/\b(?:customerio_worker|nodejs|process)_\w+/g)].map(([metric]) => metric)
    const had = new Set(['instance', ...metrics.flatMap((metric) => [...(labels.get(metric) ?? []), ...(metric.endsWith('_bucket') ? ['le'] : [])])])
    const grouped = [...expr.matchAll(/ by \((.+?)\)/g)].flatMap(([, names]) => (names as string).split(', '))
    const selected = [...expr.matchAll(/[{,](\w+)[!=]/g)].map(([, label]) => label as string)
    expect([...grouped, ...selected].filter((label) => !had.has(label))).toEqual([])
    const left = / by \(/.test(expr) ? new Set(grouped) : /^\w+\(/.test(expr) ? new Set() : had
    const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label)
    expect(named.filter((label) => !left.has(label))).toEqual([])
  })

  test('its panels have ids of their own, do not overlap, and ask the datasource that is provisioned', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`))
    expect(new Set(cells).size).toBe(cells.length)
    const provisioned = readFileSync('docker/grafana/provisioning/datasources/prometheus.yml', 'utf8')
    for (const { datasource } of panels) expect(provisioned).toContain(`uid: ${datasource.uid}\n`)
  })
})
