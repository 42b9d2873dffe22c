// The dashboard's JSON, as far as tests and the check of panels read it.

import { readFileSync } from 'node:fs'
import { FILES } from './names.ts'

export interface Target { refId: string; expr: string; legendFormat: string; datasource: { uid: string } }
export interface Panel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: { uid: string }
  targets?: Target[]
  links?: { title: string; url: string }[]
}
export interface Variable { name: string; type: string; query: string | { query: string }; allValue?: string }

interface Dashboard {
  panels: Panel[]
  templating: { list: Variable[] }
  annotations: { list: { expr: string }[] }
}

export const dashboard = JSON.parse(readFileSync(`${FILES}/dashboard.json`, 'utf8')) as Dashboard

/** Those that show something. */
export const panels = dashboard.panels.filter((panel): panel is Panel & { targets: Target[] } => panel.targets !== undefined)

/** A query as Grafana sends it when everything is chosen. */
export function asAsked(expr: string): string {
  const values: Record<string, string> = { __rate_interval: '1m', __interval: '15s', __range: '15m' }
  for (const { name, allValue } of dashboard.templating.list) values[name] = allValue ?? ''
  return expr.replaceAll(/\$\{?(\w+)\}?/g, (whole, name: string) => values[name] ?? whole)
}
