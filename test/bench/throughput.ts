// End to end with the limit lifted: contestants read the same events from the same Kafka and send them to the same sink, in turn,
// round after round, so that what else the machine does hits all of them.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SettingsError } from '../support/settings.ts'
import { allCommitted } from './committed.ts'
import { CONTESTANTS, type Contestant } from './contestants.ts'
import { count, fixed } from './figures.ts'
import { cpuSecondsOf, memoryOf } from './process-figures.ts'
import { printProfile, profileFlags } from './profile.ts'
import { RESULTS, type Part, type PartContext } from './part.ts'
import type { BenchSettings } from './settings.ts'
import { goalsOf, medianOf, table, type Run } from './throughput-table.ts'
import { beforeEnd } from './watching.ts'

/** PROFILE=1: also profiles of the workers. */
export const throughput: Part = async (context) => {
  const { settings, results } = context
  const chosen = choose(settings)
  const runs = await compare(context, chosen, { file: 'throughput', title: 'End to end, limit lifted' })
  results.goals(goalsOf(runs))
  if (!settings.profile) return
  for (const contestant of chosen.filter(({ id }) => id.startsWith('worker'))) {
    mkdirSync(RESULTS, { recursive: true })
    const run = await runOnce(context, contestant, { round: 0, nodeFlags: profileFlags(contestant.id) })
    printProfile(contestant.id, `${contestant.name}, ${count(run.events)} events`, run.events)
  }
}

/** Round after round, each of them in turn. */
export async function compare(context: PartContext, contestants: readonly Contestant[], { file, title }: { file: string; title: string }): Promise<Run[]> {
  const { settings, program, results } = context
  const runs: Run[] = []
  for (let round = 1; round <= settings.runs; round += 1) {
    for (const contestant of contestants) {
      const run = await runOnce(context, contestant, { round })
      runs.push(run)
      program.say(`round ${round}: ${contestant.name}: ${count(run.eventsPerSecond)} events/s, ${fixed(run.cpuPerThousand, 4)} CPU s per 1,000, ${fixed(run.peakRssMiB, 0)} MiB`)
    }
  }
  results.save(file, runs)
  results.table(file, title, table(contestants, runs))
  return runs
}

function choose({ contestants }: BenchSettings): readonly Contestant[] {
  if (!contestants) return CONTESTANTS
  const unknown = contestants.filter((id) => !CONTESTANTS.some((known) => known.id === id))
  if (unknown.length > 0) throw new SettingsError(`CONTESTANTS: ${unknown.join(', ')} is none of ${CONTESTANTS.map(({ id }) => id).join(', ')}`)
  return CONTESTANTS.filter(({ id }) => contestants.includes(id))
}

/** @throws if the contestant ends early, does not commit everything, or sends more than there is */
async function runOnce(context: PartContext, contestant: Contestant, { round, nodeFlags }: { round: number; nodeFlags?: readonly string[] }): Promise<Run> {
  const { settings, program } = context
  const stage = await context.stage()
  const topic = await stage.published(contestant.batches ? settings.events : settings.singleEvents)
  const { events } = topic
  const group = stage.newGroup(contestant.id)
  const sinkWatch = await stage.sink.watch(events)
  const contender = await contestant.start({ ...topic, group, brokers: stage.brokers, url: stage.sink.url }, nodeFlags)
  const bounds = { contender, name: contestant.name, signal: program.signal, withinMs: settings.withinMs }
  try {
    const watch = contender.watch ?? sinkWatch
    if (contender.isSilent) await beforeEnd(watch.began, bounds)
    const readyCpu = cpuSecondsOf(contender.pid)
    const progress = await beforeEnd(watch.ended, bounds)
    await beforeEnd(allCommitted(stage.admin, { group, topic: topic.topic, events }, program.signal), bounds)
    const cpu = cpuSecondsOf(contender.pid)
    if (progress.events !== events) throw new Error(`${contestant.name} sent ${progress.events} of ${events} events`)
    return {
      contestant: contestant.id, round, events, requests: progress.requests,
      eventsPerSecond: events * 1_000 / (progress.lastAt - progress.firstAt),
      cpuPerThousand: (cpu - readyCpu) * 1_000 / events,
      cpuPerThousandWithStart: cpu * 1_000 / events,
      peakRssMiB: memoryOf(contender.pid).peakMiB,
    }
  } finally {
    await contender.stop()
  }
}

/** Events/s of a contestant as it was measured last, in this run of the bench or an earlier one; undefined if it never was. */
export function lastRateOf(id: string): number | undefined {
  const file = join(RESULTS, 'throughput.json')
  const rate = existsSync(file) ? medianOf((JSON.parse(readFileSync(file, 'utf8')) as { runs: Run[] }).runs, id, 'eventsPerSecond') : NaN
  return Number.isNaN(rate) ? undefined : rate
}
