import { eventId } from './event-id.ts'
import type { RecordIdentity } from './event-id.ts'
import { deliverableSchema, deliveredTypes, LAST_SECOND, laterTypes } from './event-schema.ts'
import type { Envelope, EventType } from './event-schema.ts'

/** Most bytes of an event's data that Customer.io takes. */
const LARGEST_EVENT = 100_000
/** How much longer JSON.stringify can write what was read: 1e20 comes out as 21 digits. */
const MOST_GROWTH = 6
/** Deepest nesting taken: JSON.stringify is recursive and overflows the stack at some thousands. */
const DEEPEST = 1_000

/** Reasons of dead letters that are given before anything is sent: stable codes, an interface (docs/dead-letters.md). */
export const INVALID_REASONS = [
  'tombstone', 'undecodable', 'not_utf8', 'not_json', 'not_an_object', 'forbidden_key', 'too_deep',
  'unknown_type', 'type_not_delivered', 'invalid_user_id', 'id_too_long', 'invalid_id', 'invalid_timestamp', 'invalid_payload', 'event_too_large',
] as const
export type InvalidReason = typeof INVALID_REASONS[number]

/** One call to Customer.io that is to be made. */
export interface CustomerEvent {
  readonly kind: 'event'
  readonly type: EventType
  /** userId or anonymousId: events of one person stay in order. */
  readonly person: string
  /** ULID that stays the same at each delivery. */
  readonly id: string
  /** Unix seconds; undefined if neither the envelope nor the record has a time */
  readonly timestamp: number | undefined
  /** Event name: track, page, screen, trackAnonymous. */
  readonly name: string
  /** Attributes (identify) or properties. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface InvalidEvent {
  readonly kind: 'invalid'
  readonly reason: InvalidReason
  /** What is wrong and how to mend it; names fields, never shows values. */
  readonly message: string
}

/** Types that must not be repeated over newer data: they are committed before the person's next event goes out. */
export const NEVER_REPEATED: ReadonlySet<EventType> = new Set<EventType>(['suppress', 'destroy'])

const utf8 = new TextDecoder('utf-8', { fatal: true })
const invalid = (reason: InvalidReason, message: string): InvalidEvent => ({ kind: 'invalid', reason, message })

/**
 * Decodes and validates a record's value. Never throws.
 * @param replayId id from the header of a replayed dead letter, if any
 * @param namespace see eventId
 */
export function decodeEvent(record: RecordIdentity, replayId: string | undefined, namespace: string): CustomerEvent | InvalidEvent {
  if (record.value === null) return invalid('tombstone', 'the record has no value; publish a JSON object, and {"type":"destroy"} to delete a person')
  let text: string
  try {
    text = utf8.decode(record.value)
  } catch {
    return invalid('not_utf8', 'the value is not UTF-8 text')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return invalid('not_json', 'the value is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid('not_an_object', 'the value is JSON but not an object')
  // only texts that could have a fault inside are searched: each level takes two bytes, and the key's letters may also come as escapes
  if (text.length > 2 * DEEPEST || text.includes('__proto__') || /\\u00[5-7]/.test(text)) {
    const fault = faultInside(value)
    if (fault === 'forbidden_key') return invalid(fault, 'an object in the value has the key "__proto__"')
    if (fault === 'too_deep') return invalid(fault, `the value is nested deeper than ${DEEPEST} levels`)
  }
  return validate(value as Record<string, unknown>, record, replayId, namespace)
}

function validate(value: Record<string, unknown>, record: RecordIdentity, replayId: string | undefined, namespace: string): CustomerEvent | InvalidEvent {
  const type = value['type']
  if (typeof type === 'string' && laterTypes.has(type)) return invalid('type_not_delivered', `type: ${type} is known but not delivered by this version of the worker`)
  if (typeof type !== 'string' || !deliveredTypes.has(type)) return invalid('unknown_type', `type: must be one of ${[...deliveredTypes].join(', ')}`)
  const parsed = deliverableSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as { path: PropertyKey[]; message: string; params?: { limit?: string } }
    const field = String(issue.path[0] ?? '')
    const tooLong = issue.params?.limit === 'bytes'
    const message = `${issue.path.map(String).join('.')}: ${issue.message}`
    if (field === 'userId' || field === 'anonymousId') return invalid(tooLong ? 'id_too_long' : 'invalid_user_id', message)
    if (field === 'id') return invalid('invalid_id', message)
    if (field === 'timestamp') return invalid('invalid_timestamp', 'timestamp: must be Unix seconds (before the year 2100) or an ISO 8601 date or date-time')
    return invalid('invalid_payload', message)
  }
  const { name, data } = content(parsed.data)
  if (record.value && record.value.length * MOST_GROWTH > LARGEST_EVENT && Buffer.byteLength(JSON.stringify(data)) > LARGEST_EVENT) {
    return invalid('event_too_large', `the event's data is over ${LARGEST_EVENT} bytes`)
  }
  const given = replayId ?? parsed.data.id
  return {
    kind: 'event',
    type: parsed.data.type,
    person: parsed.data.type === 'trackAnonymous' ? parsed.data.anonymousId : parsed.data.userId,
    id: eventId(given, record, namespace),
    timestamp: unixSeconds(parsed.data.timestamp ?? record.timestamp / 1000),
    name,
    data,
  }
}

function content(envelope: Envelope): { name: string; data: Record<string, unknown> } {
  switch (envelope.type) {
    case 'identify': return { name: '', data: envelope.payload ?? {} }
    case 'track':
    case 'trackAnonymous': return { name: envelope.payload.event, data: envelope.payload.properties ?? {} }
    case 'page':
    case 'screen': return { name: envelope.payload.name, data: envelope.payload.properties ?? {} }
    case 'suppress':
    case 'destroy': return { name: '', data: {} }
  }
}

function unixSeconds(timestamp: number | string): number | undefined {
  const seconds = Math.floor(typeof timestamp === 'string' ? Date.parse(timestamp) / 1000 : timestamp)
  // a record's own time may be anything
  return seconds > 0 && seconds <= LAST_SECOND ? seconds : undefined
}

/** Level by level and not recursive, since the nesting may be as deep as the record is long. */
function faultInside(root: object): 'forbidden_key' | 'too_deep' | null {
  let level: object[] = [root]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST) return 'too_deep'
    const next: object[] = []
    for (const node of level) {
      if (Object.hasOwn(node, '__proto__')) return 'forbidden_key'
      for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
  return null
}
