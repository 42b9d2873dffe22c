// What metrics there are: the worker's own, those that rules record, and those of others that a dashboard may ask for.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { createMetrics } from '../../src/metrics.ts'
import { metricsOf } from './promql.ts'

export const FILES = 'helm/customerio-worker/files'
export const RUNBOOKS = 'docs/runbooks'

export interface Rule {
  record?: string
  alert?: string
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}
interface Group { name: string; interval: string; rules: Rule[] }

export const groups = (parse(readFileSync(`${FILES}/rules.yaml`, 'utf8')) as { groups: Group[] }).groups
export const rules: readonly Rule[] = groups.flatMap((group) => group.rules)
export const alerts = rules.filter((rule): rule is Rule & { alert: string } => rule.alert !== undefined)
export const recorded: ReadonlySet<string> = new Set(rules.flatMap(({ record }) => record ?? []))

/** An expression, and those of all rules that it builds on. */
export function withRecorded(expr: string, known: readonly string[] = []): string[] {
  const next = rules.filter(({ record }) => record && !known.includes(record) && metricsOf(expr).includes(record))
  const met = [...known, ...next.map(({ record }) => record as string)]
  return [expr, ...next.flatMap((rule) => withRecorded(rule.expr, met))]
}

/** Of Prometheus itself and of kube-state-metrics. */
export const FOREIGN: ReadonlySet<string> = new Set([
  'up', 'ALERTS', 'scrape_duration_seconds', 'kube_horizontalpodautoscaler_status_desired_replicas', 'kube_horizontalpodautoscaler_spec_max_replicas',
])

interface Declared { name: string; labelNames: string[]; constructor: { name: string }; upperBounds?: number[] }
/** The worker's, and those of its process, by the names that they have in Prometheus: a histogram has three. */
export const exported = new Map((createMetrics().registry.getMetricsAsArray() as unknown as Declared[]).flatMap((metric) =>
  (metric.constructor.name === 'Histogram' ? ['_bucket', '_sum', '_count'] : ['']).map((end) => [metric.name + end, metric] as const)))

export const isKnown = (name: string): boolean => exported.has(name) || recorded.has(name) || FOREIGN.has(name)

/** Labels that Prometheus puts to every series of a worker, and those of rules and alerts. */
const OF_ALL = ['namespace', 'job', 'pod', 'instance', 'le', 'alertname', 'alertstate', 'severity', '__name__']
const OF_KUBERNETES = ['horizontalpodautoscaler']
const OF_WORKER = [...exported].filter(([name]) => name.startsWith('customerio_worker_')).flatMap(([, { labelNames }]) => labelNames)
export const knownLabels: ReadonlySet<string> = new Set([...OF_ALL, ...OF_KUBERNETES, ...OF_WORKER])
