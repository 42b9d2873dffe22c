// What a process has taken of the machine so far, by Linux's /proc: all its threads, not its children.

import { readFileSync } from 'node:fs'

/** Of the times in /proc: 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** @throws if there is no such process, or no /proc */
export function cpuSecondsOf(pid: number): number {
  // the name of the command comes before, in brackets, and may hold spaces
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  return (user + system) / TICKS_PER_SECOND
}

/** Most resident memory since its start, and now. MiB. */
export function memoryOf(pid: number): { peakMiB: number; nowMiB: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) / 1_024
  return { peakMiB: mib('VmHWM'), nowMiB: mib('VmRSS') }
}
