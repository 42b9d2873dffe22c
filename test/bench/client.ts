// What customerio-node costs by itself, and what its public options can win back: HTTP only, no Kafka, a process for each.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { aligned } from '../load/lines.ts'
import type { ClientFigures } from './client-process.ts'
import { CONCURRENCY, DEFAULTS, WAYS } from './client-ways.ts'
import { count, fixed, median } from './figures.ts'
import type { Part } from './part.ts'

interface ClientRun extends ClientFigures {
  readonly way: string
  readonly round: number
}

export const client: Part = async ({ settings, program, results, ...context }) => {
  const stage = await context.stage()
  const runs: ClientRun[] = []
  // options only matter for the few that differ by little: the order moves on by one each round
  for (let round = 0; round < settings.runs; round += 1) {
    for (let place = 0; place < WAYS.length; place += 1) {
      const index = (place + round) % WAYS.length
      await stage.sink.watch(Infinity)
      runs.push({ way: WAYS[index]!.name, round, ...await measure(index, stage.sink.url, settings.clientMs, program.signal) })
    }
    program.say(`client: round ${round + 1} of ${settings.runs} done`)
  }
  results.save('client', runs)
  results.table('client', `HTTP alone: what a client costs, ${CONCURRENCY} calls side by side`, table(runs))
}

async function measure(index: number, url: string, ms: number, signal: AbortSignal): Promise<ClientFigures> {
  const child = fork(`${import.meta.dirname}/client-process.ts`, [String(index), url, String(ms)], { execArgv: [], signal })
  const ended = once(child, 'exit')
  const told = await Promise.race([once(child, 'message'), ended.then(() => undefined)])
  if (!told) throw new Error(`${WAYS[index]!.name}: the process ended without figures`)
  await ended
  return told[0] as ClientFigures
}

function table(runs: readonly ClientRun[]): string[] {
  const [floor] = WAYS
  /** The median over the rounds of the ratio within each. */
  const ratio = (name: string, to: string): number => median(runs.filter(({ way }) => way === name).map(({ round, cpuPerThousand }) =>
    cpuPerThousand / runs.find((other) => other.way === to && other.round === round)!.cpuPerThousand))
  const rows = WAYS.map(({ name }) => {
    const mine = runs.filter(({ way }) => way === name)
    const cpus = mine.map(({ cpuPerThousand }) => cpuPerThousand)
    return [
      name, fixed(median(cpus), 4), `${fixed(Math.min(...cpus), 4)}..${fixed(Math.max(...cpus), 4)}`, count(median(mine.map(({ eventsPerSecond }) => eventsPerSecond))),
      fixed(ratio(name, floor!.name), 2), fixed(ratio(name, DEFAULTS), 2),
    ]
  })
  return aligned([['', 'CPU s / 1,000', '(min..max)', 'events/s', `x ${floor!.name}`, 'x customerio-node'], ...rows])
}
