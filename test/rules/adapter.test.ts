// The rules for prometheus-adapter, against what its documentation says about them.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { FILES, recorded } from './names.ts'
import { labelsOf } from './promql.ts'

const resource = z.strictObject({ group: z.string().optional(), resource: z.string().min(1) })
/** Only one of both. */
const filter = z.union([z.strictObject({ is: z.string() }), z.strictObject({ isNot: z.string() })])
const ruleSchema = z.strictObject({
  seriesQuery: z.string().min(1),
  seriesFilters: z.array(filter).optional(),
  resources: z.strictObject({ template: z.string().optional(), overrides: z.record(z.string(), resource).optional(), namespaced: z.boolean().optional() }),
  name: z.strictObject({ matches: z.string(), as: z.string() }).optional(),
  metricsQuery: z.string().min(1),
  labelValueReplacements: z.array(z.strictObject({ find: z.string(), replace: z.string() })).optional(),
})
const configSchema = z.strictObject({ externalRules: z.array(ruleSchema).min(1) })

const { externalRules } = configSchema.parse(parse(readFileSync(`${FILES}/adapter-rules.yaml`, 'utf8')))

test('lag and useful replicas, by the names that the autoscaler asks for', () => {
  expect(externalRules.map(({ name }) => name?.as)).toEqual(['customerio_worker_group_lag_records', 'customerio_worker_useful_replicas'])
})

describe.each(externalRules)('$name.as', ({ seriesQuery, resources, name, metricsQuery }) => {
  const [, series] = /^\{__name__="([^"]+)"/.exec(seriesQuery) as unknown as [string, string]

  test('is of a series that is recorded', () => {
    expect(recorded).toContain(series)
    expect(name?.matches).toBe(`^${series}$`)
  })

  test('has a name that Kubernetes takes in a path', () => {
    expect(name?.as).toMatch(/^[a-z_]+$/)
  })

  // the adapter adds the namespace of the autoscaler, and the labels of its selector
  test('is asked for by namespace and group', () => {
    expect(resources).toEqual({ overrides: { namespace: { resource: 'namespace' } } })
    expect(metricsQuery.replaceAll(/<<\.(Series|LabelMatchers)>>/g, '')).not.toContain('<<')
    expect(metricsQuery).toContain('<<.Series>>{<<.LabelMatchers>>}')
    expect(labelsOf(metricsQuery)).toEqual(['namespace', 'job'])
  })

  test('is nothing while there is no series', () => {
    expect(metricsQuery).not.toMatch(/vector|\bor\b/)
  })
})
