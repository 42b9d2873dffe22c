import { idProblem, isLonger, isObject, timeProblem } from './checks.ts'
import { fingerprint } from './canonical.ts'
import type { Effect, Json } from './effect.ts'
import { json, markerOf, NO_OBJECT, oneError, parsedObject, text } from './reading.ts'
import type { Answer, Reading } from './reading.ts'
import { operationOf } from './routes.ts'
import type { Route, Sending } from './routes.ts'

/** Documented: people that one trigger may name, and bytes of its data. */
const MOST_RECIPIENTS = 10_000
const MOST_BROADCAST_BYTES = 50_000

/**
 * Reads a call of the App API. Only what customerio-node's request classes demand is demanded here, besides what the documentation says of
 * identifiers; whether a message or a broadcast of this id exists is not known here.
 * @param number of the request: what it is answered with is made of it, so that it is the same in each run
 */
export function readApp({ endpoint, subject }: Route, rawBody: string, number: number, nowS: number): Reading {
  const body = endpoint === 'transactionalList' || (endpoint === 'broadcast' && rawBody === '') ? {} : parsedObject(rawBody)
  const { answer, effect = null } = body === undefined ? { answer: oneError(NO_OBJECT) } : judge(endpoint, subject, body, number, nowS)
  const person = endpoint === 'broadcast' ? null : namedBy(body?.identifiers)
  const details = { operation: operationOf(endpoint), person, subject, eventId: null, timestamp: null, marker: markerOf(body ?? {}) }
  return { operations: [{ ...details, effect, problem: null }], answer, isBatch: false }
}

function judge(endpoint: Route['endpoint'], subject: string | null, body: Json, number: number, nowS: number): { answer: Answer; effect?: Effect } {
  switch (endpoint) {
    case 'transactionalList': return { answer: json(200, { messages: [] }) }
    case 'broadcast': {
      const wrong = broadcastError(subject, body)
      if (wrong !== undefined) return { answer: oneError({ message: wrong }) }
      return { answer: json(200, { id: number + 1 }), effect: sendOf('broadcast', body, null, subject) }
    }
    case 'email': case 'push': case 'sms': case 'whatsApp': case 'inApp': case 'inboxMessage': {
      const wrong = messageError(endpoint, body)
      if (wrong !== undefined) return { answer: oneError({ message: wrong }) }
      const deliveryId = `delivery-${number}`
      return { answer: json(200, { delivery_id: deliveryId, queued_at: nowS }), effect: sendOf(endpoint, body, deliveryId, null) }
    }
    default: throw new RangeError(`${endpoint} is no call of the App API`)
  }
}

function sendOf(kind: Sending | 'broadcast', body: Json, deliveryId: string | null, broadcast: string | null): Effect {
  const { transactional_message_id: message = null, identifiers = null, to } = body
  return {
    kind: 'send',
    send: {
      kind, delivery_id: deliveryId, to: text(to), identifiers: identifiers as Json | null, transactional_message_id: message as string | number | null,
      broadcast_id: broadcast, marker: markerOf(body), body: fingerprint(body),
    },
  }
}

function messageError(kind: Sending, body: Json): string | undefined {
  const { to, identifiers, transactional_message_id: message, message_data: data, send_at: sendAt } = body
  if (kind === 'email' && (typeof to !== 'string' || to.trim() === '')) return 'to must be a non-empty string'
  if (to !== undefined && typeof to !== 'string') return 'to must be a string'
  if (namedBy(identifiers) === null) return 'identifiers must hold exactly one of id, email, cio_id'
  const problem = idProblem(namedBy(identifiers), 'identifiers')
  if (problem !== undefined) return problem.message
  if (message !== undefined && typeof message !== 'string' && typeof message !== 'number') return 'transactional_message_id must be a string or a number'
  // An email may bring its own content in place of a message's.
  const needs = kind === 'email' && message === undefined ? ['body', 'subject', 'from'] : ['transactional_message_id']
  const missing = needs.find((field) => body[field] === undefined || body[field] === '')
  if (missing !== undefined) return `${missing} is required`
  if (data !== undefined && !isObject(data)) return 'message_data must be a hash'
  return timeProblem(sendAt, 'send_at')?.message
}

function broadcastError(id: string | null, { data, recipients, ids, emails, per_user_data: perUser, data_file_url: file }: Json): string | undefined {
  if (!/^[1-9]\d{0,9}$/.test(id ?? '')) return 'broadcast id must be a number'
  if (data !== undefined && !isObject(data)) return 'data must be a hash'
  if (data !== undefined && isLonger(JSON.stringify(data), MOST_BROADCAST_BYTES)) return `data cannot be longer than ${MOST_BROADCAST_BYTES} bytes`
  if (recipients !== undefined && !isObject(recipients)) return 'recipients must be a hash'
  if ([recipients, ids, emails, perUser, file].filter((given) => given !== undefined).length > 1) {
    return 'only one of recipients, ids, emails, per_user_data, data_file_url may be given'
  }
  for (const [field, list] of Object.entries({ ids, emails, per_user_data: perUser })) {
    if (list === undefined) continue
    if (!Array.isArray(list) || list.length === 0) return `${field} must be a list that is not empty`
    if (list.length > MOST_RECIPIENTS) return `${field} cannot be more than ${MOST_RECIPIENTS}`
  }
  return file === undefined || typeof file === 'string' ? undefined : 'data_file_url must be a string'
}

/** Whom exactly one identifier names; null if it is none or several. Here an id may be a number. */
function namedBy(identifiers: unknown): string | null {
  if (!isObject(identifiers)) return null
  const [[kind, value] = [], ...others] = Object.entries(identifiers)
  if (others.length > 0) return null
  if (kind === 'id' && typeof value === 'number') return String(value)
  return kind === 'id' || kind === 'email' || kind === 'cio_id' ? text(value) : null
}
