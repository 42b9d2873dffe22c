// How many pods there were, and how far they were behind, from second to second.

import { setTimeout as wait } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { Progress } from './progress.ts'
import { NAME } from './release.ts'

export interface Sample {
  /** ms since the run began. */
  at: number
  /** Replicas that the Deployment is to have. */
  wanted: number
  ready: number
  lag: number
}

export interface Watch {
  readonly samples: readonly Sample[]
  stop(): Promise<void>
}

const EVERY_MS = 1_000

export function watch({ admin, namespace }: Cluster, progress: Progress): Watch {
  const samples: Sample[] = []
  const over = new AbortController()
  const look = async (): Promise<void> => {
    const [{ spec, status }, lag] = await Promise.all([admin.apps.readNamespacedDeployment({ name: NAME, namespace }), progress.lag()])
    samples.push({ at: performance.now(), wanted: spec?.replicas ?? 0, ready: status?.readyReplicas ?? 0, lag })
  }
  const running = (async () => {
    while (!over.signal.aborted) {
      // there is no Deployment yet, or no API server for a while
      await look().catch(() => undefined)
      await wait(EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined)
    }
  })()
  return {
    samples,
    stop: async () => {
      over.abort()
      await running
    },
  }
}

/** Those at which the number of pods had changed. Pure. */
export function changes(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ wanted, ready }, index) => wanted !== samples[index - 1]?.wanted || ready !== samples[index - 1]?.ready)
}
