// In the place of prometheus-adapter: serves external metrics to the HPA by the rules that the chart ships for it.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { client } from '../support/kubernetes/client.ts'
import { certificateAuthority } from '../support/kafka/certificates.ts'
import type { Cluster } from './cluster.ts'
import { listenAddress } from './outside.ts'
import { until } from './until.ts'

const RULES = 'helm/customerio-worker/files/adapter-rules.yaml'
const GROUP = 'external.metrics.k8s.io'
const VERSION = 'v1beta1'
const API_SERVICE = `${VERSION}.${GROUP}`
const SERVICE = 'external-metrics'
const SERVES_WITHIN_MS = 60_000

interface Rule {
  name: { matches: string; as: string }
  metricsQuery: string
}

/** The query of a metric. Pure. */
export function queryOf(rules: readonly Rule[], metric: string, labels: ReadonlyMap<string, string>): string | undefined {
  const rule = rules.find(({ name }) => name.as === metric)
  const matchers = [...labels].map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')
  return rule?.metricsQuery.replace('<<.Series>>', rule.name.matches.replaceAll(/[\^$]/g, '')).replace('<<.LabelMatchers>>', matchers)
}

/** As Kubernetes writes a number. Pure. */
export const quantityOf = (value: number): string => (Number.isInteger(value) ? String(value) : `${Math.round(value * 1_000)}m`)

/**
 * Puts itself behind the API server in the place of whoever serves external metrics there.
 * @returns the way to undo that
 */
export async function openAdapter({ host, namespace, kubectl, serves }: Cluster, prometheus: string): Promise<() => Promise<void>> {
  const { externalRules } = client.loadYaml<{ externalRules: Rule[] }>(await readFile(RULES, 'utf8'))
  const authority = certificateAuthority('e2e')
  const { cert, key } = authority.issue(SERVICE, [`${SERVICE}.${namespace}.svc`])
  const server = createServer({ cert, key }, (request, response) => {
    void answer(externalRules, new URL(request.url ?? '/', 'https://adapter'), prometheus).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  })
  await once(server.listen(0, listenAddress(host)), 'listening')
  const { port } = server.address() as AddressInfo

  const before = await kubectl(['get', 'apiservice', API_SERVICE, '--ignore-not-found', '-o', 'json'])
  const undo = async (): Promise<void> => {
    await kubectl(['delete', 'apiservice', API_SERVICE, '--ignore-not-found'])
    if (before !== '') await kubectl(['apply', '-f', '-'], JSON.stringify(bare(JSON.parse(before) as Applied)))
    server.closeAllConnections()
    server.close()
  }
  const spec = {
    group: GROUP, version: VERSION, groupPriorityMinimum: 100, versionPriority: 100,
    caBundle: Buffer.from(authority.cert).toString('base64'), service: { name: SERVICE, namespace, port },
  }
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: SERVICE, namespace }, spec: { type: 'ExternalName', externalName: host, ports: [{ port }] } }
  const api = { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: API_SERVICE }, spec }
  try {
    await kubectl(['delete', 'apiservice', API_SERVICE, '--ignore-not-found'])
    await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [service, api] }))
    await until('the API server has the external metrics', SERVES_WITHIN_MS, async () => serves(API_SERVICE))
  } catch (error) {
    await undo()
    throw error
  }
  return undo
}

interface Applied { apiVersion: string; kind: string; metadata: { name: string; labels?: unknown }; spec: unknown }
const bare = ({ apiVersion, kind, metadata: { name, labels }, spec }: Applied) => ({ apiVersion, kind, metadata: { name, labels }, spec })

interface Answer { status: number; body: object }

async function answer(rules: readonly Rule[], { pathname, searchParams }: URL, prometheus: string): Promise<Answer> {
  const [, , , , , namespace, metric] = pathname.split('/')
  const list = (kind: string, rest: object) => ({ status: 200, body: { kind, apiVersion: pathname.includes(GROUP) ? `${GROUP}/${VERSION}` : 'v1', ...rest } })
  if (namespace === undefined || metric === undefined) {
    const resources = rules.map(({ name }) => ({ name: name.as, singularName: '', namespaced: true, kind: 'ExternalMetricValueList', verbs: ['get'] }))
    return list('APIResourceList', { apiVersion: 'v1', groupVersion: `${GROUP}/${VERSION}`, resources })
  }
  const pairs = (searchParams.get('labelSelector') ?? '').split(',').filter(Boolean).map((pair) => pair.split('=', 2) as [string, string])
  const query = queryOf(rules, metric, new Map([['namespace', namespace], ...pairs]))
  if (query === undefined) return failure(404, 'NotFound', `no rule for ${metric}`)
  try {
    const found = await (await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`)).json() as Found
    const timestamp = new Date().toISOString()
    return list('ExternalMetricValueList', {
      metadata: {},
      items: found.data.result.map(({ metric: metricLabels, value: [, value] }) => ({ metricName: metric, metricLabels, timestamp, value: quantityOf(Number(value)) })),
    })
  } catch (error) {
    return failure(503, 'ServiceUnavailable', String(error))
  }
}

interface Found { data: { result: { metric: Record<string, string>; value: [number, string] }[] } }

const failure = (status: number, reason: string, message: string): Answer =>
  ({ status, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, reason, message } })
