// What a worker takes of the machine, sampled while it runs.

import { execFile } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { StandInProcess } from '../support/stand-in.ts'
import type { WorkerProcess } from '../support/worker-process.ts'

export interface Sample {
  /** ms since sampling began. */
  at: number
  rssMiB: number
  /** What the worker's own metrics say; there in every fifth sample, since making them takes CPU as well, and if they came in time. */
  inside?: { cpuSeconds: number; heapMiB: number; pendingRecords: number; pendingMiB: number; delivered: number }
}

const MIB = 1_048_576
const everyMs = 1_000
const insideEvery = 5
const run = promisify(execFile)

/** Samples once a second until `untilMs` have passed, or the signal. Rejects if the worker has ended. */
export async function sample(worker: WorkerProcess, standIn: StandInProcess, untilMs: number, signal: AbortSignal): Promise<Sample[]> {
  const samples: Sample[] = []
  const began = performance.now()
  for (let at = 0; at <= untilMs; at = performance.now() - began) {
    const inside = samples.length % insideEvery === 0 ? await lookInside(worker, standIn).catch(() => undefined) : undefined
    samples.push({ at, rssMiB: await rssMiB(worker.pid), ...(inside && { inside }) })
    await wait(Math.max(0, began + samples.length * everyMs - performance.now()), undefined, { signal })
  }
  return samples
}

async function lookInside(worker: WorkerProcess, standIn: StandInProcess): Promise<NonNullable<Sample['inside']>> {
  const [text, { operationsByStatus }] = await Promise.all([worker.metrics(), standIn.account()])
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    heapMiB: value('nodejs_heap_size_used_bytes') / MIB,
    pendingRecords: value('customerio_worker_pending_records'),
    pendingMiB: value('customerio_worker_pending_bytes') / MIB,
    delivered: operationsByStatus['200'] ?? 0,
  }
}

/** As the system counts it, on Linux and macOS alike. */
async function rssMiB(pid: number): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout) / 1024
}
