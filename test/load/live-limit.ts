// The limit changed while the workers run, by the limits file: lowered, raised again, and a file in between that can't be used.
// Started by `node test/load/live-limit.ts`, from the root of the repository. SOURCE (kubernetes, partitions), LIMIT and SECONDS (of
// an act) change it.

import { setTimeout as wait } from 'node:timers/promises'
import { mostInWindow } from '../support/window.ts'
import { ceilingOf, regained, usedOf, within } from './acts.ts'
import { aligned, percent, seconds as inSeconds } from './lines.ts'
import { mountFile, type MountedFile } from './mounted-file.ts'
import { runProgram, type Program } from './program.ts'
import { readSharing, type SharingSettings } from './sharing-settings.ts'
import { conclude, openSharingStage, WINDOW_MS, type Judgement, type SharingStage } from './sharing-stage.ts'

const PARTITIONS = 12
const WORKERS = 4
const LOWERED = 0.4
/** A worker looks once a second. */
const READ_WITHIN_MS = 15_000
const UNUSABLE = 'limits: the file can\'t be used, the last good limits stay in use'
const COLUMNS = ['act', 'limit', 'first read', 'last read', 'most in 1 s from then on', '95 % after', 'used']

interface Act {
  name: string
  limit: number
  /** The file is replaced. ms of the stand-in's clock. */
  from: number
  to: number
  /** When each worker said that it had read it. */
  readAt: number[]
}

await runProgram(15 * 60_000, async (program) => run(readSharing(process.env, { seconds: 45 }), program))

async function run(settings: SharingSettings, program: Program): Promise<number> {
  const { source, limit, seconds } = settings
  const lowered = Math.floor(limit * LOWERED)
  const track = (limit: number): string => JSON.stringify({ track: { limit, reserve: 0 } })
  const file = await mountFile('limits.json', track(limit))
  program.atEnd(file.remove)
  const env = { RATE_LIMITS_FILE: file.path }
  const stage = await openSharingStage({ name: 'live-limit', partitions: PARTITIONS, env, ...settings }, program)
  const { clock, feed, pods } = stage
  const waiting = Math.ceil((limit * 30) / PARTITIONS)
  await feed.supply(new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, { waiting }])))
  program.say(`Sharing by ${source}: ${WORKERS} workers, ${limit} requests in any second, lowered to ${lowered} and raised again.`)
  program.say(`The clocks of workers and stand-in are known within ${clock.errorMs.toFixed(1)} ms.`)
  await pods.scaleTo(WORKERS)
  await wait(seconds * 1_000, undefined, { signal: program.signal })

  const plays: Play[] = [
    { name: `lowered to ${lowered}`, content: track(lowered), limit: lowered, message: 'limit changed' },
    { name: 'a file that can\'t be used', content: '{"track": {"limit": "many"}}', limit: lowered, message: UNUSABLE },
    { name: `raised to ${limit}`, content: track(limit), limit, message: 'limit changed' },
  ]
  const acts: Act[] = []
  for (const play of plays) acts.push(await act(stage, file, play, seconds, program))
  const judgement = await stage.end()
  judgement.troubles.push(...report(acts, judgement))
  return conclude(judgement, stage, limit)
}

interface Play {
  name: string
  /** Of the file. */
  content: string
  /** What counts from then on. */
  limit: number
  /** What each worker says when it has read the file. */
  message: string
}

async function act(stage: SharingStage, file: MountedFile, play: Play, seconds: number, { say, signal }: Program): Promise<Act> {
  const { clock, pods } = stage
  const { name, content, limit, message } = play
  const said = () => pods.workers.map(({ logs }) => logs.filter(({ msg }) => msg === message).length)
  const before = said()
  const from = clock.now()
  say(`${name} ...`)
  await file.put(content)
  const allRead = () => said().every((count, index) => count > (before[index] as number))
  while (!allRead()) {
    if (clock.now() - from > READ_WITHIN_MS) throw new Error(`a worker has not said '${message}' within ${READ_WITHIN_MS} ms`)
    await wait(100, undefined, { signal })
  }
  const times = pods.workers.map(({ logs }) => Date.parse(String(logs.findLast(({ msg }) => msg === message)?.time)))
  const readAt = times.map((time) => clock.fromWall(time) + clock.errorMs)
  await wait(seconds * 1_000, undefined, { signal })
  return { name, limit, from, to: clock.now(), readAt }
}

/** Prints what happened. @returns a sentence for each promise that was broken */
function report(acts: readonly Act[], { arrivals }: Judgement): string[] {
  const troubles: string[] = []
  const slowestMs = Math.max(...arrivals.map(({ at, answeredAt }) => (answeredAt ?? at) - at))
  const rows = acts.map(({ name, limit, from, to, readAt }) => {
    const [first, last] = [Math.min(...readAt), Math.max(...readAt)]
    // what was sent before the last one had read it has left the window
    const held = { from: last + WINDOW_MS + slowestMs, to }
    const most = mostInWindow(within(arrivals, held), WINDOW_MS)
    const ceiling = ceilingOf(arrivals, held, { limit, windowMs: WINDOW_MS })
    if (most > limit) troubles.push(`${name}: ${most} requests arrived in one second after all workers had read ${limit}.`)
    return [
      name, String(limit), inSeconds(first - from), inSeconds(last - from), String(most),
      inSeconds(regained(arrivals, { from, to }, ceiling).mostMs), percent(usedOf(arrivals, held, ceiling)),
    ]
  })
  console.log(`\n${aligned([COLUMNS, ...rows]).join('\n')}\n`)
  console.log('Times count from the replacing of the file.')
  console.log('"95 % after": so long until 95 % of the act\'s budget were used in 5 s, after the last second with less than half of it.')
  console.log(`"from then on" is from the last reading + 1 s + the slowest answer (${slowestMs.toFixed(0)} ms).`)
  return troubles
}
