// A burst that calls for more pods, and what the autoscaler makes of it.

import { seconds } from '../load/lines.ts'
import { CAUGHT_UP } from './steps/backlog.ts'
import type { Values } from './release.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'

export const LEAST = 2
export const MOST = 6
const LAG_PER_POD = 150
const BURST_SECONDS = 40
const SCALED_WITHIN_MS = 120_000
const DRAINED_WITHIN_MS = 180_000

/** The same for both autoscalers: the rules of production, with shorter times. */
export const scaling = (kind: 'hpa' | 'keda'): Values => ({
  autoscaling: {
    // the lag: at this limit one pod is useful, however long the backlog
    kind, minReplicas: LEAST, maxReplicas: MOST, signal: 'lag', lagPerPod: LAG_PER_POD,
    // the pods ask for little CPU, and a start takes much
    cpuUtilisation: null,
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 2, periodSeconds: 10 }] },
      scaleDown: { stabilizationWindowSeconds: 15, policies: [{ type: 'Pods', value: 2, periodSeconds: 10 }] },
    },
    keda: { trigger: 'kafka', pollingInterval: 5 },
  },
})

/** How many replicas the Deployment is to have by the last look. */
export const wanted = ({ watch }: Stage): number => watch.samples.at(-1)?.wanted ?? 0

/** Resolves when the Deployment is at its fewest pods, with nothing that waits. */
export async function settle(stage: Stage): Promise<number> {
  return until(`${LEAST} pods`, SCALED_WITHIN_MS, () => wanted(stage) === LEAST)
}

/** @returns how it went up, in words */
export async function scaleUp(stage: Stage): Promise<string> {
  const { settings, feed, release } = stage
  const events = settings.limit * BURST_SECONDS
  await feed.burst(events)
  const from = performance.now()
  await until('more pods are wanted', SCALED_WITHIN_MS, () => wanted(stage) > LEAST)
  const first = performance.now() - from
  await until(`${MOST} pods are wanted`, SCALED_WITHIN_MS, () => wanted(stage) === MOST)
  const most = performance.now() - from
  await release.ready(MOST, SCALED_WITHIN_MS)
  return `${events} events: more than ${LEAST} pods after ${seconds(first)}, ${MOST} after ${seconds(most)}, ready after ${seconds(performance.now() - from)}`
}

/** Resolves when the group has caught up. How long it took, ms. */
export async function drained({ progress }: Stage): Promise<number> {
  return until('the group has caught up', DRAINED_WITHIN_MS, async () => (await progress.lag()) <= CAUGHT_UP)
}

/** @returns how it went down, in words */
export async function scaleDown(stage: Stage): Promise<string> {
  const took = await settle(stage)
  await stage.release.ready(LEAST, SCALED_WITHIN_MS)
  return `${LEAST} again after ${seconds(took)}`
}
