import { readFileSync } from 'node:fs'
import { limitsByEnvironment } from '../../src/api-limits.ts'
import { KEYS, type Key, type KeyDeclaration } from '../../src/config-keys.ts'
import { readConfig } from '../../src/config.ts'
import { LARGEST_BATCH } from '../../src/delivery/batcher.ts'
import { HOLDS } from '../../src/delivery/hold.ts'
import { apiOf } from '../../src/delivery/operations.ts'
import { GIVEN_UP_REASONS } from '../../src/delivery/policy.ts'
import { LIMITS } from '../../src/event-limits.ts'
import { deliveredTypes, type EventType } from '../../src/event-schema.ts'
import { INVALID_REASONS } from '../../src/event.ts'
import { LETTER_HEADERS } from '../../src/kafka/dead-letter.ts'
import { parseLedger, type Ledger } from '../../src/limiter/kubernetes/ledger.ts'
import { LedgerMember } from '../../src/limiter/kubernetes/ledger-member.ts'
import { createMetrics } from '../../src/metrics.ts'
import { createStatus } from '../../src/status.ts'
import { failed, postOf } from './delivery/post.ts'
import { pass, useFakeTime } from './fake-time.ts'
import { chartRules } from '../support/kubernetes/role.ts'

const page = (name: string): string => readFileSync(`docs/${name}.md`, 'utf8')

