// Whether a run kept its promises: what was published is held against what arrived at Customer.io (the stand-in's account) and against the
// dead-letter topic. Nothing that a worker says about itself is believed. Pure.

import type { Arrival } from '../stand-in/account.ts'
import type { Api } from '../stand-in/routes.ts'
import { countDuplicates, countRepeatedSends, type Duplicates } from './duplicates.ts'
import { findInversions, type Inversion } from './inversions.ts'
import { matchUp, type Outcome } from './matching.ts'
import type { TrafficItem } from './traffic.ts'
import { mostInWindow } from './window.ts'

export interface Evidence {
  /** In the order of publishing. */
  published: readonly TrafficItem[]
  arrivals: readonly Arrival[]
  /** Records of the dead-letter topic; only their headers are looked at. */
  letters: readonly { headers: Record<string, string> }[]
  /** What the Track API allows in any window of `windowMs`: requests, or operations if `unit` says so. */
  limit: number
  windowMs: number
  unit?: 'request' | 'operation'
  /** Of the App API; what is not given is not looked at. */
  apis?: Partial<Record<AppApi, { limit: number; windowMs: number }>>
}

type AppApi = Exclude<Api, 'track'>

export interface Listing {
  count: number
  /** The first 20. */
  markers: string[]
}

export interface Verdict {
  published: number
  /** HTTP requests that arrived, the harmless ones and those of all APIs included. */
  requests: number
  /** What they asked for: as many as there are arrivals. */
  operations: number
  /** Events accepted at least once (2xx). */
  delivered: number
  /** Events with at least one dead letter. */
  deadLettered: number
  /** Dead-lettered events by the letter's reason. */
  deadLetteredBy: Record<string, number>
  /** Delivered and dead-lettered. */
  both: Listing
  /** Neither delivered nor dead-lettered. */
  lost: Listing
  /** Good events that were dead-lettered. */
  unexpectedLetters: Listing
  /** Bad events that were delivered. */
  unexpectedDeliveries: Listing
  /** Requests and dead letters that belong to nothing published. */
  unknown: number
  inversions: { count: number; examples: Inversion[] }
  /** Of the Track API. */
  mostInWindow: number
  /** Of those of the App API's limits that were given. */
  mostOfApis: Partial<Record<AppApi, number>>
  duplicates: Duplicates
  /** Messages, broadcasts and forms that were accepted beyond the first of their event. */
  repeatedSends: number
  /** Requests. */
  refused429: number
  ok: boolean
  /** One sentence a broken promise. */
  failures: string[]
}

const mostListed = 20

export function computeVerdict({ published, arrivals, letters, limit, windowMs, unit = 'request', apis = {} }: Evidence): Verdict {
  const reasons = new Map(letters.map(({ headers }) => [headers.marker ?? 'no marker', headers['cio-dlq-reason'] ?? 'no reason']))
  const { outcomes, unknownRequests, unknownLetters } = matchUp(published, arrivals, [...reasons.keys()])
  const listed = (choose: (outcome: Outcome) => boolean) => listing(outcomes.filter(choose).map(({ item }) => item.marker))
  const lettered = outcomes.filter(({ letter }) => letter)
  const inversions = findInversions(outcomes)
  const requests = arrivals.filter(({ index = 0 }) => index === 0)
  const limits = Object.entries(apis) as [AppApi, { limit: number; windowMs: number }][]
  const facts: Facts = {
    published: published.length,
    requests: requests.length,
    operations: arrivals.length,
    delivered: outcomes.filter(isDelivered).length,
    deadLettered: lettered.length,
    deadLetteredBy: countBy(lettered.map(({ item }) => reasons.get(item.marker) ?? 'no reason')),
    both: listed((outcome) => isDelivered(outcome) && outcome.letter),
    lost: listed((outcome) => !isDelivered(outcome) && !outcome.letter),
    unexpectedLetters: listed(({ item, letter }) => item.expect === 'delivered' && letter),
    unexpectedDeliveries: listed((outcome) => outcome.item.expect === 'dead-letter' && isDelivered(outcome)),
    unknown: unknownRequests.length + unknownLetters,
    inversions: { count: inversions.length, examples: inversions.slice(0, mostListed) },
    mostInWindow: mostInWindow(arrivals.filter(({ api }) => !isOfApp(api)), windowMs, unit),
    mostOfApis: Object.fromEntries(limits.map(([name, { windowMs }]) => [name, mostInWindow(arrivals.filter(({ api }) => api === name), windowMs)])),
    duplicates: countDuplicates(outcomes, arrivals),
    repeatedSends: countRepeatedSends(outcomes),
    refused429: requests.filter(({ status }) => status === 429).length,
  }
  const failures = [...failuresOf(facts, { limit, windowMs, unit }), ...limits.flatMap(([name, { limit, windowMs }]) => {
    const most = facts.mostOfApis[name] ?? 0
    return most > limit ? [`${most} requests of the ${name} API arrived within ${windowMs} ms; the limit is ${limit}.`] : []
  })]
  return { ...facts, ok: failures.length === 0, failures }
}

type Facts = Omit<Verdict, 'ok' | 'failures'>

function* failuresOf(facts: Facts, { limit, windowMs, unit }: Required<Pick<Evidence, 'limit' | 'windowMs' | 'unit'>>): Generator<string> {
  const { lost, both, unexpectedLetters, unexpectedDeliveries, unknown, inversions, duplicates } = facts
  if (lost.count > 0) yield `${events(lost)} lost: neither delivered nor in the dead-letter topic.`
  if (both.count > 0) yield `${events(both)} both delivered and dead-lettered.`
  if (unexpectedLetters.count > 0) yield `${events(unexpectedLetters)} dead-lettered though good.`
  if (unexpectedDeliveries.count > 0) yield `${events(unexpectedDeliveries)} delivered though bad.`
  if (unknown > 0) yield `${unknown} requests or dead letters belong to nothing that was published.`
  const [example] = inversions.examples
  if (example !== undefined) {
    yield `${inversions.count} times an event overtook an earlier one of its person (first: ${example.after} overtook ${example.before}).`
  }
  if (facts.mostInWindow > limit) yield `${facts.mostInWindow} ${unit}s arrived within ${windowMs} ms; the limit is ${limit}.`
  if (duplicates.uncovered > 0) yield `${duplicates.uncovered} repeated requests can't be told as repeats by their id and timestamp.`
}

function isOfApp(api: Api): boolean {
  return api === 'transactional' || api === 'general' || api === 'broadcast'
}

function isDelivered({ accepted }: Outcome): boolean {
  return accepted.length > 0
}

function events({ count, markers }: Listing): string {
  return `${count} ${count === 1 ? 'event is' : 'events are'} (first: ${markers[0] ?? 'none'})`
}

function listing(markers: string[]): Listing {
  return { count: markers.length, markers: markers.slice(0, mostListed) }
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
