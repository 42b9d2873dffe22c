// `make bench-peers`: what a user would take instead, beside the worker, in the same run. What is not on this machine is fetched or
// built into .cache/peers once; what can't be is left out, and the table says so. RUNS, EVENTS, SINGLE_EVENTS change it, WRITE=1 writes docs/benchmarks.md.

import { runProgram, type Program } from '../../load/program.ts'
import { CONTESTANTS, type Contestant } from '../contestants.ts'
import { withResults } from '../results.ts'
import { readBenchSettings } from '../settings.ts'
import { openStage, type BenchStage } from '../stage.ts'
import { compare } from '../throughput.ts'
import { prepareBento } from './bento.ts'
import { prepareHooks } from './hooks.ts'

const WITHIN_MS = 90 * 60_000
/** Of the bench's own: the worker, and the floors that its modes are held against. */
const OURS = new Set(['batches', 'worker-batch', 'requests', 'customerio', 'worker-single'])

await runProgram(WITHIN_MS, benchPeers)

async function benchPeers(program: Program): Promise<number> {
  const settings = readBenchSettings(process.env)
  const peers: Contestant[] = []
  for (const prepare of [prepareBento, prepareHooks]) {
    const prepared = await prepare(program)
    if (typeof prepared === 'string') program.say(`LEFT OUT: ${prepared}`)
    else peers.push(...prepared)
  }
  let opened: Promise<BenchStage> | undefined
  const stage = async () => (opened ??= openStage(program))
  return withResults('peers', async (results) => {
    const contestants = [...CONTESTANTS.filter(({ id }) => OURS.has(id)), ...peers]
    await compare({ settings, program, stage, results }, contestants, { file: 'peers', title: 'Beside others, limit lifted' })
  })
}