/** Rows of all tables of a page whose first heading is `heading`: their cells, with `|` and backticks as a reader sees them. */
function rowsUnder(heading: string, text: string): string[][] {
  const rows: string[][] = []
  let within = false
  for (const line of text.split('\n')) {
    const cells = line.startsWith('|') ? line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|').replaceAll('`', '')) : undefined
    if (!cells) within = false
    else if (within && !cells.every((cell) => /^-+$/.test(cell))) rows.push(cells)
    else if (cells[0] === heading) within = true
  }
  return rows
}

/** Labels of each metric, by its name in Prometheus: of a histogram that has more than one. */
const labelsOf = new Map(createMetrics().registry.getMetricsAsArray().flatMap((metric) => {
  const { name, labelNames, constructor } = metric as unknown as { name: string; labelNames: string[]; constructor: { name: string } }
  return (constructor.name === 'Histogram' ? ['', '_bucket', '_sum', '_count'] : ['']).map((end) => [name + end, labelNames] as const)
}))
const declarations = Object.entries(KEYS) as [Key, KeyDeclaration][]
/** Each secret, and its other name, can be a file. */
const files = declarations.flatMap(([key, { secret, alias }]) => (secret ? [`${key}_FILE`, ...(alias ? [`${alias}_FILE`] : [])] : []))
const names = new Set([...Object.keys(KEYS), ...declarations.flatMap(([, { alias }]) => alias ?? []), ...files])
const keysIn = (text: string): string[] => [...text.matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)].map(([name]) => name)

describe('docs/configuration.md', () => {
  const text = page('configuration')
  const rows = rowsUnder('Key', text)
  const required = new Set(['KAFKA_BROKERS', 'CUSTOMERIO_SITE_ID', 'CUSTOMERIO_API_KEY', 'CUSTOMERIO_REGION'])

  test('has every key, once, and no other', () => {
    expect(rows.map(([key]) => key).toSorted()).toEqual(Object.keys(KEYS).toSorted())
  })

  test.each(declarations)('%s: default, what is allowed, whether it is a secret', (key, declaration) => {
    const [, byDefault, allowed, about] = rows.find(([name]) => name === key) ?? []
    expect(byDefault).toBe(declaration.default ?? (required.has(key) ? '*required*' : ''))
    expect(allowed).toBe(declaration.allowed)
    expect(about?.includes('**Secret.**')).toBe(declaration.secret ?? false)
    expect(about?.includes(`Also read as ${declaration.alias}.`)).toBe(declaration.alias !== undefined)
  })

  const environment = { KAFKA_BROKERS: 'kafka:9092', CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'key', CUSTOMERIO_REGION: 'eu' }

  test('tells the limits of each API, by the settings and as they are by default', () => {
    const [settings, ...defaults] = rowsUnder('API', text).filter((cells) => cells.length === 5)
    expect(settings).toEqual(['track', 'RATE_LIMIT', 'RATE_LIMIT_RESERVE', 'RATE_LIMIT_WINDOW_MS', 'RATE_LIMIT_UNIT'])
    const others = Object.entries(limitsByEnvironment(readConfig(environment))).filter(([api]) => api !== 'track')
    expect(defaults).toEqual(others.map(([api, { limit, reserve, windowMs, unit }]) => [api, limit, reserve, windowMs, unit].map(String)))
  })

  test('tells the types of each API', () => {
    const told = rowsUnder('API', text).filter((cells) => cells.length === 4)
    const typesOf = (api: string): string[] => [...deliveredTypes].filter((type) => apiOf(type as EventType) === api)
    const ofApp = ['transactional', 'broadcast'].map((api) => [api, typesOf(api).join(', ')])
    expect(told.map(([api, types]) => [api, types])).toEqual([['track', 'All others.'], ...ofApp])
    expect(KEYS.APIS.allowed).toBe(`${told.map(([api]) => api).join(' | ')}, several separated by commas`)
  })

  test('its example for broadcasts is enough to start', () => {
    const [, example] = /```sh\n(APIS=broadcast\n.*?)```/s.exec(text) as RegExpExecArray
    const pairs = [...(example as string).matchAll(/^(\w+)=(\S+)/gm)].map(([, key, value]) => [key as string, value as string] as const)
    const config = readConfig({ ...environment, ...Object.fromEntries(pairs) }, () => 'an App API key\n')
    expect([config.APIS, config.CUSTOMERIO_APP_API_KEY]).toEqual([['broadcast'], 'an App API key'])
  })

  test('speaks of batches of the size that they have', () => {
    for (const bytes of [LIMITS.operation, LARGEST_BATCH]) expect(text).toContain(`${bytes.toLocaleString('en-US')} bytes`)
  })

  test('tells the file form of every secret', () => {
    const named = new Set(keysIn(text))
    expect(files.filter((name) => !named.has(name))).toEqual([])
  })
})

describe('docs/metrics.md', () => {
  const text = page('metrics')
  const rows = rowsUnder('Metric', text)
  const metrics = createMetrics().registry.getMetricsAsArray().filter(({ name }) => name.startsWith('customerio_worker_'))
    .map((metric) => metric as unknown as { name: string; help: string; labelNames: string[]; constructor: { name: string } })

  test('has every metric, once, and no other', () => {
    expect(rows.map(([name]) => name).toSorted()).toEqual(metrics.map(({ name }) => name).toSorted())
  })

  test.each(metrics.map((metric) => [metric.name, metric] as const))('%s: type, labels and help', (name, metric) => {
    expect(rows.find(([named]) => named === name)?.slice(1)).toEqual([metric.constructor.name.toLowerCase(), metric.labelNames.join(', '), metric.help])
  })

  test('has every reason that holds sending, in their order', () => {
    expect(rowsUnder('Reason', text).map(([reason]) => reason)).toEqual([...HOLDS])
  })

  describe('the answer of /readyz?verbose', () => {
    useFakeTime()

    test('has the fields that it has', async () => {
      const { publish, delivery, limiter, breaker, gate, deadLetters, quota, announcer } = postOf({ attempt: () => failed })
      publish('u1', 'e1')
      await pass(100)
      const intake = { partitions: () => [0], pending: { records: 1, bytes: 10 }, pausedPartitions: 0 }
      const ledger = { standing: 'leased' as const, ageMs: 1, members: 1, rank: 0, quarantined: { track: 0 }, open: true }
      const { report } = createStatus({
        group: () => ({ stopping: false, joined: true, generation: 7, assigned: 7, fenced: false }), channels: [{ api: 'track', delivery, limiter, breaker, gate }],
        intake, deadLetters, quota, source: { ledger: () => ledger }, lag: () => 1, concurrency: 10, announcer, clock: () => performance.now(),
      })
      const [, shown] = /```json\n(.*?)```/s.exec(text) as RegExpExecArray
      expect(fieldsOf(JSON.parse(shown as string))).toEqual(['ready', 'why', ...fieldsOf(report())])
    })
  })
})

/** Paths of all fields, in their order. */
function fieldsOf(value: unknown, path: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path.join('.')]
  return Object.entries(value).flatMap(([name, field]) => fieldsOf(field, [...path, name]))
}

describe('docs/dead-letters.md', () => {
  const text = page('dead-letters')

  test('has every header, once, and no other', () => {
    expect(rowsUnder('Header', text).map(([name]) => name)).toEqual(Object.values(LETTER_HEADERS))
    const named = new Set([...text.matchAll(/cio-dlq-[a-z-]*[a-z]/g)].map(([name]) => name))
    expect([...named].toSorted()).toEqual(Object.values(LETTER_HEADERS).toSorted())
  })

  test('has every reason, once, and no other, each with what it means and what to do', () => {
    const rows = rowsUnder('Reason', text)
    expect(rows.map(([reason]) => reason)).toEqual([...INVALID_REASONS, ...GIVEN_UP_REASONS])
    for (const row of rows) expect(row.map((cell) => cell.length > 5)).toEqual([true, true, true])
  })
})

test.each(['configuration', 'metrics', 'dead-letters', 'security', 'autoscaling'])('docs/%s.md speaks of no key, metric or page that does not exist', (name) => {
  const text = page(name)
  expect(keysIn(text).filter((key) => !names.has(key))).toEqual([])
  const metrics = [...text.matchAll(/\bcustomerio_worker_[a-z_]+/g)].map(([metric]) => metric)
  expect(metrics.filter((metric) => !labelsOf.has(metric))).toEqual([])
  const pages = [...text.matchAll(/\]\(([a-z-]+)\.md\)/g)].map(([, linked]) => linked as string)
  for (const linked of pages) expect(page(linked)).toMatch(/^# /)
})

const PAGES = ['configuration', 'metrics', 'dead-letters', 'security', 'limiter', 'events', 'behaviour', 'autoscaling']

test.each(PAGES)('docs/%s.md asks metrics only for labels that they have', (name) => {
  const asked = [...page(name).matchAll(/(\w+)\{(\w+=~?"[^}]*)\}/g)].map(([, metric, selectors]) =>
    ({ metric: (metric as string).replace('customerio_worker_', ''), labels: [...(selectors as string).matchAll(/(\w+)=/g)].map(([, label]) => label as string) }))
  expect(asked.filter(({ metric, labels }) => labels.some((label) => !labelsOf.get(`customerio_worker_${metric}`)?.includes(label)))).toEqual([])
})

test.each(PAGES)('docs/%s.md links only to sections that there are', (name) => {
  const anchorOf = (heading: string): string => heading.toLowerCase().replaceAll(/[^\w\- ]/g, '').replaceAll(' ', '-')
  const anchorsOf = (text: string): string[] => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading as string))
  const links = [...page(name).matchAll(/\]\(([a-z-]*)(?:\.md)?#([^)]+)\)/g)].map(([, linked, anchor]) => [linked || name, anchor] as [string, string])
  expect(links.filter(([linked, anchor]) => !anchorsOf(page(linked)).includes(anchor))).toEqual([])
})

describe('docs/limiter.md', () => {
  const text = page('limiter')

  test('asks for the Role that the tests run with, and no more', () => {
    const list = (names: string | undefined): string[] => (names ?? '').split(', ').filter(Boolean).map((name) => name.replaceAll('"', ''))
    const told = [...text.matchAll(/- \{ apiGroups: \[(.*?)\], resources: \[(.*?)\],(?: resourceNames: \[(.*?)\],)? verbs: \[(.*?)\] \}/g)]
      .flatMap(([, groups, resources, names, verbs]) => list(resources).map((resource) => [list(groups)[0] ?? '', resource, list(names), list(verbs)]))
    const asked = chartRules('<deployment>').flatMap(({ apiGroups, resources, resourceNames = [], verbs }) =>
      (resources ?? []).map((resource) => [apiGroups?.[0] === '""' ? '' : apiGroups?.[0], resource, resourceNames, verbs]))
    expect(told.toSorted()).toEqual(asked.toSorted())
  })

  test('shows an open ledger of which the first process has everything', () => {
    const [, shown] = /customerio-worker\/slots: '(.*)'/.exec(text) as RegExpExecArray
    const terms = { leaseMs: 1, outageMs: 1, outagePart: 0, renewMs: 1, windowMs: 1, latestArrivalMs: 1, longestPauseMs: 1 }
    const member = new LedgerMember({ name: 'a', pod: 'p', terms })
    const step = (ledger: Ledger) => member.step({ ledger, uid: '1', receivedAt: 0, isNew: false }, { track: { limit: 80, held: 0, wanted: 0 } }) as Ledger
    const next = step(step(parseLedger(shown as string)))
    expect(next.entries[0]?.claims['track']?.granted).toBe(80)
  })
})
