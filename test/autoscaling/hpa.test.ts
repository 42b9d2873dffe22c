// The simulated autoscaler against cases whose outcome Kubernetes documents, and against the rules that it documents.

import { HorizontalPodAutoscaler, SYNC_SECONDS, type Metric, type Spec } from './hpa.ts'
import { SPEC } from './stage.ts'

const free: Spec = {
  minReplicas: 1, maxReplicas: 1_000, tolerance: 0.1,
  scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 1_000, periodSeconds: 15 }] },
  scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
}
const cpu = (value: number | undefined, target: number): Metric => ({ type: 'Utilization', value, target })
const average = (total: number | undefined, target: number): Metric => ({ type: 'AverageValue', total, target })
const once = (current: number, metrics: Metric[], spec: Partial<Spec> = {}): number => new HorizontalPodAutoscaler({ ...free, ...spec }).sync(0, current, metrics)

/** Replicas after each sync. @param metric at a second */
function course(spec: Spec, from: number, syncs: number, metric: (at: number) => Metric[]): number[] {
  const hpa = new HorizontalPodAutoscaler(spec)
  let replicas = from
  return Array.from({ length: syncs }, (_, n) => (replicas = hpa.sync(n * SYNC_SECONDS, replicas, metric(n * SYNC_SECONDS))))
}

describe('one metric', () => {
  test.each([
    { name: 'twice the target: twice as many', current: 3, metric: cpu(200, 100), replicas: 6 },
    { name: 'half of it: half as many', current: 4, metric: cpu(50, 100), replicas: 2 },
    { name: '50 replicas at 90 % of CPU, 75 % wanted: 60', current: 50, metric: cpu(90, 75), replicas: 60 },
    { name: 'within a tenth: none more', current: 10, metric: cpu(109, 100), replicas: 10 },
    { name: 'within a tenth: none less', current: 10, metric: cpu(91, 100), replicas: 10 },
    { name: 'a part of a replica is one', current: 3, metric: cpu(112, 100), replicas: 4 },
    { name: 'AverageValue: the total by the target, rounded up', current: 3, metric: average(7_001, 1_000), replicas: 8 },
    { name: 'AverageValue: one short of 20 is within a tenth', current: 19, metric: average(20_000, 1_000), replicas: 19 },
    { name: 'no less than the least', current: 5, metric: average(0, 1_000), replicas: 1 },
  ])('$name', ({ current, metric, replicas }) => {
    expect(once(current, [metric])).toBe(replicas)
  })

  test('no more than the most', () => {
    expect(once(5, [average(1e6, 1)], { maxReplicas: 20 })).toBe(20)
  })

  test('what is outside of least and most is brought back at once, whatever the metrics say', () => {
    expect([once(30, [], { maxReplicas: 20 }), once(1, [], { minReplicas: 3 })]).toEqual([20, 3])
  })
})

describe('several metrics', () => {
  test('the largest proposal counts', () => {
    expect(once(3, [cpu(100, 100), average(7, 1)])).toBe(7)
  })

  test.each([
    { name: 'one missing, the other asks for more: more', metrics: [cpu(200, 100), average(undefined, 1)], replicas: 6 },
    { name: 'one missing, the other asks for less: as many', metrics: [cpu(10, 100), average(undefined, 1)], replicas: 3 },
    { name: 'all missing: as many', metrics: [cpu(undefined, 100), average(undefined, 1)], replicas: 3 },
  ])('$name', ({ metrics, replicas }) => {
    expect(once(3, metrics)).toBe(replicas)
  })
})

describe('policies', () => {
  test('down by 10 % or 4 pods a minute, whichever is more: from 80, 8 at first, then 8, 7, ..., and from 40 on 4', () => {
    const spec: Spec = { ...free, minReplicas: 10, scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }, { type: 'Percent', value: 10, periodSeconds: 60 }] } }
    const replicas = course(spec, 80, 60, () => [average(10, 1)]).filter((_, n) => n % 4 === 0)
    expect(replicas).toEqual([72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10, 10])
  })

  test('up by 100 % or 4 pods in 15 s: 1, 5, 10, 20', () => {
    const spec: Spec = { ...free, scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }, { type: 'Pods', value: 4, periodSeconds: 15 }] } }
    expect(course(spec, 1, 4, () => [average(40, 1)])).toEqual([5, 10, 20, 40])
  })

  test('those of the chart: 2 more a minute, 1 less in two minutes', () => {
    const quick: Spec = { ...SPEC, scaleUp: { ...SPEC.scaleUp, stabilizationWindowSeconds: 0 }, scaleDown: { ...SPEC.scaleDown, stabilizationWindowSeconds: 0 } }
    expect(course(quick, 3, 13, () => [average(20, 1)])).toEqual([5, 5, 5, 5, 7, 7, 7, 7, 9, 9, 9, 9, 11])
    expect(course(quick, 6, 17, () => [average(1, 1)])).toEqual([5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 3])
  })
})

describe('stabilisation', () => {
  test('down only to the most of the last ten minutes', () => {
    const replicas = course({ ...free, scaleDown: { ...free.scaleDown, stabilizationWindowSeconds: 600 } }, 1, 60, (at) => [average(at < 60 ? 8 : 2, 1)])
    // 8 was last proposed at 45 s
    expect(replicas.lastIndexOf(8) * SYNC_SECONDS).toBe(45 + 600 - SYNC_SECONDS)
    expect(replicas.at(-1)).toBe(2)
  })

  test('up only to the least of the last 30 s: a peak that is shorter counts for nothing', () => {
    const spec: Spec = { ...free, scaleUp: { ...free.scaleUp, stabilizationWindowSeconds: 30 } }
    expect(course(spec, 2, 8, (at) => [average(at === 60 ? 9 : 2, 1)])).toEqual([2, 2, 2, 2, 2, 2, 2, 2])
    expect(course(spec, 2, 8, (at) => [average(at >= 60 ? 9 : 2, 1)])).toEqual([2, 2, 2, 2, 2, 9, 9, 9])
  })
})
