// What a simulated day is made of: three workers, their traffic, the chart's autoscaler, and what a scaling costs.

import type { Spec } from './hpa.ts'

/** As the chart sets it. */
export const SPEC: Spec = {
  minReplicas: 3, maxReplicas: 20, tolerance: 0.1,
  scaleUp: { stabilizationWindowSeconds: 30, policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] },
  scaleDown: { stabilizationWindowSeconds: 600, policies: [{ type: 'Pods', value: 1, periodSeconds: 120 }] },
}
export const CPU_TARGET_PERCENT = 70
/** Of a CPU, what a pod asks for. */
export const CPU_REQUEST = 0.5
export const LAG_PER_POD = 1_000
export const PARTITIONS = 24
export const DRAIN_SECONDS = 300
/** An event older than this is late. */
export const OBJECTIVE_SECONDS = 300
/** The worker looks, Prometheus scrapes, a rule is evaluated, the adapter is asked: what the autoscaler reads is so old. */
export const METRIC_DELAY_SECONDS = 30
/** Time of the day goes in steps of so long; the worker looks once in each. */
export const STEP_SECONDS = 5
/** A pod is scheduled, pulls nothing, starts and joins. */
export const START_SECONDS = { least: 8, most: 20 }
/** A pod that comes or goes: so long nobody sends. docs/limiter.md: a drain and a window, or 1 to 4 s until the slots are dealt. */
export const REBALANCE_SECONDS = 3
/** Delivered and not committed yet, on average: half of a commit interval, and what is in flight. */
export const UNCOMMITTED_SECONDS = 0.35

export interface WorkerKind {
  readonly name: string
  readonly about: string
  /** What the limit allows all pods together, events/s. */
  readonly budget: number
  /** What one pod could deliver, events/s. */
  readonly podRate: number
  /** CPU seconds an event. */
  readonly cpuPerEvent: number
  /** Events/s: mean of the day, without the campaign. */
  readonly mean: number
  readonly campaign: { readonly events: number; readonly at: number; readonly seconds: number }
}

const ELEVEN = 11 * 3_600

export const KINDS: readonly WorkerKind[] = [
  {
    name: 'single', about: 'one event a request, 80 requests/s',
    budget: 80, podRate: 250, cpuPerEvent: 0.001, mean: 25, campaign: { events: 90_000, at: ELEVEN, seconds: 600 },
  },
  {
    name: 'single, higher limit', about: 'one event a request, 980 requests/s',
    budget: 980, podRate: 250, cpuPerEvent: 0.001, mean: 200, campaign: { events: 600_000, at: ELEVEN, seconds: 600 },
  },
  {
    name: 'batch', about: '80 requests/s of up to 1,500 events',
    budget: 80 * 1_500, podRate: 25_000, cpuPerEvent: 0.00004, mean: 600, campaign: { events: 12_000_000, at: ELEVEN, seconds: 600 },
  },
]
