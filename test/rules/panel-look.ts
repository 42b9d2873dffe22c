// Whether the dashboard's panels show anything: each query, as Grafana sends it, at a Prometheus that has watched a run.

import { setTimeout as wait } from 'node:timers/promises'
import { asAsked, panels } from './dashboard.ts'
import { metricsOf } from './promql.ts'

/** What may show nothing in a good run, by the beginning of a metric's name, and why. */
const EMPTY_BY_RIGHT: readonly (readonly [string, string])[] = [
  ['ALERTS', 'no alert fires in a good run'],
  ['kube_horizontalpodautoscaler_', 'needs kube-state-metrics and an HPA'],
  ['customerio_worker_share_', 'only with the share kubernetes'],
  ['customerio_worker_slots_quarantined', 'only with the share kubernetes'],
]

export interface Look {
  panel: string
  expr: string
  /** Series with a number in them. */
  series: number
  /** Why it may be 0; undefined if it may not. */
  emptyByRight: string | undefined
}

export interface Answer { resultType: string; result: { metric: Record<string, string>; values: [number, string][] }[] }

/** Asks an API of Prometheus. @throws Error with what Prometheus says */
export async function askPrometheus<T>(url: string, path: string, query: Record<string, string> = {}): Promise<T> {
  const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`)
  const answer = await response.json() as { status: string; data: T; error?: string }
  if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error}`)
  return answer.data
}

/** Asks for every query over the last `seconds`, as a panel would. */
export async function lookAtPanels(url: string, seconds: number): Promise<Look[]> {
  const end = Date.now() / 1_000
  const range = { start: String(end - seconds), end: String(end), step: '5' }
  const looks: Look[] = []
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const { result } = await askPrometheus<Answer>(url, 'query_range', { query: asAsked(expr), ...range })
      const series = result.filter(({ values }) => values.some(([, value]) => value !== 'NaN')).length
      looks.push({ panel: title, expr, series, emptyByRight: whyEmpty(expr) })
    }
  }
  return looks
}

function whyEmpty(expr: string): string | undefined {
  const names = metricsOf(expr)
  return EMPTY_BY_RIGHT.find(([beginning]) => names.some((name) => name.startsWith(beginning)))?.[1]
}

interface RuleGroup { rules: { name: string; health: string; lastError?: string }[] }

/** Rules that a running Prometheus could not evaluate, with what it says; once it has tried all of them. */
export async function faultyRules(url: string): Promise<string[]> {
  for (;;) {
    const { groups } = await askPrometheus<{ groups: RuleGroup[] }>(url, 'rules')
    const rules = groups.flatMap((group) => group.rules)
    if (rules.every(({ health }) => health !== 'unknown')) return rules.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => `${name}: ${lastError}`)
    await wait(500)
  }
}
