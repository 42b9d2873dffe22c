import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Account, ApiLimit, Details } from './account.ts'
import { read } from './api.ts'
import type { Credentials } from './api.ts'
import { canonical } from './canonical.ts'
import type { Problem } from './checks.ts'
import { takesEffect } from './faults.ts'
import type { FaultEffect, Faults, Hit } from './faults.ts'
import { tooManyRequests } from './reading.ts'
import type { Answer, Asked, Reading } from './reading.ts'
import { carriesMany, operationOf, routeOf } from './routes.ts'
import type { Api, Route } from './routes.ts'
import type { State } from './state.ts'
import { batchAnswer } from './track-v2.ts'
import type { SlidingWindow } from './window.ts'

/** Everything that a reset starts anew. A request stays with the world it arrived in. */
export interface World { account: Account; state: State; windows: Record<Api, SlidingWindow>; faults: Faults }

/** What a stand-in is for as long as it runs. `clock`: monotonic, ms. */
export interface Setting { credentials: Credentials; limits: Record<Api, ApiLimit>; clock: () => number }

/**
 * One request to the API: arrival and window by its head alone; then its body, the fault plan, and what Customer.io would say;
 * then, after the plan's delay, the answer. `at`: when the head arrived, on `clock`. Where the window counts operations, only the body tells
 * how many they are: then it decides when that has arrived.
 */
export async function handleCall(req: IncomingMessage, res: ServerResponse, at: number, world: World, setting: Setting): Promise<void> {
  const { account, windows, faults } = world
  const { credentials, limits, clock } = setting
  const route = routeOf(req.method!, req.url!)
  const { api } = route
  const request = account.arrive(at, api, carriesMany(route.endpoint) ? null : headOf(route))
  const admit = (since: number, weight: number) => {
    const admission = windows[api].admit(since, weight)
    if (!admission.admitted) account.refuse(api)
    return admission
  }
  const ofHead = limits[api].unit === 'request' ? admit(at, 1) : undefined
  const send = ({ status, headers, body }: Answer, failed?: ReadonlyMap<number, Problem>) => {
    res.writeHead(status, headers).end(body)
    account.answer(request, clock(), status, failed && ((index) => failed.has(index)))
  }

  let rawBody: string
  try {
    rawBody = await text(req)
  } catch {
    // The client left before it had sent the whole request.
    if (request.arrivals.length === 0) account.describe(request, [headOf(route)], clock())
    return
  }
  const reading = read(route, req.headers.authorization, rawBody, credentials, request.number, Math.floor(Date.now() / 1000))
  const { operations } = reading
  const readAt = ofHead === undefined ? clock() : at
  account.describe(request, operations, readAt)
  const admission = ofHead ?? admit(readAt, operations.length)
  if (!admission.admitted) return after(faults.delayMs(undefined), res, () => send(tooManyRequests(admission.retryAfterS)))

  const call = route.endpoint === 'batch' || route.endpoint === 'entity' ? route.endpoint : null
  const bytes = Buffer.byteLength(rawBody)
  const keyOf = (index: number) => keyOfOperation(operations[index]!, carriesMany(route.endpoint) ? undefined : rawBody)
  const hit = faults.decide({ call, bytes, operations, keyOf }, at)
  const rule = hit?.rule
  for (const arrival of request.arrivals) if (hit?.failed?.has(arrival.index) ?? hit !== undefined) arrival.fault = hit!.rule.name
  const failed = failuresOf(reading, hit)
  // They take effect when they have arrived; only the answer is late. So a client that gives up waiting has not undone them.
  if (takesEffect(rule?.effect)) for (const [index, asked] of operations.entries()) if (!failed.has(index)) take(asked, world, at)
  after(faults.delayMs(rule?.effect), res, () => {
    if (rule?.effect.hang) return
    if (rule?.effect.reset !== undefined) return void res.socket!.resetAndDestroy()
    if (rule?.effect.torn) {
      tear(res)
      // its status line has told that the operations took effect; without that it is no answer at all
      if (rule.effect.accept) account.answer(request, clock(), 200)
      return
    }
    if (rule?.effect.status !== undefined) return send(faultAnswer(rule.name, rule.effect.status, rule.effect))
    if (failed.size === 0) return send(reading.answer)
    const { asStatus = 207, withoutIndex = false } = rule?.effect.partial ?? {}
    const failures = [...failed].toSorted(([a], [b]) => a - b).map(([index, problem]) => ({ index: withoutIndex ? undefined : index, problem }))
    send(batchAnswer(failures, asStatus), failed)
  })
}

/** What the path tells of a request's one operation. */
function headOf({ endpoint, person, subject }: Route): Details {
  return { operation: operationOf(endpoint), person, subject, eventId: null, timestamp: null, marker: null }
}

/** The operations of a batch that fail while the others are accepted, by their places: the bad ones, and those that a rule picked. */
function failuresOf({ isBatch, operations }: Reading, hit: Hit | undefined): ReadonlyMap<number, Problem> {
  const failed = new Map<number, Problem>()
  if (!isBatch) return failed
  for (const [index, { problem }] of operations.entries()) if (problem !== null) failed.set(index, problem)
  const { reason = 'invalid', field = '', message = `fault: ${hit?.rule.name}` } = hit?.rule.effect.partial ?? {}
  for (const index of hit?.failed ?? []) failed.set(index, { reason, field, message })
  return failed
}

function take({ effect }: Asked, { account, state }: World, at: number): void {
  if (effect === null) return
  const id = effect.kind === 'event' || effect.kind === 'anonymousEvent' ? effect.event.id : null
  if (id === null || account.accept(id)) state.apply(effect, Math.floor(Date.now() / 1000), at)
}

/** The same for every attempt at one operation: its marker, else its event's id, else what it says: its body, if it has one to itself. */
function keyOfOperation({ marker, eventId, operation, person, subject, effect }: Asked, ownBody: string | undefined): string {
  return marker ?? eventId ?? hash('sha1', JSON.stringify([operation, person, subject, ownBody ?? canonical(effect)]), 'base64')
}

/** Acts when the time has come, unless the client (or the stand-in) closed the socket before. */
function after(ms: number, res: ServerResponse, act: () => void): void {
  if (res.destroyed) return
  if (ms === 0) return act()
  const timer = setTimeout(act, ms)
  res.once('close', () => clearTimeout(timer))
}

function faultAnswer(name: string, status: number, { headers, body }: FaultEffect): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: body ?? JSON.stringify({ meta: { error: `fault: ${name}` } }),
  }
}

/** What there is of the body is a good answer: only the length tells that it is not all of it. */
function tear(res: ServerResponse): void {
  const body = '{}'
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length + 10 })
  res.write(body, () => res.destroy())
}
