type Json = Record<string, unknown>

/** Customer.io's documented limits, in bytes, and the most attributes in one request. */
const LIMITS = {
  personId: 150,
  attributeName: 150,
  attributeValue: 1000,
  attributes: 300,
  eventName: 100,
  eventData: 100_000,
}

/** Keys of an identify that steer the call and are not stored. */
const CONTROL_KEYS = new Set(['_timestamp', '_update'])

/** Crockford's base 32, 26 characters of which the first carries only 3 bits. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i

/** Seconds far beyond any plausible date: the value must be milliseconds, sent by mistake. */
const NOT_SECONDS = 100_000_000_000

/** What is wrong with a person's id (null: the path could not be decoded); empty if nothing is. */
export function personErrors(id: string | null): string[] {
  if (id === null) return ['id is not valid percent-encoding']
  if (id.trim() === '') return ['id attribute cannot be an empty string']
  return bytes(id) > LIMITS.personId ? [`id attribute cannot be longer than ${LIMITS.personId} bytes`] : []
}

/** Everything that is wrong with the body of an identify. */
export function identifyErrors(body: Json): string[] {
  const { _timestamp: timestamp, _update: onlyIfKnown } = body
  const attributes = Object.entries(attributesOf(body))
  return [
    ...(attributes.length > LIMITS.attributes ? [`cannot identify more than ${LIMITS.attributes} attributes in one request`] : []),
    ...(attributes.some(([name]) => bytes(name) > LIMITS.attributeName)
      ? [`attribute name cannot be longer than ${LIMITS.attributeName} bytes`] : []),
    ...attributes.filter(([, value]) => bytes(text(value)) > LIMITS.attributeValue)
      .map(([name]) => `value for attribute '${name.slice(0, LIMITS.attributeName)}' cannot be longer than ${LIMITS.attributeValue} bytes`),
    ...(isTimestamp(timestamp) ? [] : ['_timestamp must be an integer number of seconds']),
    ...(onlyIfKnown === undefined || typeof onlyIfKnown === 'boolean' ? [] : ['_update must be a boolean']),
  ]
}

/** The first thing that is wrong with the body of an event; undefined if nothing is. */
export function eventError(body: Json): string | undefined {
  const { name, data, id, type } = body
  if (typeof name !== 'string' || name.trim() === '') return 'event name must not be blank'
  if (bytes(name) > LIMITS.eventName) return `event name cannot be longer than ${LIMITS.eventName} bytes`
  if (data !== undefined && !isObject(data)) return 'event data must be a hash'
  // Measured as compact JSON: how the real API measures is not documented.
  if (bytes(JSON.stringify(data ?? {})) > LIMITS.eventData) return `event data cannot be longer than ${LIMITS.eventData} bytes`
  if (id !== undefined && !(typeof id === 'string' && ULID.test(id))) return 'event id must be a valid ULID'
  if (type !== undefined && !isEventType(type)) return 'event type must be one of event, page, screen'
  return isTimestamp(body.timestamp) ? undefined : 'timestamp must be an integer number of seconds'
}

/** What is wrong with an anonymous event besides: its anonymous_id may be left out, but not be empty or too long. */
export function anonymousIdError(id: unknown): string | undefined {
  if (id === undefined) return undefined
  if (typeof id !== 'string' || id.trim() === '') return 'anonymous_id must be a non-empty string'
  return bytes(id) > LIMITS.personId ? `anonymous_id cannot be longer than ${LIMITS.personId} bytes` : undefined
}

/** The attributes that an identify stores. */
export function attributesOf(body: Json): Json {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !CONTROL_KEYS.has(name)))
}

/** True for a JSON object, false for an array, null, or anything else. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True for the event types that the API knows. */
export function isEventType(type: unknown): type is 'event' | 'page' | 'screen' {
  return type === 'event' || type === 'page' || type === 'screen'
}

function isTimestamp(value: unknown): boolean {
  return value === undefined || (Number.isInteger(value) && (value as number) >= 0 && (value as number) < NOT_SECONDS)
}

function bytes(value: string): number {
  return Buffer.byteLength(value)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
