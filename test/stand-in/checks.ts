import type { Json } from './effect.ts'

/** What is wrong with a call. `field` is the name of the part of the body at fault; '' = the body as a whole. */
export interface Problem { reason: string; field: string; message: string }

/** Customer.io's documented limits, in bytes, and the most attributes in one request. */
const LIMITS = {
  personId: 150,
  attributeName: 150,
  attributeValue: 1000,
  attributes: 300,
  eventName: 100,
  eventData: 100_000,
}

/** Keys of a v1 identify that steer the call and are not stored. */
const CONTROL_KEYS = new Set(['_timestamp', '_update', 'cio_relationships'])

/** Crockford's base 32, 26 characters of which the first carries only 3 bits. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i

/** Seconds far beyond any plausible date: the value must be milliseconds, sent by mistake. */
const NOT_SECONDS = 100_000_000_000

export function required(field: string, message: string): Problem {
  return { reason: 'required', field, message }
}

export function invalid(field: string, message: string): Problem {
  return { reason: 'invalid', field, message }
}

function tooLarge(field: string, message: string): Problem {
  return { reason: 'too_large', field, message }
}

/** What is wrong with an id (null: it could not be decoded, or is no text). `field` names it in the message, too. */
export function idProblem(id: unknown, field: string): Problem | undefined {
  if (typeof id !== 'string') return invalid(field, `${field} is not valid`)
  if (id.trim() === '') return required(field, `${field} attribute cannot be an empty string`)
  return isLonger(id, LIMITS.personId) ? tooLarge(field, `${field} attribute cannot be longer than ${LIMITS.personId} bytes`) : undefined
}

/** What is wrong with a person's id in a path (null: it could not be decoded). */
export function pathProblem(id: string | null): Problem | undefined {
  return id === null ? invalid('id', 'id is not valid percent-encoding') : idProblem(id, 'id')
}

/** Everything that is wrong with the body of a v1 identify, but for its relationships. */
export function identifyProblems(body: Json): Problem[] {
  const { _timestamp: timestamp, _update: onlyIfKnown } = body
  const problem = timeProblem(timestamp, '_timestamp')
  return [
    ...attributeProblems(attributesOf(body)),
    ...(problem === undefined ? [] : [problem]),
    ...(onlyIfKnown === undefined || typeof onlyIfKnown === 'boolean' ? [] : [invalid('_update', '_update must be a boolean')]),
  ]
}

/** Everything that is wrong with the attributes of a person, an object, a device or a relationship. */
export function attributeProblems(attributes: Json): Problem[] {
  const entries = Object.entries(attributes)
  const problems: Problem[] = []
  if (entries.length > LIMITS.attributes) problems.push(tooLarge('attributes', `cannot identify more than ${LIMITS.attributes} attributes in one request`))
  if (entries.some(([name]) => isLonger(name, LIMITS.attributeName))) {
    problems.push(tooLarge('attributes', `attribute name cannot be longer than ${LIMITS.attributeName} bytes`))
  }
  for (const [name, value] of entries) {
    if (!isLonger(text(value), LIMITS.attributeValue)) continue
    const shown = name.slice(0, LIMITS.attributeName)
    problems.push(tooLarge('attributes', `value for attribute '${shown}' cannot be longer than ${LIMITS.attributeValue} bytes`))
  }
  return problems
}

/** The first thing that is wrong with an event but for its size; undefined if nothing is. `dataField`: what the body calls the event's data. */
export function eventProblem({ name, id, type, timestamp, data }: Json, dataField = 'data'): Problem | undefined {
  if (typeof name !== 'string' || name.trim() === '') return required('name', 'event name must not be blank')
  if (isLonger(name, LIMITS.eventName)) return tooLarge('name', `event name cannot be longer than ${LIMITS.eventName} bytes`)
  if (data !== undefined && !isObject(data)) return invalid(dataField, `event ${dataField} must be a hash`)
  if (id !== undefined && !(typeof id === 'string' && ULID.test(id))) return invalid('id', 'event id must be a valid ULID')
  if (type !== undefined && !isEventType(type)) return invalid('type', 'event type must be one of event, page, screen')
  return timeProblem(timestamp, 'timestamp')
}

/** What is wrong with how much an event says. Measured as compact JSON: how the real API measures is not documented. */
export function dataProblem(data: unknown): Problem | undefined {
  return data !== undefined && isLonger(JSON.stringify(data), LIMITS.eventData)
    ? tooLarge('data', `event data cannot be longer than ${LIMITS.eventData} bytes`) : undefined
}

/** What is wrong with an anonymous event besides: its anonymous_id may be left out, but not be empty or too long. */
export function anonymousIdProblem(id: unknown): Problem | undefined {
  if (id === undefined) return undefined
  if (typeof id !== 'string' || id.trim() === '') return invalid('anonymous_id', 'anonymous_id must be a non-empty string')
  return isLonger(id, LIMITS.personId) ? tooLarge('anonymous_id', `anonymous_id cannot be longer than ${LIMITS.personId} bytes`) : undefined
}

/** What is wrong with a time in Unix seconds, which may be left out. */
export function timeProblem(value: unknown, field: string): Problem | undefined {
  const isTime = value === undefined || (Number.isInteger(value) && (value as number) >= 0 && (value as number) < NOT_SECONDS)
  return isTime ? undefined : invalid(field, `${field} must be an integer number of seconds`)
}

/** What is wrong with a field that must be a text if it is there. */
export function optionalTextProblem(value: unknown, field: string): Problem | undefined {
  return value === undefined || typeof value === 'string' ? undefined : invalid(field, `${field} must be a string`)
}

/** The attributes that a v1 identify stores. */
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

/** Whether a text has more than so many bytes. A character has 3 at most, so that most need no counting. */
export function isLonger(value: string, bytes: number): boolean {
  return value.length * 3 > bytes && Buffer.byteLength(value) > bytes
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
