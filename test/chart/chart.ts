import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { parse, parseAllDocuments } from 'yaml'
import { CHART } from '../../scripts/chart-files.ts'
import { findTools, type Tools } from '../support/helm.ts'

export type Values = Readonly<Record<string, unknown>>

/** An object of Kubernetes, as far as tests look into it. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a test asks for is there, or the test is red
export type Manifest = { kind: string; apiVersion: string; metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> } } & Record<string, any>

const found = findTools()
if ('missing' in found) console.warn(`${found.missing} The tests of the chart are skipped.`)

/** Whether there is a Helm: without one the tests that need it are skipped. */
export const tools: Tools | undefined = 'missing' in found ? undefined : found
export const withHelm: Pick<jest.Describe, 'each'> & ((name: string, tests: () => void) => void) = tools ? describe : describe.skip

/** The least that has to be given. */
export const LEAST: Values = { settings: { KAFKA_BROKERS: 'kafka:9092', CUSTOMERIO_REGION: 'eu' }, secret: { existingName: 'customerio' } }

export const casesOf = (): string[] => readdirSync(`${CHART}/ci`).filter((name) => name.endsWith('-values.yaml')).map((name) => `${CHART}/ci/${name}`)

export const valuesOf = (file: string): Values => parse(readFileSync(file, 'utf8')) as Values

/** `over` goes before `values`, map by map. */
export const merged = (values: Values, over: Values): Values => {
  const isMap = (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value)
  return { ...values, ...Object.fromEntries(Object.entries(over).map(([key, value]) => [key, isMap(value) && isMap(values[key]) ? merged(values[key], value) : value])) }
}

/** Runs Helm, with the values on its standard input for `-f -`. */
export const helm = (args: readonly string[], values: Values = {}, environment: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = spawnSync(tools!.helm, args, { input: JSON.stringify(values), encoding: 'utf8', maxBuffer: 2 ** 26, env: { ...process.env, ...environment } })
  return { status, stdout, stderr }
}

const rendered = new Map<string, ReturnType<typeof helm>>()
/** The same values are rendered once. */
const template = (values: Values, release: string) => {
  const key = JSON.stringify([release, values])
  const done = rendered.get(key) ?? helm(['template', release, CHART, '-n', 'shop', '-f', '-'], values)
  rendered.set(key, done)
  return done
}

export const manifestsOf = (text: string): Manifest[] => parseAllDocuments(text).map((document) => document.toJS() as Manifest).filter(Boolean)

/** What is rendered with just these values. @throws Error with what Helm said */
export const renderAll = (values: Values, release = 'customerio-worker'): Manifest[] => {
  const { status, stdout, stderr } = template(values, release)
  if (status !== 0) throw new Error(stderr)
  return manifestsOf(stdout)
}

/** What is rendered with `over` on top of the least. @throws Error with what Helm said */
export const render = (over: Values = {}, release?: string): Manifest[] => renderAll(merged(LEAST, over), release)

/** The sentences with which it is refused. */
export const faultsOf = (over: Values): string[] => {
  const { stderr } = template(merged(LEAST, over), 'customerio-worker')
  return [...stderr.matchAll(/^- (.*)$/gm)].map(([, sentence]) => sentence as string)
}

/** What the schema has against it. */
export const schemaFaults = (over: Values): string => template(merged(LEAST, over), 'customerio-worker').stderr

/** The only object of this kind (and name). */
export const only = (objects: readonly Manifest[], kind: string, name?: string): Manifest => {
  const those = objects.filter((object) => object.kind === kind && (name === undefined || object.metadata.name === name))
  if (those.length !== 1) throw new Error(`${those.length} of ${kind} ${name ?? ''}, not 1`)
  return those[0]!
}

export const podOf = (objects: readonly Manifest[], name = 'customerio-worker') => only(objects, 'Deployment', name).spec.template

/** Environment of the worker's container, by name. */
export const environmentOf = (objects: readonly Manifest[], name?: string): Record<string, { value?: string; valueFrom?: unknown }> =>
  Object.fromEntries(podOf(objects, name).spec.containers[0].env.map((entry: { name: string }) => [entry.name, entry]))
