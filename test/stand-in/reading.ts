// What a request asks for, as read off its body, and what it is answered.

import type { Details } from './account.ts'
import { isObject } from './checks.ts'
import type { Problem } from './checks.ts'
import type { Effect, Json } from './effect.ts'

export interface Answer { status: number; headers: Record<string, string>; body: string }

/** One operation: what it does if it is valid, else what is wrong with it. Neither, if the whole request is refused, or changes nothing. */
export interface Asked extends Details { effect: Effect | null; problem: Problem | null }

export interface Reading {
  /** At least one, whatever is wrong with the request: the account tells what was asked for. */
  operations: Asked[]
  /** If nothing is wrong with the request as a whole, and no fault is ordered. */
  answer: Answer
  /** Whether it is a batch that is answered operation by operation. */
  isBatch: boolean
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

/** The answer to a request over the limit. Its form on the Track API is not documented: we follow the App API's. */
export function tooManyRequests(retryAfterS: number): Answer {
  return json(429, { errors: [{ detail: 'rate limit exceeded', status: '429' }] }, { 'retry-after': String(retryAfterS) })
}

// Customer.io writes a 400 of v1 in two shapes, and does not say when it uses which. Here: a list for what may be wrong in several
// ways at once (ids, attributes), a single text for bodies and events, and for all calls of the App API.
export function allErrors(problems: readonly Problem[]): Answer {
  return json(400, { meta: { errors: problems.map(({ message }) => message) } })
}

export function oneError({ message }: Pick<Problem, 'message'>, status = 400): Answer {
  return json(status, { meta: { error: message } })
}

export const NO_OBJECT = { message: 'request body must be a JSON object' }

/** The body as JSON; undefined if it is none. */
export function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** The body as a JSON object; undefined if it is anything else. */
export function parsedObject(body: string): Json | undefined {
  const value = parsed(body)
  return isObject(value) ? value : undefined
}

/** The `_marker` by which a test knows its own event again, wherever a body has room for it. */
export function markerOf(body: Json): string | null {
  const { data, attributes, message_data: messageData, device, cio_relationships: relationships, _marker: marker } = body
  return markerIn(data) ?? markerIn(attributes) ?? markerIn(messageData) ?? (isObject(device) ? markerIn(device.attributes) : null)
    ?? text(marker) ?? (Array.isArray(relationships) && isObject(relationships[0]) ? markerIn(relationships[0].relationship_attributes) : null)
}

function markerIn(part: unknown): string | null {
  if (!isObject(part)) return null
  const { _marker: marker } = part
  return text(marker)
}

export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

export function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
