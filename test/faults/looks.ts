// What fault cases look at: conditions that are waited for, and what a worker's metrics and log say.

import { setTimeout as wait } from 'node:timers/promises'
import type { Scenario } from '../support/scenario.ts'
import { generateTraffic, type TrafficItem, type TrafficOptions } from '../support/traffic.ts'
import type { LogLine, WorkerProcess } from '../support/worker-process.ts'

/** Resolves once `holds`; rejects with `what` after `withinMs` (default 60 s). A look that fails counts as no. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await Promise.resolve().then(holds).catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await wait(50)
  }
}

/** Value of a metric, summed over its labels; 0 if it was never counted. `name` without the prefix. */
export async function metric(worker: WorkerProcess, name: string): Promise<number> {
  const lines = (await worker.metrics()).matchAll(new RegExp(`^customerio_worker_${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0)
}

/** The same of each worker. */
export const metrics = async (workers: readonly WorkerProcess[], name: string): Promise<number[]> => Promise.all(workers.map(async (worker) => metric(worker, name)))

/** The same of all workers together. */
export const total = async (workers: readonly WorkerProcess[], name: string): Promise<number> => (await metrics(workers, name)).reduce((sum, count) => sum + count, 0)

/** Resolves once none of them may send any more. */
export const allFenced = async (workers: readonly WorkerProcess[], withinMs: number): Promise<void> =>
  until('all are fenced', async () => (await metrics(workers, 'fenced')).every((shut) => shut === 1), withinMs)

export const owned = async (worker: WorkerProcess): Promise<number> => metric(worker, 'assigned_partitions')

/** Lines of the worker's log with this text. */
export const said = (worker: WorkerProcess, msg: string): LogLine[] => worker.logs.filter((line) => line.msg?.includes(msg))

/** How many different events Customer.io has accepted, repeats left out. */
export async function distinct(scenario: Scenario): Promise<Set<string>> {
  const accepted = (await scenario.standIn.arrivals()).filter(({ status }) => status !== null && status < 300)
  return new Set(accepted.flatMap(({ marker }) => marker ?? []))
}

/** Good events without suppress and destroy: these have no id, so a run in which an operator asks for repeats can't cover them. */
export function repeatable(options: Omit<TrafficOptions, 'badShare'>): TrafficItem[] {
  return generateTraffic({ ...options, badShare: 0 }).filter(({ hasBody }) => hasBody)
}
