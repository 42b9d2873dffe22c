import { existsSync } from 'node:fs'
import { asAsked, dashboard, panels } from './dashboard.ts'
import { exported, FOREIGN, isKnown, knownLabels, RUNBOOKS, rules, withRecorded } from './names.ts'
import { labelsOf, metricsOf } from './promql.ts'

const queries = panels.flatMap(({ title, targets }) => targets.map(({ expr, legendFormat }) => [title, expr, legendFormat] as const))
const ROWS = ['Is it keeping up?', 'Is the limit used?', 'What fails?', 'What did the autoscaler do?', 'The processes']
/** Put there by Prometheus. */
const OF_TARGETS = ['namespace', 'job', 'pod', 'instance']

/** Labels of the series of a metric, recorded ones too. */
function labelsOfMetric(name: string): string[] {
  const recorded = rules.find(({ record }) => record === name)
  if (recorded) return withRecorded(recorded.expr).flatMap(labelsOf)
  return [...OF_TARGETS, ...(exported.get(name)?.labelNames ?? []), ...(name.endsWith('_bucket') ? ['le'] : []), ...(FOREIGN.has(name) ? [...knownLabels] : [])]
}

test('a row is a question', () => {
  expect(dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual(ROWS)
})

test('its panels have ids and titles of their own, and do not overlap', () => {
  const { panels: all } = dashboard
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
  expect(new Set(all.map(({ title }) => title)).size).toBe(all.length)
  expect(all.filter(({ title, description, type }) => type !== 'row' && !(title && description?.endsWith('.')))).toEqual([])
  const cells = all.flatMap(({ gridPos: { x, y, w, h } }) => Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`))
  expect(new Set(cells).size).toBe(cells.length)
  expect(all.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
})

test('every panel asks the datasource that is chosen, for the namespace and the group that are chosen', () => {
  expect(panels.filter(({ datasource, targets }) => [datasource, ...targets.map((target) => target.datasource)].some((of) => of?.uid !== '${datasource}'))).toEqual([])
  expect(queries.filter(([, expr]) => !expr.includes('namespace=~"$namespace"') || !expr.includes('$job'))).toEqual([])
  // each metric of an API by itself
  expect(queries.filter(([, expr]) => metricsOf(expr).some((name) => exported.get(name)?.labelNames.includes('api')) && !expr.includes('api=~"$api"'))).toEqual([])
})

test('it knows the variables that it asks with', () => {
  const declared = new Set([...dashboard.templating.list.map(({ name }) => name), '__rate_interval', '__range'])
  const used = [...JSON.stringify(dashboard).matchAll(/\$\{?([a-z_]+)/g)].map(([, name]) => name as string)
  expect([...new Set(used)].filter((name) => !declared.has(name) && name !== '__all')).toEqual([])
  expect(queries.map(([, expr]) => asAsked(expr)).filter((expr) => expr.includes('$'))).toEqual([])
})

test.each([...queries, ...dashboard.annotations.list.map(({ expr }) => ['annotation', expr, ''] as const)])('%s: it asks for what there is: %s', (_title, expr, legendFormat) => {
  const metrics = metricsOf(expr)
  expect(metrics.length).toBeGreaterThan(0)
  expect(metrics.filter((name) => !isKnown(name))).toEqual([])
  const had = new Set(metrics.flatMap(labelsOfMetric))
  expect(labelsOf(expr).filter((label) => !had.has(label))).toEqual([])
  // of a series that is grouped only these labels are left
  const grouped = [...expr.matchAll(/ by \(([^)]*)\)/g)].flatMap(([, labels]) => (labels as string).split(', '))
  const left = grouped.length > 0 ? new Set(grouped) : had
  expect([...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label as string).filter((label) => !left.has(label))).toEqual([])
})

test('its runbooks are there', () => {
  const urls = [...JSON.stringify(dashboard).matchAll(/"url":\s*"([^"]+)"/g)].map(([, url]) => url as string)
  expect(urls.length).toBeGreaterThan(20)
  expect(urls.filter((url) => !url.startsWith('RUNBOOK_BASE/') || !existsSync(url.replace('RUNBOOK_BASE', RUNBOOKS)))).toEqual([])
})
