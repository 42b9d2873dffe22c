// A backlog at the default limit, in batch mode: how long until all of it is committed, and memory meanwhile.

import { setTimeout as wait } from 'node:timers/promises'
import { aligned } from '../load/lines.ts'
import { allCommitted } from './committed.ts'
import { DEFAULT_LIMIT, startWorkerWith } from './contestants.ts'
import { count, fixed, median } from './figures.ts'
import type { Part, PartContext } from './part.ts'
import { cpuSecondsOf, memoryOf } from './process-figures.ts'
import type { BenchTopic } from './stage.ts'
import { beforeEnd } from './watching.ts'

const GOAL_MIB = 256
const SERVER_MS = 20
const SAMPLE_MS = 250
/** Parts of the way at which memory is shown. */
const SHOWN = 10
/** Part of the limit. With more in use it could be the limit that decides the speed. */
const MACHINE_BOUND = 0.9

interface DrainRun {
  readonly round: number
  readonly events: number
  readonly requests: number
  /** From the first event's arrival to the last one's. */
  readonly seconds: number
  readonly cpuPerThousand: number
  readonly peakRssMiB: number
  /** RSS each 250 ms, MiB, from the time at which the worker had joined. */
  readonly rssMiB: readonly number[]
}

export const drain: Part = async (context) => {
  const { settings, program, results } = context
  const topic = await (await context.stage()).published(settings.drainEvents)
  const runs: DrainRun[] = []
  for (let round = 1; round <= settings.runs; round += 1) {
    const run = await drainOnce(context, topic, round)
    program.say(`drain: round ${round}: ${count(run.events / run.seconds)} events/s, ${fixed(run.peakRssMiB, 0)} MiB`)
    runs.push(run)
  }
  results.save('drain', runs)
  results.table('drain', `Drain of ${count(topic.events)} events at the default limit (${DEFAULT_LIMIT.left} requests/s are left), batch mode, answers after ${SERVER_MS} ms`, table(runs))
  const peak = Math.max(...runs.map(({ peakRssMiB }) => peakRssMiB))
  const used = median(runs.map(({ requests, seconds }) => requests / seconds)) / DEFAULT_LIMIT.left
  results.goals([
    { what: `drain: most RSS in any of ${runs.length} runs, MiB`, figure: fixed(peak, 0), goal: `below ${GOAL_MIB}`, met: peak < GOAL_MIB },
    { what: 'drain at the speed of the machine: part of the limit in use', figure: fixed(used, 2), goal: `below ${fixed(MACHINE_BOUND, 2)}`, met: used < MACHINE_BOUND },
  ])
}

async function drainOnce(context: PartContext, topic: BenchTopic, round: number): Promise<DrainRun> {
  const { program, settings } = context
  const stage = await context.stage()
  const group = stage.newGroup('drain')
  const watch = await stage.sink.watch(topic.events, { latencyMs: SERVER_MS })
  const contender = await startWorkerWith({ DELIVERY_MODE: 'batch' }, { ...topic, group, brokers: stage.brokers, url: stage.sink.url })
  const { pid } = contender
  const bounds = { contender, name: 'the worker', signal: program.signal, withinMs: settings.withinMs }
  const over = new AbortController()
  try {
    const readyCpu = cpuSecondsOf(pid)
    const sampling = sampleMemory(pid, over.signal)
    // of a worker that has ended there is nothing to sample: said below
    sampling.catch(() => undefined)
    const progress = await beforeEnd(watch.ended, bounds)
    await beforeEnd(allCommitted(stage.admin, { ...topic, group }, program.signal), bounds)
    over.abort()
    return {
      round, events: topic.events, requests: progress.requests, seconds: (progress.lastAt - progress.firstAt) / 1_000,
      cpuPerThousand: (cpuSecondsOf(pid) - readyCpu) * 1_000 / topic.events, peakRssMiB: memoryOf(pid).peakMiB, rssMiB: await sampling,
    }
  } finally {
    over.abort()
    await contender.stop()
  }
}

async function sampleMemory(pid: number, over: AbortSignal): Promise<number[]> {
  const samples: number[] = []
  while (!over.aborted) {
    samples.push(memoryOf(pid).nowMiB)
    await wait(SAMPLE_MS)
  }
  return samples
}

function table(runs: readonly DrainRun[]): string[] {
  const cells = (name: string, of: readonly DrainRun[], shown: string): string[] => {
    const middle = (figure: (run: DrainRun) => number): number => median(of.map(figure))
    return [
      name, fixed(middle(({ seconds }) => seconds), 1), count(middle(({ events, seconds }) => events / seconds)), fixed(middle(({ requests, seconds }) => requests / seconds), 1),
      fixed(middle(({ cpuPerThousand }) => cpuPerThousand), 4), fixed(middle(({ peakRssMiB }) => peakRssMiB), 0), shown,
    ]
  }
  const tenths = ({ rssMiB }: DrainRun): string =>
    Array.from({ length: SHOWN }, (_, part) => fixed(rssMiB[Math.floor((part + 1) * rssMiB.length / SHOWN) - 1] ?? NaN, 0)).join(' ')
  return aligned([
    ['run', 'seconds', 'events/s', 'requests/s', 'CPU s / 1,000', 'peak RSS MiB', 'RSS MiB at each tenth of the time'],
    ...runs.map((run) => cells(String(run.round), [run], tenths(run))),
    cells('median', runs, ''),
  ])
}
