// The pure parts of the run on a cluster.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantityOf, queryOf } from './adapter.ts'
import { replicasTable, stepsTable, type Played } from './report.ts'
import { readSettings } from './settings.ts'
import { changes } from './watch.ts'

const step = (title: string, from: number, to: number): Played => ({ title, from, to, outcome: 'ok', text: `${title} was seen` })
const sample = (at: number, wanted: number, ready: number, lag = 0) => ({ at, wanted, ready, lag })

describe('the tables at the end', () => {
  test('a step, how long it took, and what was seen', () => {
    expect(stepsTable([step('one', 1_000, 3_500), step('two', 3_500, 4_000)])).toEqual([
      'step   from   took    ', 'one   1.0 s  2.5 s  ok', '    one was seen', 'two   3.5 s  0.5 s  ok', '    two was seen',
    ])
  })

  test('samples at which the number of pods had changed', () => {
    const samples = [sample(0, 3, 0), sample(1, 3, 0, 9), sample(2, 3, 1), sample(3, 4, 1), sample(4, 4, 1), sample(5, 3, 1)]
    expect(changes(samples).map(({ at }) => at)).toEqual([0, 2, 3, 5])
  })

  test('a change stands by the step in which it came, and only the first names it', () => {
    const steps = [step('one', 0, 2_000), step('two', 2_000, 9_000)]
    const table = replicasTable([sample(1_000, 3, 3), sample(2_000, 3, 2), sample(3_000, 3, 3, 7)], steps)
    expect(table.map((line) => line.split(/ {2,}/))).toEqual([
      ['replicas over time', 'at', 'wanted', 'ready', 'lag'], ['one', '1.0 s', '3', '3', '0'], ['two', '2.0 s', '3', '2', '0'], ['', '3.0 s', '3', '3', '7'],
    ])
  })
})

describe('external metrics', () => {
  const rules = [{ name: { matches: '^a:lag:sum$', as: 'a_lag' }, metricsQuery: 'sum by (job) (<<.Series>>{<<.LabelMatchers>>})' }]

  test('a query by the shipped rule, for one namespace and the labels that the HPA names', () => {
    expect(queryOf(rules, 'a_lag', new Map([['namespace', 'n'], ['job', 'w']]))).toBe('sum by (job) (a:lag:sum{namespace="n",job="w"})')
    expect(queryOf(rules, 'other', new Map())).toBeUndefined()
  })

  test('numbers as Kubernetes writes them', () => {
    expect([0, 1500, 2.5].map(quantityOf)).toEqual(['0', '1500', '2500m'])
  })
})

describe('settings', () => {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-settings-'))
  for (const name of ['kubectl', 'helm', 'prometheus']) {
    writeFileSync(join(folder, name), '')
    chmodSync(join(folder, name), 0o755)
  }
  afterAll(() => rmSync(folder, { recursive: true }))

  test('programs are found in PATH, or where they are said to be', () => {
    expect(readSettings({ PATH: `/nowhere:${folder}`, E2E_STEPS: 'drain,keda' })).toMatchObject({ helm: join(folder, 'helm'), image: 'customerio-worker:dev', steps: ['drain', 'keda'] })
    expect(readSettings({ PATH: folder, E2E_HELM: join(folder, 'kubectl') }).helm).toBe(join(folder, 'kubectl'))
  })

  test('one that is missing is named, with the variable that would help', () => {
    expect(() => readSettings({ PATH: '/nowhere' })).toThrow('kubectl is missing: put it into a folder of PATH, or name it by E2E_KUBECTL.')
  })
})
