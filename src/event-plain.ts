import { attributeFault, fits, isBlank, isDots, isObject, LAST_SECOND, LIMITS, LONGEST_EVENT_ID } from './event-limits.ts'
import type { Envelope } from './event-schema.ts'

type PlainEnvelope = Extract<Envelope, { type: 'identify' | 'track' | 'page' | 'screen' | 'trackAnonymous' }>

/**
 * Whether an envelope is certainly in order, in a fraction of the time that the schema takes: most events are, and are of few types.
 * A no says nothing: ask the schema, which also tells what is wrong. A yes the schema would say, too (a test holds that).
 */
export function isPlain(value: Record<string, unknown>): value is PlainEnvelope {
  const { type, userId, payload } = value
  if (!isEventId(value['id']) || !isTime(value['timestamp'])) return false
  switch (type) {
    case 'identify': return isPersonId(userId) && (payload === undefined || areAttributes(payload))
    case 'track': return isPersonId(userId) && isNamed(payload, 'event')
    case 'page':
    case 'screen': return isPersonId(userId) && isNamed(payload, 'name')
    case 'trackAnonymous': return isPersonId(value['anonymousId']) && isNamed(payload, 'event')
    default: return false
  }
}

const isText = (value: unknown, bytes: number): value is string => typeof value === 'string' && fits(value, bytes) && !isBlank(value)

const isPersonId = (value: unknown): boolean => isText(value, LIMITS.personId) && value.isWellFormed() && !isDots(value)

const areAttributes = (payload: unknown): boolean =>
  isObject(payload) && (payload['_update'] === undefined || typeof payload['_update'] === 'boolean') && attributeFault(payload) === undefined

const isNamed = (payload: unknown, field: 'event' | 'name'): boolean =>
  isObject(payload) && isText(payload[field], LIMITS.eventName) && (payload['properties'] === undefined || isObject(payload['properties']))

const isEventId = (value: unknown): boolean => value === undefined || (typeof value === 'string' && value.length > 0 && value.length <= LONGEST_EVENT_ID)

/** A time in UTC as JSON.stringify and most other writers put it. */
const UTC = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?Z$/

/** Whole seconds, or UTC that names a day that there is: Date takes 31 February, but gives another day back. */
function isTime(value: unknown): boolean {
  if (value === undefined) return true
  if (typeof value === 'number') return Number.isInteger(value) && value >= 1 && value <= LAST_SECOND
  if (typeof value !== 'string' || !UTC.test(value)) return false
  const ms = Date.parse(value)
  return ms >= 1_000 && ms <= LAST_SECOND * 1_000 && new Date(ms).getUTCDate() === Number(value.slice(8, 10))
}
