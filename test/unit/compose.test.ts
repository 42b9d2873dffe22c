// docker/compose.yml and what it mounts, held against the worker and the chart: settings, files.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KEYS } from '../../src/config-keys.ts'
import { readConfig } from '../../src/config.ts'
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

test('Prometheus has the rules of the chart, Grafana its dashboard and the datasource that it asks for', () => {
  const mounts = new Map([...compose.matchAll(/^ +- (\.\.?\/[^:]+):([^:]+):ro$/gm)].map(([, path, at]) => [at, join('docker', path as string)] as const))
  const [, rules] = /^rule_files: \[(.+)\]$/m.exec(readFileSync('docker/prometheus.yml', 'utf8')) ?? []
  expect(mounts.get(rules)).toBe('helm/customerio-worker/files/rules.yaml')
  const [, folder] = /^ +path: (.+)$/m.exec(readFileSync('docker/grafana/provisioning/dashboards/files.yml', 'utf8')) ?? []
  expect(mounts.get(`${folder}/customerio-worker.json`)).toBe('helm/customerio-worker/files/dashboard.json')
  expect(readFileSync('docker/grafana/provisioning/datasources/prometheus.yml', 'utf8')).toContain('type: prometheus\n')
})

test('Prometheus gives the labels by which rules and dashboard tell workers apart', () => {
  const prometheus = readFileSync('docker/prometheus.yml', 'utf8')
  for (const label of ['namespace', 'pod']) expect(prometheus).toContain(`target_label: ${label}`)
})
