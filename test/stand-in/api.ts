import type { Details } from './account.ts'
import { anonymousIdError, attributesOf, eventError, identifyErrors, isEventType, isObject, personErrors } from './checks.ts'
import type { Effect, KeptEvent } from './people.ts'
import { operationOf } from './routes.ts'
import type { Route } from './routes.ts'

export interface Answer { status: number; headers: Record<string, string>; body: string }
/** What a request is answered, and what it does if it is valid. */
export interface Verdict { answer: Answer; effect: Effect | null }
export interface Credentials { siteId: string; apiKey: string }

const ENVIRONMENT_ID = 1

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

/** The answer to a request over the limit. Its form on the Track API is not documented: we follow the App API's. */
export function tooManyRequests(retryAfterS: number): Answer {
  return json(429, { errors: [{ detail: 'rate limit exceeded', status: '429' }] }, { 'retry-after': String(retryAfterS) })
}

/** The body as a JSON object; undefined if it is anything else. */
export function parseBody(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** What the account notes of a request, valid or not. */
export function detailsOf({ endpoint, person }: Route, body: Record<string, unknown> = {}): Details {
  const isEvent = endpoint === 'event' || endpoint === 'anonymousEvent'
  const operation = operationOf(endpoint)
  const { _marker: marker, _timestamp: identifiedAt } = body
  const { _marker: eventMarker } = isObject(body.data) ? body.data : {}
  return {
    operation: operation === 'track' && (body.type === 'page' || body.type === 'screen') ? body.type : operation,
    person: endpoint === 'anonymousEvent' ? text(body.anonymous_id) : person,
    eventId: isEvent ? text(body.id) : null,
    timestamp: number(body.timestamp) ?? number(identifiedAt),
    marker: text(eventMarker) ?? text(marker),
  }
}

/** Judges an admitted request as Customer.io would: path, credentials, body. `rawBody` is '' if there is none. */
export function judge(route: Route, authorization: string | undefined, rawBody: string, credentials: Credentials): Verdict {
  const { endpoint, person } = route
  if (endpoint === 'unknown') return withoutEffect(json(404, { meta: { error: 'not found' } }))
  // The delivery id in its path is the secret of an unsubscribe.
  if (endpoint !== 'unsubscribe' && authorization !== basicAuth(credentials)) {
    return withoutEffect({ status: 401, headers: { 'content-type': 'text/plain' }, body: 'Unauthorized' })
  }
  const mustHaveBody = endpoint === 'identify' || endpoint === 'event' || endpoint === 'anonymousEvent'
  const body = rawBody === '' && !mustHaveBody ? {} : parseBody(rawBody)
  if (body === undefined) return withoutEffect(oneError('request body must be a JSON object'))

  switch (endpoint) {
    case 'identify': return judgeIdentify(person, body)
    case 'event': return judgeEvent(person, personErrors(person), body)
    case 'anonymousEvent': return judgeEvent(null, [anonymousIdError(body.anonymous_id) ?? []].flat(), body)
    case 'destroy': case 'suppress': case 'unsuppress': {
      const errors = personErrors(person)
      return errors.length > 0 ? withoutEffect(allErrors(errors)) : accepted({ kind: endpoint, person: person! })
    }
    case 'region': return withoutEffect(json(200, { region: 'us', data_center: 'us', environment_id: ENVIRONMENT_ID }))
    case 'form': return withoutEffect({ status: 204, headers: {}, body: '' })
    case 'unsubscribe': case 'other': return withoutEffect(json(200, {}))
  }
}

function judgeIdentify(person: string | null, body: Record<string, unknown>): Verdict {
  const errors = [...personErrors(person), ...identifyErrors(body)]
  if (errors.length > 0) return withoutEffect(allErrors(errors))
  const { _timestamp: timestamp, _update: update } = body
  return accepted({
    kind: 'identify', person: person!, attributes: attributesOf(body), timestamp: number(timestamp), onlyIfKnown: update === true,
  })
}

function judgeEvent(person: string | null, idErrors: string[], body: Record<string, unknown>): Verdict {
  if (idErrors.length > 0) return withoutEffect(allErrors(idErrors))
  const error = eventError(body)
  if (error !== undefined) return withoutEffect(oneError(error))
  const event: KeptEvent = {
    id: text(body.id),
    name: (body.name as string).trim(),
    type: isEventType(body.type) ? body.type : 'event',
    timestamp: number(body.timestamp),
  }
  return accepted({ kind: 'event', person, event })
}

function accepted(effect: Effect): Verdict {
  return { answer: json(200, {}), effect }
}

function withoutEffect(answer: Answer): Verdict {
  return { answer, effect: null }
}

// Customer.io writes a 400 in two shapes, and does not say when it uses which. Here: a list for what may be wrong in several
// ways at once (ids, attributes), a single text for bodies and events.
function allErrors(errors: string[]): Answer {
  return json(400, { meta: { errors } })
}

function oneError(error: string): Answer {
  return json(400, { meta: { error } })
}

function basicAuth({ siteId, apiKey }: Credentials): string {
  return `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
