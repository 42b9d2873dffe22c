// The simulated days are those of the chart's autoscaler and of the worker's default settings.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { KEYS } from '../../src/config-keys.ts'
import { CPU_REQUEST, CPU_TARGET_PERCENT, DRAIN_SECONDS, LAG_PER_POD, PARTITIONS, SPEC } from './stage.ts'

interface ChartValues {
  autoscaling: { minReplicas: number; maxReplicas: number; cpuUtilisation: number; lagPerPod: number; signal: string; behavior: Pick<typeof SPEC, 'scaleUp' | 'scaleDown'> }
  resources: { requests: { cpu: string } }
  topic: { partitions: number }
}
const { autoscaling, resources, topic } = parse(readFileSync('helm/customerio-worker/values.yaml', 'utf8')) as ChartValues

test('what is played is what the chart sets', () => {
  const { minReplicas, maxReplicas, behavior } = autoscaling
  expect({ minReplicas, maxReplicas, ...behavior, tolerance: 0.1 }).toEqual(SPEC)
  expect([autoscaling.cpuUtilisation, autoscaling.lagPerPod, topic.partitions, resources.requests.cpu]).toEqual([CPU_TARGET_PERCENT, LAG_PER_POD, PARTITIONS, `${CPU_REQUEST * 1_000}m`])
})

test('the default signal is the one that the page decides for', () => {
  const page = readFileSync('docs/autoscaling.md', 'utf8')
  expect(page).toContain(`| | \`${autoscaling.signal}\` (default) |`)
})

test('a backlog should be gone in the time that the worker takes by default', () => {
  expect(KEYS.DRAIN_TARGET_MS.default).toBe(String(DRAIN_SECONDS * 1_000))
})
