import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Account, Arrival } from './account.ts'
import { detailsOf, judge, parseBody, tooManyRequests } from './api.ts'
import type { Answer, Credentials } from './api.ts'
import { takesEffect } from './faults.ts'
import type { FaultEffect, Faults } from './faults.ts'
import type { Effect, People } from './people.ts'
import { operationOf, routeOf } from './routes.ts'
import type { SlidingWindow } from './window.ts'

/** Everything that a reset starts anew. A request stays with the world it arrived in. */
export interface World { account: Account; people: People; window: SlidingWindow; faults: Faults }

/**
 * One request to the API: arrival and window by its head alone; then its body, the fault plan, and what Customer.io would say;
 * then, after the plan's delay, the answer. `at`: when the head arrived, on `clock` (ms).
 */
export async function handleCall(
  req: IncomingMessage, res: ServerResponse, at: number, world: World, credentials: Credentials, clock: () => number,
): Promise<void> {
  const { account, people, window, faults } = world
  const route = routeOf(req.method!, req.url!)
  const admission = window.admit(at)
  const arrival = account.arrive(at, operationOf(route.endpoint), route.person)
  if (!admission.admitted) account.refuse()
  const send = ({ status, headers, body }: Answer) => {
    res.writeHead(status, headers).end(body)
    account.answer(arrival, clock(), status)
  }

  let body: string
  try {
    body = await text(req)
  } catch {
    return // the client left before it had sent the whole request
  }
  account.describe(arrival, detailsOf(route, parseBody(body)))
  if (!admission.admitted) return after(faults.delayMs(undefined), res, () => send(tooManyRequests(admission.retryAfterS)))

  const rule = faults.decide({ operation: arrival.operation, person: arrival.person, key: keyOf(arrival, body) }, at)
  arrival.fault = rule?.name ?? null
  const { answer, effect } = judge(route, req.headers.authorization, body, credentials)
  // The event takes effect when it has arrived; only the answer is late. So a client that gives up waiting has not undone it.
  if (effect !== null && takesEffect(rule?.effect)) take(effect, account, people)
  after(faults.delayMs(rule?.effect), res, () => {
    if (rule?.effect.hang) return
    if (rule?.effect.reset !== undefined) return void res.socket!.resetAndDestroy()
    if (rule?.effect.torn) {
      tear(res)
      // its status line has told that the event took effect; without that it is no answer at all
      if (rule.effect.accept) account.answer(arrival, clock(), 200)
      return
    }
    send(rule?.effect.status === undefined ? answer : faultAnswer(rule.name, rule.effect.status, rule.effect))
  })
}

function take(effect: Effect, account: Account, people: People): void {
  const isRepeated = effect.kind === 'event' && effect.event.id !== null && !account.accept(effect.event.id)
  if (!isRepeated) people.apply(effect, Math.floor(Date.now() / 1000))
}

/** The same for every attempt at one event: its marker, else its id, else what it says. */
function keyOf({ marker, eventId, operation, person }: Arrival, body: string): string {
  return marker ?? eventId ?? createHash('sha1').update(JSON.stringify([operation, person, body])).digest('base64')
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
