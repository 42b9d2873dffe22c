// `make bench`: what the worker takes of the machine, what it reaches, and what others would. From the root of the repository.
// PART chooses one part, or several (a,b); RUNS (5), EVENTS, SINGLE_EVENTS, CONTESTANTS, PROFILE=1 change them, WRITE=1 writes docs/benchmarks.md.

import { runProgram, type Program } from '../load/program.ts'
import { SettingsError } from '../support/settings.ts'
import type { Part } from './part.ts'
import { withResults } from './results.ts'
import { readBenchSettings } from './settings.ts'
import { openStage, type BenchStage } from './stage.ts'

/** In this order. Each is loaded when it is its turn: one alone needs no more than its own. */
const PARTS: Record<string, () => Promise<Part>> = {
  cores: async () => (await import('./cores.ts')).cores,
  client: async () => (await import('./client.ts')).client,
  throughput: async () => (await import('./throughput.ts')).throughput,
  latency: async () => (await import('./latency.ts')).latency,
  life: async () => (await import('./life.ts')).life,
  drain: async () => (await import('./drain.ts')).drain,
  limiter: async () => (await import('./limiter-part.ts')).limiter,
}
/** Some 15 on a machine that does nothing else. */
const WITHIN_MS = 60 * 60_000

await runProgram(WITHIN_MS, bench)

async function bench(program: Program): Promise<number> {
  const settings = readBenchSettings(process.env)
  const names = process.env.PART ? process.env.PART.split(',') : Object.keys(PARTS)
  const unknown = names.filter((name) => !Object.hasOwn(PARTS, name))
  if (unknown.length > 0) throw new SettingsError(`PART=${process.env.PART}: must be of ${Object.keys(PARTS).join(', ')}`)
  let opened: Promise<BenchStage> | undefined
  const stage = async () => (opened ??= openStage(program))
  return withResults('bench', async (results) => {
    for (const name of names) {
      program.say(`${name} ...`)
      const part = await PARTS[name]!()
      await part({ settings, program, stage, results })
    }
  })
}
