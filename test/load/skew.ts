// What of the budget is used when the work is not spread evenly: with slots handed over to those who can use them, and without. A worker
// for each partition. Started by `node test/load/skew.ts`, from the root of the repository. SOURCE (kubernetes, partitions), LIMIT, SECONDS
// (until a case has settled) and WORKERS change it.

import { setTimeout as wait } from 'node:timers/promises'
import { wholeNumber } from '../support/settings.ts'
import { ceilingOf, usedOf } from './acts.ts'
import type { Supply } from './feed.ts'
import { aligned, percent, seconds as inSeconds } from './lines.ts'
import { runProgram, type Program } from './program.ts'
import { readSharing, type SharingSettings } from './sharing-settings.ts'
import { conclude, openSharingStage, WINDOW_MS, type Judgement, type SharingStage } from './sharing-stage.ts'

const PARTITIONS = 12
const STEADY_MS = 20_000
/** Where the work is: one partition, and a fifth of them, rounded down. */
const ONE = 0
const FIFTH = [1, 2]
/** Idle partitions that get work all of a sudden, one after the other. */
const WAKING = [5, 8, 11]
const RECLAIMED_WITHIN_MS = 90_000
const LOOK_MS = 100

interface Measured {
  name: string
  /** Its last part, in which all has settled; ms of the stand-in's clock. */
  from: number
  to: number
}

interface Findings {
  measured: Measured[]
  /** ms until a worker that was idle sends at 80 % of its new fair part; null: it did not within `RECLAIMED_WITHIN_MS`. */
  reclaims: (number | null)[]
  judgement: Judgement
  code: number
}

await runProgram(25 * 60_000, async (program) => {
  const settings = readSharing(process.env, { seconds: 60 })
  const workers = wholeNumber(process.env, 'WORKERS', { min: 2, max: PARTITIONS }) ?? PARTITIONS
  const findings = {
    'handed over': await run(settings, workers, true, program),
    'split evenly': await run(settings, workers, false, program),
  }
  report(findings, settings, workers)
  return Math.max(...Object.values(findings).map(({ code }) => code))
})

async function run(settings: SharingSettings, workers: number, isHandedOver: boolean, program: Program): Promise<Findings> {
  const { source, limit, seconds } = settings
  const nodeFlags = isHandedOver ? [] : ['--import', './test/load/without-hand-over.ts']
  const stage = await openSharingStage({ name: 'skew', partitions: PARTITIONS, nodeFlags, ...settings }, program)
  const { clock, feed, pods } = stage
  const how = isHandedOver ? 'handed over' : 'split evenly'
  program.say(`Sharing by ${source}, slots ${how}: ${limit} requests in any second, ${workers} workers.`)
  await pods.scaleTo(workers)

  const measured: Measured[] = []
  const measure = async (name: string, plan: ReadonlyMap<number, Supply>): Promise<void> => {
    program.say(`${name} ...`)
    await feed.supply(plan)
    await wait(seconds * 1_000 + STEADY_MS, undefined, { signal: program.signal })
    const to = clock.now()
    measured.push({ name, from: to - STEADY_MS, to })
  }
  const always: Supply = { waiting: limit * 3 }
  await measure(`all work in 1 of ${PARTITIONS} partitions`, new Map([[ONE, always]]))
  // split evenly there is nothing to be had back
  const reclaims = isHandedOver ? await wakeUp(stage, always, limit, program) : []
  await feed.supply(new Map())
  await untilDone(stage, ONE, program)
  // as many events as the budget has room for: a fifth of them where there is little work; where there is much, some always wait
  const little: Supply = { perSecond: (limit * 0.2 * 0.957) / (PARTITIONS - FIFTH.length) }
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  const plan = new Map(all.map((partition) => [partition, FIFTH.includes(partition) ? always : little]))
  await measure(`80 % of the work in ${FIFTH.length} of ${PARTITIONS} partitions`, plan)
  const judgement = await stage.end()
  const code = await conclude(judgement, stage, limit)
  return { measured, reclaims, judgement, code }
}

/** Resolves when what waits in the partition is delivered; to be called when it is supplied no more. */
async function untilDone({ feed }: SharingStage, partition: number, { signal }: Program): Promise<void> {
  while (feed.left(partition) > 0) await wait(LOOK_MS, undefined, { signal })
}

/** While one partition uses nearly everything another gets work: how long until its worker sends at 80 % of half of the budget. */
async function wakeUp(stage: SharingStage, always: Supply, limit: number, program: Program): Promise<(number | null)[]> {
  const { clock, feed, standIn } = stage
  const { say, signal } = program
  const reclaims: (number | null)[] = []
  /** In the last second, of one partition. */
  const rate = async (partition: number): Promise<number> => {
    const all = await standIn.arrivals(Math.max(0, (await standIn.account()).operations - 2 * limit))
    const from = clock.now() - WINDOW_MS
    return all.filter(({ at, marker }) => at >= from && Number(marker?.split('-')[1]) === partition).length
  }
  const reaches = async (partition: number, perSecond: number): Promise<number | null> => {
    const from = clock.now()
    while (clock.now() - from < RECLAIMED_WITHIN_MS) {
      if (await rate(partition) >= perSecond) return clock.now() - from
      await wait(LOOK_MS, undefined, { signal })
    }
    return null
  }
  const ceiling = (limit * 1_000) / (WINDOW_MS + 45)
  for (const partition of WAKING) {
    say(`partition ${partition} wakes up ...`)
    await feed.supply(new Map([[ONE, always], [partition, always]]))
    reclaims.push(await reaches(partition, (ceiling / 2) * 0.8))
    say(`... and sends at 80 % of its fair part after ${inSeconds(reclaims.at(-1) ?? null)}`)
    await feed.supply(new Map([[ONE, always]]))
    await untilDone(stage, partition, program)
    await reaches(ONE, ceiling * 0.7)
  }
  return reclaims
}

function report(findings: Record<string, Findings>, { source, limit }: SharingSettings, workers: number): void {
  const columns = Object.keys(findings)
  const all = Object.values(findings)
  const used = ({ measured, judgement: { arrivals } }: Findings, index: number): string => {
    const span = measured[index] as Measured
    return percent(usedOf(arrivals, span, ceilingOf(arrivals, span, { limit, windowMs: WINDOW_MS })))
  }
  const cases = (all[0] as Findings).measured
  const reclaims = (all[0] as Findings).reclaims.map(inSeconds).join(', ')
  const rows = cases.map(({ name }, index) => [name, ...all.map((found) => used(found, index))])
  console.log(`\nSharing by ${source}, ${workers} workers, limit ${limit}: part of the budget used, in the last ${STEADY_MS / 1_000} s.\n`)
  console.log(aligned([['case', ...columns], ...rows]).join('\n'))
  console.log(`\nA worker that was idle sends at 80 % of its new fair part after ${reclaims}.`)
}
