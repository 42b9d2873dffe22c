// The rules as they are written: what promtool does not look at. What they do is in the YAML files of this folder.

import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { alerts, exported, FILES, groups, isKnown, knownLabels, rules, RUNBOOKS, withRecorded } from './names.ts'
import { labelsOf, metricsOf } from './promql.ts'

interface Cases {
  promql_expr_test?: { expr: string; exp_samples: unknown[] }[]
  alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[]
}

const text = readFileSync(`${FILES}/rules.yaml`, 'utf8')
const code = text.replaceAll(/^ *#.*$/gm, '')
const PREFIX = 'CustomerioWorker'
/** CustomerioWorkerHeadOfLine: head-of-line */
const pageOf = (alert: string): string => alert.slice(PREFIX.length).replaceAll(/(?<!^)[A-Z]/g, '-$&').toLowerCase()
const cases = readdirSync('test/rules').filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => (parse(readFileSync(`test/rules/${file}`, 'utf8')) as { tests: Cases[] }).tests)
const firing = new Set(cases.flatMap(({ promql_expr_test: tests = [] }) => tests.filter(({ exp_samples: samples }) => samples.length > 0)
  .flatMap(({ expr }) => /^ALERTS\{alertname="(\w+)",alertstate="firing"\}$/.exec(expr)?.[1] ?? [])))
const quiet = new Set(cases.flatMap(({ alert_rule_test: tests = [] }) => tests.filter(({ exp_alerts: expected }) => expected.length === 0).map(({ alertname }) => alertname)))

test('there are alerts, each of a name of its own', () => {
  expect(alerts.length).toBeGreaterThan(20)
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
})

describe.each(alerts)('$alert', ({ alert, expr, labels, annotations = {} }) => {
  test('wakes somebody up, or makes a ticket', () => {
    expect(alert.startsWith(PREFIX)).toBe(true)
    expect(['page', 'ticket']).toContain(labels?.['severity'])
  })

  test('has a runbook, which is in the index', () => {
    const page = `${pageOf(alert)}.md`
    expect(annotations['runbook_url']).toBe(`RUNBOOK_BASE/${page}`)
    expect(readFileSync(`${RUNBOOKS}/${page}`, 'utf8')).toMatch(new RegExp(`^# ${alert}\n[^]*^## What it means\n[^]*^## How to look\n[^]*^## What to do\n`, 'm'))
    expect(readFileSync(`${RUNBOOKS}/README.md`, 'utf8')).toContain(`| [${alert}](${page}) | ${labels?.['severity']} |`)
  })

  test('is tested: when it fires, and when it does not', () => {
    expect([firing.has(alert), quiet.has(alert)]).toEqual([true, true])
  })

  test('tells what it is about by labels that there are', () => {
    expect(Object.keys(annotations).toSorted()).toEqual(['description', 'runbook_url', 'summary'])
    const named = [...Object.values(annotations).join(' ').matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label as string)
    const labelled = new Set(withRecorded(expr).flatMap(labelsOf))
    expect(named.filter((label) => !labelled.has(label))).toEqual([])
  })
})

test('no test is of an alert that there is not', () => {
  const names = new Set(alerts.map(({ alert }) => alert))
  expect([...firing, ...quiet].filter((name) => !names.has(name))).toEqual([])
})

test('every runbook is of an alert, or linked from the index', () => {
  const pages = new Set(alerts.map(({ alert }) => `${pageOf(alert)}.md`))
  const index = readFileSync(`${RUNBOOKS}/README.md`, 'utf8')
  expect(readdirSync(RUNBOOKS).filter((page) => page !== 'README.md' && !pages.has(page) && !index.includes(`](${page})`))).toEqual([])
})

test.each(rules.map((rule) => [rule.alert ?? rule.record, rule.expr] as const))('%s speaks of metrics and labels that there are', (_name, expr) => {
  expect(metricsOf(expr).filter((name) => !isKnown(name))).toEqual([])
  expect(labelsOf(expr).filter((label) => !knownLabels.has(label))).toEqual([])
})

test('a sample of the objective stands for 30 s', () => {
  expect(groups.map(({ interval }) => interval)).toEqual(groups.map(() => '30s'))
})

describe('the texts that the chart replaces', () => {
  test('the seconds are a bucket of the ages of events', () => {
    expect(exported.get('customerio_worker_event_age_seconds_bucket')?.upperBounds).toContain(300)
    expect(code).toContain('customerio_worker_event_age_seconds_bucket{le=~"300|300.0"}')
  })

  test('none of them is part of another number or word', () => {
    const whole = (pattern: RegExp): Set<string> => new Set([...code.matchAll(pattern)].map(([found]) => found))
    expect(whole(/[\w.]*300[\w.]*/g)).toEqual(new Set(['300', '300.0']))
    expect(whole(/[\w.]*0\.999\w*/g)).toEqual(new Set(['0.999']))
    expect(whole(/\S*RUNBOOK_BASE./g)).toEqual(new Set(['RUNBOOK_BASE/']))
  })

  test('with other values it is still a file of rules, with no old value left', () => {
    const other = text.replaceAll('RUNBOOK_BASE', 'https://runbooks.example').replaceAll('0.999', '0.99').replaceAll('300', '900')
    const { groups: replaced } = parse(other) as { groups: typeof groups }
    expect(replaced.flatMap((group) => group.rules)).toHaveLength(rules.length)
    expect(JSON.stringify(replaced)).not.toMatch(/300|0\.999|RUNBOOK_BASE/)
  })
})

test('nothing but the templates of Prometheus is in braces', () => {
  const braces = [...code.matchAll(/\{\{(.*?)\}\}/g)].map(([, inner]) => (inner as string).trim())
  expect(braces.filter((inner) => !/^(\$labels\.\w+|\$value( \| (humanizePercentage|humanizeDuration|printf "%\.0f"))?|with \$labels\.job|\.|end)$/.test(inner))).toEqual([])
})
