// Where a worker's CPU time goes: its .cpuprofile as a table. By hand: node test/bench/profile.ts FILE

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { aligned } from '../load/lines.ts'
import { RESULTS } from './part.ts'
import { byPlace, selfTimes, type CpuProfile, type SelfTime } from './self-times.ts'

const TOP = 25

/** Of Node: a sample each 500 us, written when the process ends. */
export const profileFlags = (id: string): string[] => ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${RESULTS}`, `--cpu-prof-name=${id}.cpuprofile`]

/** @param events how many were delivered meanwhile: the time is also told for each */
export function profileLines(times: readonly SelfTime[], events: number | undefined): string[] {
  const all = times.reduce((sum, { ms }) => sum + ms, 0)
  const rows = times.slice(0, TOP).map(({ where, ms }) => [where, ms.toFixed(0), (ms * 100 / all).toFixed(1), ...(events ? [(ms * 1_000 / events).toFixed(2)] : [])])
  return aligned([['', 'ms', '%', ...(events ? ['us an event'] : [])], ...rows])
}

export function printProfile(id: string, title: string, events?: number): void {
  const file = join(RESULTS, `${id}.cpuprofile`)
  const times = selfTimes(JSON.parse(readFileSync(file, 'utf8')) as CpuProfile)
  console.log(`\nProfile of ${title}: self time, the whole life of the process\n${profileLines(times, events).join('\n')}`)
  console.log(`\nBy file and package\n${profileLines(byPlace(times), events).join('\n')}\n(${file} opens in the developer tools of Chrome)`)
}

if (import.meta.main) {
  const [, , file = ''] = process.argv
  const times = selfTimes(JSON.parse(readFileSync(file, 'utf8')) as CpuProfile)
  console.log([...profileLines(times, undefined), '', ...profileLines(byPlace(times), undefined)].join('\n'))
}
