// What a broken promise is traced with: logs, requests and letters of the round, and a closer look at what was broken.

import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Arrival } from '../stand-in/account.ts'
import { countDuplicates } from '../support/duplicates.ts'
import { findInversions } from '../support/inversions.ts'
import { matchUp, type Outcome } from '../support/matching.ts'
import type { Judged, RoundResult } from './round.ts'
import { at } from './story.ts'

export interface EvidenceFolder {
  /** Has the workers' logs. */
  path: string
  /** Adds story, requests, letters and findings; from then on the folder stays. */
  keep(result: RoundResult): Promise<void>
  /** Removes the folder unless it was kept. */
  close(): Promise<void>
}

/** @param parent keeps the folder in any case; none: a temporary one, which stays only if it is kept */
export async function openEvidence(seed: number, parent: string | undefined): Promise<EvidenceFolder> {
  const path = parent === undefined ? await mkdtemp(join(tmpdir(), `customerio-soak-${seed}-`)) : join(parent, `round-${seed}`)
  await mkdir(path, { recursive: true })
  let kept = parent !== undefined
  return {
    path,
    keep: async ({ story, judged }) => {
      kept = true
      await writeFile(join(path, 'story.txt'), lines(story.lines))
      if (!judged) return
      await writeFile(join(path, 'arrivals.ndjson'), lines(judged.arrivals.map((arrival) => JSON.stringify(arrival))))
      await writeFile(join(path, 'letters.ndjson'), lines(judged.letters.map(({ headers }) => JSON.stringify(headers))))
      await writeFile(join(path, 'verdict.json'), `${JSON.stringify(judged.verdict, null, 2)}\n`)
      await writeFile(join(path, 'findings.txt'), lines(await findings(judged, path)))
    },
    close: async () => { if (!kept) await rm(path, { recursive: true, force: true }) },
  }
}

const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('')

/** What a worker's log says of one record. */
interface Said {
  worker: string
  /** ms since 1970, by a clock that may have been stepped. */
  time: number
  text: string
}

const MOST_SHOWN = 10
const EVENT_LINES = new Set(['delivered', 'put off', 'dead letter', 'dead letter not sent; it will be tried again'])

async function findings(judged: Judged, folder: string): Promise<string[]> {
  const { published, arrivals, letters, verdict } = judged
  const { outcomes } = matchUp(published, arrivals, letters.map(({ headers }) => headers.marker ?? 'no marker'))
  const byMarker = new Map(outcomes.map((outcome) => [outcome.item.marker, outcome]))
  const said = await readLogs(folder)
  const look = (title: string, chosen: Outcome[]): string[] => [`== ${title}`, ...chosen.flatMap((outcome) => describe(outcome, judged, said)), '']
  const some = (markers: readonly string[]) => markers.slice(0, MOST_SHOWN).map((marker) => byMarker.get(marker)!)
  const found: string[] = []
  if (verdict.lost.count > 0) found.push(...look('lost', some(verdict.lost.markers)))
  if (verdict.both.count > 0) found.push(...look('both delivered and dead-lettered', some(verdict.both.markers)))
  if (verdict.unexpectedLetters.count > 0) found.push(...look('dead-lettered though good', some(verdict.unexpectedLetters.markers)))
  if (verdict.unexpectedDeliveries.count > 0) found.push(...look('delivered though bad', some(verdict.unexpectedDeliveries.markers)))
  const uncovered = outcomes.filter((outcome) => countDuplicates([outcome], arrivals).uncovered > 0)
  for (const outcome of uncovered.slice(0, MOST_SHOWN)) {
    found.push(...look(`repeated, and not to be told as a repeat: ${outcome.item.marker}; all of its person:`, ofPerson(outcomes, outcome.item.person)))
  }
  for (const { person, before, after } of findInversions(outcomes).slice(0, MOST_SHOWN)) {
    found.push(...look(`out of order: ${after} overtook ${before}; all of their person:`, ofPerson(outcomes, person)))
  }
  found.push('== the fullest second', ...fullestSecond(judged).map((arrival) => describeArrival(arrival, judged, said)))
  return found
}

const ofPerson = (outcomes: Outcome[], person: string | null): Outcome[] => outcomes.filter(({ item }) => item.person === person)

function describe({ item, arrivals, letter }: Outcome, judged: Judged, said: Map<string, Said[]>): string[] {
  const place = judged.places.get(item.marker)
  const where = `${place?.partition}:${place?.offset}`
  const header = judged.letters.find(({ headers }) => headers.marker === item.marker)?.headers
  return [
    `${item.marker} ${where} ${item.type}${letter ? ' LETTER' : ''}${header ? ` ${JSON.stringify({ ...header, marker: undefined })}` : ''}`,
    ...arrivals.map((arrival) => `    ${describeArrival(arrival, judged, said)}`),
    ...(said.get(where) ?? []).map(({ worker, time, text }) => `    ${at(time - judged.zero.wall)}  ${worker} says: ${text}`),
  ]
}

function describeArrival({ n, request, at: arrivedAt, answeredAt, operation, status, fault, marker }: Arrival, { zero, places }: Judged, said: Map<string, Said[]>): string {
  const place = places.get(marker ?? '')
  const where = place ? `${place.partition}:${place.offset}` : 'no place'
  const workers = new Set((said.get(where) ?? []).map(({ worker }) => worker))
  const precise = (ms: number) => ((ms - zero.standIn) / 1_000).toFixed(3)
  return `+${precise(arrivedAt)} s  n=${n} request ${request} ${operation} ${marker} ${where} ${status ?? 'no answer'}${answeredAt === null ? '' : ` at +${precise(answeredAt)} s`}`
    + `${fault ? ` (${fault})` : ''} by ${[...workers].join(' or ') || 'unknown'}`
}

function fullestSecond({ arrivals, unit }: Judged): readonly Arrival[] {
  const sorted = arrivals.filter(({ index }) => unit === 'operation' || index === 0).toSorted((a, b) => a.at - b.at)
  let [from, to, first] = [0, 0, 0]
  for (const [last, arrival] of sorted.entries()) {
    while (arrival.at - sorted[first]!.at >= 1_000) first += 1
    if (last + 1 - first > to - from) [from, to] = [first, last + 1]
  }
  return sorted.slice(from, to)
}

/** By "partition:offset", what all workers said of it. */
async function readLogs(folder: string): Promise<Map<string, Said[]>> {
  const said = new Map<string, Said[]>()
  for (const file of (await readdir(folder)).filter((name) => /^worker-\d+\.log$/.test(name))) {
    for await (const text of createInterface({ input: createReadStream(join(folder, file)) })) {
      const line = parse(text)
      if (line?.offset === undefined || !EVENT_LINES.has(line.msg)) continue
      const where = `${line.partition}:${line.offset}`
      const entry = { worker: basename(file, '.log'), time: timeOf(line.time), text }
      said.set(where, [...(said.get(where) ?? []), entry])
    }
  }
  return said
}

const timeOf = (time: number | string): number => (typeof time === 'number' ? time : Date.parse(time))

function parse(text: string): { msg: string; partition: number; offset: number; time: number | string } | undefined {
  try {
    return JSON.parse(text) as ReturnType<typeof parse>
  } catch {
    return undefined
  }
}
