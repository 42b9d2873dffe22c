// From the start of a worker's process to its first delivery, and from SIGTERM to its end, with a backlog waiting at the default limit.

import { setTimeout as wait } from 'node:timers/promises'
import { aligned } from '../load/lines.ts'
import { startWorkerWith } from './contestants.ts'
import { count, fixed, median } from './figures.ts'
import { SERVER_MS } from './latency.ts'
import type { Part, PartContext } from './part.ts'
import { now } from './shared-clock.ts'
import { beforeEnd } from './watching.ts'

/** How long a worker is under load before SIGTERM. */
const UNDER_LOAD_MS = 1_000

interface Life {
  readonly mode: string
  readonly round: number
  /** From the start of the process to the arrival of the first event. */
  readonly firstDeliveryMs: number
  /** From SIGTERM to the end of the process. */
  readonly endMs: number
}

export const life: Part = async (context) => {
  const { settings, results } = context
  const lives: Life[] = []
  for (let round = 1; round <= settings.runs; round += 1) for (const mode of ['batch', 'single']) lives.push(await lifeOf(context, mode, round))
  results.save('life', lives)
  results.table('life', `Start and end at the default limit, ${count(settings.events)} events waiting, answers after ${SERVER_MS} ms`, table(lives))
}

async function lifeOf(context: PartContext, mode: string, round: number): Promise<Life> {
  const { settings, program } = context
  const stage = await context.stage()
  const topic = { ...await stage.published(settings.events), group: stage.newGroup('life') }
  const watch = await stage.sink.watch(topic.events, { latencyMs: SERVER_MS })
  const startedAt = now()
  const worker = await startWorkerWith({ DELIVERY_MODE: mode }, { ...topic, brokers: stage.brokers, url: stage.sink.url })
  await beforeEnd(watch.began, { contender: worker, name: 'the worker', signal: program.signal, withinMs: settings.withinMs })
  await wait(UNDER_LOAD_MS)
  const askedAt = now()
  await worker.stop()
  return { mode, round, firstDeliveryMs: stage.sink.progress().firstAt - startedAt, endMs: now() - askedAt }
}

function table(lives: readonly Life[]): string[] {
  const rows = [...Map.groupBy(lives, ({ mode }) => mode)].map(([mode, mine]) => {
    const cells = (['firstDeliveryMs', 'endMs'] as const).map((figure) => {
      const values = mine.map((life) => life[figure])
      return `${fixed(median(values), 0)} (${fixed(Math.min(...values), 0)}..${fixed(Math.max(...values), 0)})`
    })
    return [`${mode} mode`, ...cells]
  })
  return aligned([['', 'start to first delivery, ms (min..max)', 'SIGTERM to exit, ms (min..max)'], ...rows])
}
