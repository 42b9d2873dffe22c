// Workers as the pods of a Deployment: more and fewer of them, all replaced, some killed.

import { setTimeout as wait } from 'node:timers/promises'
import { startWorker, type WorkerProcess } from '../support/worker-process.ts'
import type { Source } from './sources.ts'

export interface Pods {
  readonly count: number
  readonly workers: readonly WorkerProcess[]
  /** Up: some at a time, each resolves ready. Down: the newest, all at once, by SIGTERM. */
  scaleTo(count: number): Promise<void>
  /** One after the other: a new one is ready before an old one is told to stop, as with maxSurge 1. */
  replaceAll(): Promise<void>
  /** SIGKILL of the last ones, at once; each is started again in its pod. */
  killInPlace(count: number): Promise<void>
  /** SIGKILL of the last one, and its pod is gone. Nothing takes its place. */
  lose(): Promise<void>
  /** Ended, or failed to end, in another way than they were told to. A sentence each. */
  readonly troubles: readonly string[]
  /** Lines of output with personal data or a secret. */
  leaks(): number
}

export interface PodsOptions {
  source: Source
  env: Record<string, string>
  logFolder: string
  nodeFlags?: string[]
}

interface Pod {
  name: string
  env: Record<string, string>
  worker: WorkerProcess
}

/** More at once, and a small machine is too slow for any of them. */
const STARTED_AT_ONCE = 4
const READY_WITHIN_MS = 120_000
const STOP_WITHIN_MS = 40_000
/** A kubelet starts a container again after about so long, the first time. */
const RESTART_AFTER_MS = 1_000

export function createPods({ source, env, logFolder, nodeFlags = [] }: PodsOptions): Pods {
  const pods: Pod[] = []
  const all: WorkerProcess[] = []
  const troubles: string[] = []
  /** Told to end. */
  const ending = new Set<WorkerProcess>()

  const startIn = async (name: string, own: Record<string, string>): Promise<WorkerProcess> => {
    const worker = await startWorker({
      name, nodeFlags, readyWithinMs: READY_WITHIN_MS, logFile: `${logFolder}/${name}.log`, env: { ...env, ...own, KAFKA_CLIENT_ID: name },
    })
    all.push(worker)
    void worker.exited.then(({ code, signal }) => {
      if (!ending.has(worker)) troubles.push(`${name} ended by itself (${signal ?? `exit code ${code}`}).`)
    })
    return worker
  }
  const add = async (): Promise<void> => {
    const place = await source.addPod()
    pods.push({ ...place, worker: await startIn(place.name, place.env) })
  }
  const remove = async (pod: Pod): Promise<void> => {
    pods.splice(pods.indexOf(pod), 1)
    await source.markPod(pod.name)
    ending.add(pod.worker)
    const late = new AbortController()
    void wait(STOP_WITHIN_MS, undefined, { signal: late.signal }).then(() => pod.worker.signal('SIGKILL')).catch(() => undefined)
    const { code, signal } = await pod.worker.stop()
    late.abort()
    if (code !== 0) troubles.push(`${pod.name}, told to stop, ended with ${signal ?? `exit code ${code}`}.`)
    await source.removePod(pod.name)
  }
  const kill = async ({ worker }: Pod): Promise<void> => {
    ending.add(worker)
    await worker.kill()
  }

  return {
    get count() { return pods.length },
    get workers() { return pods.map(({ worker }) => worker) },
    scaleTo: async (count) => {
      const more = Array.from({ length: Math.max(0, count - pods.length) }, () => add)
      await Promise.all(Array.from({ length: STARTED_AT_ONCE }, async () => {
        for (let start = more.pop(); start; start = more.pop()) await start()
      }))
      await Promise.all(pods.slice(count).map(remove))
    },
    replaceAll: async () => {
      const old = [...pods]
      await source.rollOut()
      for (const pod of old) {
        await add()
        await remove(pod)
      }
    },
    killInPlace: async (count) => {
      const victims = pods.slice(-count)
      await Promise.all(victims.map(kill))
      await wait(RESTART_AFTER_MS)
      await Promise.all(victims.map(async (pod) => { pod.worker = await startIn(pod.name, pod.env) }))
    },
    lose: async () => {
      const pod = pods.pop() as Pod
      await kill(pod)
      await source.removePod(pod.name)
    },
    troubles,
    leaks: () => all.reduce((sum, worker) => sum + worker.leaks.length, 0),
  }
}
