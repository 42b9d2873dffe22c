// What is made from the chart is up to date, and what the chart says twice it says alike.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { CHART, chartFiles, staleManifests } from '../../scripts/chart-files.ts'
import { limitsByEnvironment } from '../../src/api-limits.ts'
import { KEYS, type Key, type KeyDeclaration } from '../../src/config-keys.ts'
import { readConfig } from '../../src/config.ts'
import { tools, withHelm } from './chart.ts'

interface Schema { description?: string; $ref?: string; properties?: Record<string, Schema>; definitions?: Record<string, Schema>; items?: { enum?: string[] } }

const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema
const values = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as Record<string, unknown>
const declarations = Object.entries(KEYS) as [Key, KeyDeclaration][]
const templates = readdirSync(`${CHART}/templates`, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name)).map((name) => readFileSync(`${CHART}/templates/${name}`, 'utf8')).join('\n')

withHelm('make chart', () => {
  let files: Map<string, string>
  beforeAll(() => { files = chartFiles(tools!.helm) })

  test('has nothing to do: settings in the schema, README.md and k8s/ are up to date', () => {
    const changed = [...files].filter(([path, content]) => !existsSync(path) || readFileSync(path, 'utf8') !== content).map(([path]) => path)
    expect([...changed, ...staleManifests(files)]).toEqual([])
  })

  test('README.md tells every value', () => {
    const readme = files.get(`${CHART}/README.md`)!
    expect(Object.keys(values).filter((name) => !new RegExp(`^\\| (\\*\\*)?\`${name}[.\`]`, 'm').test(readme))).toEqual([])
  })
})

test('the chart is of the worker\'s version', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8'))).toMatchObject({ appVersion: version, version })
})

/** Every property with its path; maps of Kubernetes and settings have none. */
function* propertiesOf(node: Schema, path: string[] = []): Generator<[string, Schema]> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    yield [[...path, name].join('.'), child]
    yield* propertiesOf(child.$ref ? schema.definitions![child.$ref.split('/').at(-1)!]! : child, [...path, name])
  }
}

test('every value is described, and every default is in the schema', () => {
  const described = new Map(propertiesOf(schema))
  expect([...described].filter(([, { description, $ref }]) => !description && !$ref).map(([path]) => path)).toEqual([])
  const paths = (value: unknown, path: string[]): string[] => {
    const node = described.get(path.join('.'))
    const inner = node?.properties && !/secret\.values/.test(path.join('.')) ? Object.entries(value as object).flatMap(([name, child]) => paths(child, [...path, name])) : []
    return [path.join('.'), ...inner]
  }
  expect(Object.entries(values).flatMap(([name, value]) => paths(value, [name])).filter((path) => !described.has(path))).toEqual([])
})

test('the keys of the secret are the worker\'s secrets, its PEM files, and who logs in', () => {
  const keys = schema.properties!.secret!.properties!
  const secrets = declarations.filter(([, { secret }]) => secret).map(([key]) => key as string)
  const pem = declarations.filter(([, { file }]) => file).map(([key]) => key.replace(/_FILE$/, ''))
  const expected = [...secrets, ...pem, 'CUSTOMERIO_SITE_ID', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_OAUTH_CLIENT_ID'].toSorted()
  expect(keys.keys!.items!.enum!.toSorted()).toEqual(expected)
  expect(Object.keys(keys.values!.properties!).toSorted()).toEqual(expected)
  // a secret among the settings is refused by name
  const [, refused] = /\$secrets := list ((?:"\w+" ?)+)/.exec(templates) ?? []
  expect(refused!.match(/\w+/g)!.toSorted()).toEqual(secrets.toSorted())
})

test('the defaults that the checks count with are the worker\'s', () => {
  const counted = [...templates.matchAll(/"customerio-worker\.number" \(list [^ ]+ "(\w+)" (\d+)\)/g)].map(([, key, value]) => [key, value])
  expect(counted.length).toBeGreaterThan(8)
  expect(counted.filter(([key, value]) => (KEYS[key as Key] as KeyDeclaration).default !== value)).toEqual([])
  const limits = limitsByEnvironment(readConfig({ KAFKA_BROKERS: 'k:1', CUSTOMERIO_SITE_ID: 's', CUSTOMERIO_API_KEY: 'k', CUSTOMERIO_REGION: 'eu' }))
  const [, pairs] = /\$limit := get \(dict (.*?)\)/.exec(templates) ?? []
  expect(Object.fromEntries([...pairs!.matchAll(/"(\w+)" (\d+)/g)].map(([, api, limit]) => [api, Number(limit)]))).toEqual(
    { track: limits.track.limit, transactional: limits.transactional.limit, broadcast: limits.broadcast.limit })
  expect(/get \(dict "broadcast" (\d+)\) \. \| default (\d+)/.exec(templates)?.slice(1).map(Number)).toEqual([limits.broadcast.windowMs, limits.transactional.windowMs])
  for (const [key, name] of [['KAFKA_TOPIC', 'customerio-events'], ['KAFKA_DLQ_TOPIC', 'customerio-events-dlq'], ['KAFKA_GROUP_ID', 'customerio-workers']] as const) {
    expect(templates).toContain(`"${key}" | default "${name}"`)
    expect(KEYS[key].default).toBe(name)
  }
})
