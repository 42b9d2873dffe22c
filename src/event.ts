import { isUtf8 } from 'node:buffer'
import { DecodedEvent } from './decoded-event.ts'
import { fitsOperation, ONLY_V2 } from './delivery/v2.ts'
import type { RecordIdentity } from './event-id.ts'
import { isObject, LIMITS } from './event-limits.ts'
import { isPlain } from './event-plain.ts'
import { deliveredTypes, schemaOf } from './event-schema.ts'
import type { Envelope, EventType } from './event-schema.ts'

/** Deepest nesting taken: JSON.stringify is recursive and overflows the stack at some thousands. */
const DEEPEST = 1_000

/** Reasons of dead letters that are given before anything is sent: stable codes, an interface (docs/dead-letters.md). */
export const INVALID_REASONS = [
  'tombstone', 'undecodable', 'not_utf8', 'not_json', 'not_an_object', 'forbidden_key', 'too_deep',
  'unknown_type', 'type_not_delivered', 'invalid_user_id', 'id_too_long', 'invalid_id', 'invalid_timestamp', 'invalid_payload',
  'too_many_attributes', 'attribute_name_too_long', 'attribute_value_too_long', 'event_too_large', 'operation_too_large',
] as const
export type InvalidReason = typeof INVALID_REASONS[number]

/** One call to Customer.io that is to be made. */
export interface CustomerEvent {
  readonly kind: 'event'
  readonly type: EventType
  /** Whose order it belongs to: the userId or anonymousId, or the object. Where neither is named: the record's key, or the delivery or broadcast. */
  readonly person: string
  /** ULID that stays the same at each delivery. Made when it is first asked for: most types go without. */
  readonly id: string
  /** Unix seconds; undefined if neither the envelope nor the record has a time */
  readonly timestamp: number | undefined
  /** Event name: track, page, screen, trackAnonymous. */
  readonly name: string
  /** Attributes (identify), properties (track and its like), else the payload. */
  readonly data: Readonly<Record<string, unknown>>
  /** Of the record's value, or of its JSON as we would write it if that is longer (1e20 is written out): nothing in it can take more. */
  readonly bytes: number
}

export interface InvalidEvent {
  readonly kind: 'invalid'
  readonly reason: InvalidReason
  /** What is wrong and how to mend it; names fields, never shows values. */
  readonly message: string
}

/** Types that must not be repeated over newer data: they are committed before the lane's next event goes out. */
export const NEVER_REPEATED: ReadonlySet<EventType> = new Set<EventType>(['destroy', 'suppress', 'unsuppress', 'merge', 'deleteObject'])

/** Types that Customer.io can't tell a repeat of, and that reach people: committed one by one, so that a crash repeats one at most. */
export const COMMITTED_ONE_BY_ONE: ReadonlySet<EventType> = new Set<EventType>(['email', 'push', 'sms', 'inApp', 'broadcast'])

const invalid = (reason: InvalidReason, message: string): InvalidEvent => ({ kind: 'invalid', reason, message })

/**
 * Decodes and validates a record's value. Never throws.
 * @param replayId id from the header of a replayed dead letter, if any
 * @param namespace see eventId
 */
export function decodeEvent(record: RecordIdentity, replayId: string | undefined, namespace: string): CustomerEvent | InvalidEvent {
  if (record.value === null) return invalid('tombstone', 'the record has no value; publish a JSON object, and {"type":"destroy"} to delete a person')
  if (!isUtf8(record.value)) return invalid('not_utf8', 'the value is not UTF-8 text')
  const text = textOf(record.value)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return invalid('not_json', 'the value is not JSON')
  }
  if (!isObject(value)) return invalid('not_an_object', 'the value is JSON but not an object')
  // only texts that could have a fault inside are searched: each level takes two bytes, and the key's letters may also come as escapes
  if (text.length > 2 * DEEPEST || text.includes('__proto__') || (text.includes('\\') && /\\u00[5-7]/.test(text))) {
    const fault = faultInside(value)
    if (fault === 'forbidden_key') return invalid(fault, 'an object in the value has the key "__proto__"')
    if (fault === 'too_deep') return invalid(fault, `the value is nested deeper than ${DEEPEST} levels`)
  }
  const parsed: Parsed | InvalidEvent = isPlain(value) ? { kind: 'good', envelope: value } : parse(value)
  if (parsed.kind === 'invalid') return parsed
  const length = record.value.length
  const bytes = EXPONENT.test(text) ? Math.max(length, Buffer.byteLength(JSON.stringify(value))) : length
  const event = new DecodedEvent(parsed.envelope, bytes, record, replayId, namespace)
  return faultOfSize(event) ?? event
}

/** Text of a number that may be longer when it is written anew. */
const EXPONENT = /[eE][-+]?\d+\s*[,\]}]/

/** A byte order mark in front does no harm. */
const textOf = (value: Buffer): string => value.toString('utf8', value[0] === 0xef && value[1] === 0xbb && value[2] === 0xbf ? 3 : 0)

interface Parsed { readonly kind: 'good'; readonly envelope: Envelope }

function parse(value: Record<string, unknown>): Parsed | InvalidEvent {
  const schema = schemaOf(value['type'])
  if (!schema) return invalid('unknown_type', `type: must be one of ${[...deliveredTypes].join(', ')}`)
  const parsed = schema.safeParse(value)
  if (parsed.success) return { kind: 'good', envelope: parsed.data }
  const issue = parsed.error.issues[0] as { path: PropertyKey[]; message: string; params?: { reason?: string } }
  const field = String(issue.path[0] ?? '')
  const reason = issue.params?.reason
  const message = `${issue.path.map(shown).join('.')}: ${issue.message}`
  if (field === 'userId' || field === 'anonymousId') return invalid(reason === 'too_long' ? 'id_too_long' : 'invalid_user_id', message)
  if (field === 'id') return invalid('invalid_id', message)
  if (field === 'timestamp') return invalid('invalid_timestamp', 'timestamp: must be Unix seconds (before the year 2100) or an ISO 8601 date or date-time')
  return invalid(isReason(reason) ? reason : 'invalid_payload', message)
}

const isReason = (text: string | undefined): text is InvalidReason => (INVALID_REASONS as readonly (string | undefined)[]).includes(text)

/** A part of a path; names of attributes are the producer's, and are shown only if they look like names. */
const shown = (part: PropertyKey): string => (/^\w[\w-]{0,49}$/.test(String(part)) ? String(part) : '(an attribute)')

function faultOfSize(event: CustomerEvent): InvalidEvent | undefined {
  switch (event.type) {
    case 'identify': case 'track': case 'page': case 'screen': case 'trackAnonymous':
      if (event.bytes <= LIMITS.eventData || Buffer.byteLength(JSON.stringify(event.data)) <= LIMITS.eventData) return undefined
      return invalid('event_too_large', `the event's data is over ${LIMITS.eventData} bytes`)
    default:
      if (!ONLY_V2.has(event.type) || fitsOperation(event)) return undefined
      return invalid('operation_too_large', `payload: Customer.io takes ${LIMITS.operation} bytes for a call of this type`)
  }
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
