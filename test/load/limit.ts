// The limit while the workers change: a story in acts, each under full load, and what of the budget was used in each.
// Started by `node test/load/limit.ts`, from the root of the repository. SOURCE (kubernetes, partitions), LIMIT and SECONDS (of an
// act) change it.

import { setTimeout as wait } from 'node:timers/promises'
import { ceilingOf, figuresOf, usedOf, type Act } from './acts.ts'
import { aligned, percent, seconds as inSeconds } from './lines.ts'
import { runProgram, type Program } from './program.ts'
import { readSharing, type SharingSettings } from './sharing-settings.ts'
import { conclude, openSharingStage, WINDOW_MS, type Judgement, type SharingStage } from './sharing-stage.ts'

const PARTITIONS = 24
const STEADY_MS = 15_000
const OUTAGE_MS = 60_000
const COLUMNS = ['act', 'workers', 'change took', 'act', 'used', 'used at its end', 'half again', '95 % again', 'most in 1 s', '429']

interface Change {
  name: string
  make(stage: SharingStage): Promise<void>
  /** It is the whole of its act: what comes after it is another one. */
  isWhole?: true
}

const CHANGES: Change[] = [
  { name: 'start of 3', make: async ({ pods }) => pods.scaleTo(3) },
  { name: '3 to 8', make: async ({ pods }) => pods.scaleTo(8) },
  { name: '8 to 20', make: async ({ pods }) => pods.scaleTo(20) },
  { name: '20 to 3, at once', make: async ({ pods }) => pods.scaleTo(3) },
  { name: 'all replaced, one by one', make: async ({ pods }) => pods.replaceAll() },
  { name: 'two killed, started in place', make: async ({ pods }) => pods.killInPlace(2) },
]
const OUTAGE: Change[] = [
  {
    name: 'API server away for 60 s',
    isWhole: true,
    make: async ({ source }) => {
      await source.outage?.begin()
      await wait(OUTAGE_MS)
    },
  },
  { name: 'API server back', make: async ({ source }) => source.outage?.end() },
]
const LAST: Change = { name: 'one killed, for good', make: async ({ pods }) => pods.lose() }

await runProgram(25 * 60_000, async (program) => run(readSharing(process.env, { seconds: 40 }), program))

async function run(settings: SharingSettings, program: Program): Promise<number> {
  const { source, limit, seconds } = settings
  const stage = await openSharingStage({ name: 'limit', partitions: PARTITIONS, ...settings }, program)
  // half a minute's work in each partition, if all are served alike
  const waiting = Math.ceil((limit * 30) / PARTITIONS)
  await stage.feed.supply(new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, { waiting }])))
  program.say(`Sharing by ${source}: at most ${limit} requests in any second, answers in 30-60 ms, ${PARTITIONS} partitions.`)
  program.say(`In each there are always ${waiting} events waiting.`)
  const acts: Act[] = []
  for (const change of [...CHANGES, ...(stage.source.outage ? OUTAGE : []), LAST]) acts.push(await play(change, stage, seconds, program))
  const judgement = await stage.end()
  report(acts, judgement, limit)
  return conclude(judgement, stage, limit)
}

async function play({ name, make, isWhole }: Change, stage: SharingStage, seconds: number, { say, signal }: Program): Promise<Act> {
  const { clock, pods } = stage
  const from = clock.now()
  say(`${name} ...`)
  await make(stage)
  const changedAt = clock.now()
  if (!isWhole) await wait(seconds * 1_000, undefined, { signal })
  return { name, workers: pods.count, from, changedAt, to: clock.now() }
}

function report(acts: readonly Act[], { arrivals }: Judgement, limit: number): void {
  const [first, last] = [acts[0], acts.at(-1)] as [Act, Act]
  const whole = { from: first.changedAt, to: last.to }
  const ceiling = ceilingOf(arrivals, whole, { limit, windowMs: WINDOW_MS })
  const rows = acts.map((act) => {
    const found = figuresOf(arrivals, act, { windowMs: WINDOW_MS, steadyMs: STEADY_MS }, ceiling)
    return [
      act.name, String(act.workers), inSeconds(found.changeMs), inSeconds(found.lengthMs), percent(found.used), percent(found.usedAtEnd),
      inSeconds(found.again.halfMs), inSeconds(found.again.mostMs), String(found.most), String(found.refused),
    ]
  })
  console.log(`\n${aligned([COLUMNS, ...rows]).join('\n')}\n`)
  console.log(`The budget is L*W/(W+RTT), ${ceiling.toFixed(1)} requests a second.`)
  console.log(`From the first workers on ${percent(usedOf(arrivals, whole, ceiling))} of it was used.`)
  console.log(`"used at its end" is of an act's last ${STEADY_MS / 1_000} s. "again" counts from the beginning of the change: from then on`)
  console.log('half in any second, after that 95 % in 5 s for the first time.')
}
