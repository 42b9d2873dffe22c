// What the cases of Customer.io have in common: bad days as fault plans, single events, and what is read off the stand-in's account.

import { setTimeout as wait } from 'node:timers/promises'
import type { Arrival } from '../stand-in/account.ts'
import type { FaultPlan, FaultRule } from '../stand-in/faults.ts'
import type { Operation } from '../stand-in/routes.ts'
import { OTHER_CALLER, type Scenario } from '../support/scenario.ts'
import { credentials } from '../support/stage.ts'
import type { TrafficItem } from '../support/traffic.ts'
import type { Verdict } from '../support/verdict.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { byMode } from './fault-case.ts'
import { metrics } from './looks.ts'

/** Nobody waits for a minute in a test. */
export const quick = { RETRY_CAP_MS: '2000' }

export const HEALTHY: FaultPlan = { latencyMs: [20, 50] }

/** Every call that the worker makes, but for the one that asks for the account's region. */
export const EVENT_CALLS: Operation[] = ['identify', 'track', 'page', 'screen', 'trackAnonymous', 'destroy', 'suppress']

export const plan = (...rules: FaultRule[]): FaultPlan => ({ ...HEALTHY, rules })

/** `during` of a fault that lasts so long, and is over then. */
export function lasting(ms: number, ...rules: FaultRule[]): (scenario: Scenario) => Promise<void> {
  return async (scenario) => {
    await scenario.standIn.faults(plan(...rules))
    await wait(ms)
    await heal(scenario)
  }
}

export async function heal(scenario: Scenario): Promise<void> {
  await scenario.standIn.faults(HEALTHY)
  await scenario.over()
}

/** Requests that fell under the rule, in order of arrival. */
export async function hits(scenario: Scenario, rule: string): Promise<Arrival[]> {
  return (await scenario.standIn.arrivals()).filter(({ fault }) => fault === rule)
}

/** How many requests these came with. */
export const requestsOf = (arrivals: readonly Arrival[]): number => new Set(arrivals.map(({ request }) => request)).size

/** Arrivals that shared their requests with nothing else. */
export function alone(arrivals: readonly Arrival[]): Arrival[] {
  return [...Map.groupBy(arrivals, ({ request }) => request).values()].flatMap((together) => (together.length === 1 ? together : []))
}

/** Of so few people batches are small, and requests many: enough for chances that are of requests. One event a request: as many as ever. */
export const fewInBatches = (people: number): { people?: number } => byMode({ single: {}, batch: { people } })

/** Whether the worker's log has told this change of breaker, gate or quota. */
export const told = (worker: WorkerProcess, what: string, to: string): boolean => worker.logs.some((line) => line.what === what && line.to === to)

/** Whether any line of the log shows the text. */
export const shows = (worker: WorkerProcess, text: RegExp): boolean => worker.logs.some((line) => text.test(JSON.stringify(line)))

/** Whatever became of them: all requests for an event carry the same id and timestamp, so Customer.io can tell repeats. */
export async function expectSameIdAndTime(scenario: Scenario): Promise<void> {
  const seen = new Map<string, Set<string>>()
  for (const { marker, eventId, timestamp } of await scenario.standIn.arrivals()) {
    if (marker !== null) seen.set(marker, (seen.get(marker) ?? new Set()).add(`${eventId} at ${timestamp}`))
  }
  expect([...seen].filter(([, versions]) => versions.size > 1)).toEqual([])
}

/** A screen view: one event of a person of whom nothing else is known. */
export function screenView(person: string, marker: string, expectation: TrafficItem['expect'] = 'delivered'): TrafficItem {
  return eventOf(person, marker, 'screen', { name: 'Basket', properties: { _marker: marker } }, expectation)
}

export function pageView(person: string, marker: string): TrafficItem {
  return eventOf(person, marker, 'page', { name: 'https://shop.example/tea', properties: { _marker: marker } }, 'delivered')
}

function eventOf(person: string, marker: string, type: string, payload: object, expectation: TrafficItem['expect']): TrafficItem {
  const value = Buffer.from(JSON.stringify({ type, userId: person, payload }))
  return { marker, key: Buffer.from(person), value, headers: { marker }, person, type, eventId: null, expect: expectation, hasBody: true }
}

/** Somebody else's requests to the same workspace, at a steady rate, until stopped. */
export function otherCaller(scenario: Scenario, perSecond: number): { stop(): Promise<void> } {
  const url = `${scenario.standIn.url}/api/v1/customers/${OTHER_CALLER}/events`
  const authorization = `Basic ${Buffer.from(`${credentials.siteId}:${credentials.apiKey}`).toString('base64')}`
  const underWay = new Set<Promise<void>>()
  const call = async (): Promise<void> => {
    const response = await fetch(url, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: '{"name":"import"}' })
    await response.text()
  }
  const timer = setInterval(() => {
    const request = call().finally(() => underWay.delete(request))
    underWay.add(request)
  }, 1_000 / perSecond)
  return {
    stop: async () => {
      clearInterval(timer)
      await Promise.all(underWay)
    },
  }
}

export async function expectReady(workers: WorkerProcess[]): Promise<void> {
  for (const { port } of workers) expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200)
}

/** The fault has bitten: attempts were put off for this cause. */
export async function expectCause(scenario: Scenario, cause: string): Promise<void> {
  const counts = await metrics(scenario.workers, `retries_total\\{[^}]*cause="${cause}"[^}]*\\}`)
  expect({ cause, seen: counts.some((count) => count > 0) }).toEqual({ cause, seen: true })
}

/** Events that took effect were sent again, and Customer.io could tell. */
export async function expectRepeatsTold(scenario: Scenario): Promise<void> {
  expect((await scenario.standIn.account()).repeatedEventIds).toBeGreaterThan(0)
  await expectSameIdAndTime(scenario)
}

/** `after` of a fault in which events took effect and were sent again for this cause. */
export function repeatedAfter(cause: string) {
  return async (scenario: Scenario, verdict: Verdict): Promise<void> => {
    expect(verdict.deadLettered).toBe(0)
    await expectCause(scenario, cause)
    await expectRepeatsTold(scenario)
  }
}

/** Requests to where the redirects lead. */
export const followed = async (scenario: Scenario) => (await scenario.standIn.arrivals()).filter(({ operation }) => operation === 'other')
