import { attributeProblems, eventProblem, invalid, isLonger, isObject, required, timeProblem } from './checks.ts'
import type { Problem } from './checks.ts'
import type { Effect, Json } from './effect.ts'
import {
  deviceOf, deviceProblem, linksOf, metricOf, metricProblem, objectOf, objectProblem, personOf, personProblem, relationshipsProblem,
} from './identifiers.ts'
import { json, markerOf, NO_OBJECT, number, parsed, text } from './reading.ts'
import type { Answer, Asked, Reading } from './reading.ts'
import type { Operation } from './routes.ts'
import { mergeProblem } from './track-v1.ts'

/** Documented as 32 kB and 500 kB. We picked the smaller thousand, which a client that counts in 1024 would overstep. */
export const MOST_OPERATION_BYTES = 32_000
export const MOST_BATCH_BYTES = 500_000

/** What one operation failed of, as the errors of a batch tell it. `index` is left out to be as vague as the real API may be. */
export interface Failure { index: number | undefined; problem: Problem }

/** Reads one operation sent for itself. */
export function readEntity(rawBody: string): Reading {
  const body = parsed(rawBody)
  if (!isObject(body)) return whole([nothing('entity')], 400, { reason: 'invalid', field: '', ...NO_OBJECT })
  const asked = readOperation(body)
  // What is too large is documented, but not how that is answered. We picked what a batch that is too large is answered.
  if (isLonger(rawBody, MOST_OPERATION_BYTES)) return whole([asked], 413, tooLarge('', 'request body', MOST_OPERATION_BYTES))
  return asked.problem === null ? { operations: [asked], answer: json(200, {}), isBatch: false } : whole([asked], 400, asked.problem)
}

/** Reads a batch. It may be refused as a whole; else its bad operations fail, and the others are accepted. */
export function readBatch(rawBody: string): Reading {
  const body = parsed(rawBody)
  if (!isObject(body)) return whole([nothing('batch')], 400, { reason: 'invalid', field: '', ...NO_OBJECT })
  const { batch } = body
  if (!Array.isArray(batch)) return whole([nothing('batch')], 400, required('batch', 'batch must be a list'))
  if (batch.length === 0) return whole([nothing('batch')], 400, required('batch', 'batch must not be empty'))
  const isTooLarge = isLonger(rawBody, MOST_BATCH_BYTES)
  // In a body that is no larger than one operation may be, none can be too large.
  const mayHoldTooLarge = isLonger(rawBody, MOST_OPERATION_BYTES)
  const operations = batch.map((operation: unknown) => {
    const asked = readOperation(operation)
    // Measured as compact JSON: how the real API measures is not documented.
    if (!mayHoldTooLarge || !isLonger(JSON.stringify(operation), MOST_OPERATION_BYTES)) return asked
    return { ...asked, effect: null, problem: tooLarge('', 'operation', MOST_OPERATION_BYTES) }
  })
  return isTooLarge ? whole(operations, 413, tooLarge('batch', 'batch', MOST_BATCH_BYTES)) : { operations, answer: json(200, {}), isBatch: true }
}

/** The answer to a batch of which some operations failed; to one of which all did as well, since no other form is documented for that. */
export function batchAnswer(failures: readonly Failure[], status: 200 | 207): Answer {
  return json(status, { errors: failures.map(({ index, problem }) => ({ batch_index: index, ...problem })) })
}

/** Refuses all of it. */
function whole(operations: Asked[], status: number, problem: Problem): Reading {
  return { operations: operations.map((asked) => ({ ...asked, effect: null, problem: null })), answer: json(status, { errors: [problem] }), isBatch: false }
}

function nothing(operation: 'batch' | 'entity'): Asked {
  return { operation, person: null, subject: null, eventId: null, timestamp: null, marker: null, effect: null, problem: null }
}

function tooLarge(field: string, what: string, most: number): Problem {
  return { reason: 'too_large', field, message: `${what} cannot be longer than ${most} bytes` }
}

/** What an operation says of itself, and what it does or what is wrong with it. Never both. */
function readOperation(operation: unknown): Asked {
  if (!isObject(operation)) return { ...nothing('batch'), operation: 'other', problem: invalid('', 'operation must be a JSON object') }
  const { type, action, identifiers } = operation
  const judged = type === 'person' ? judgePerson(operation, action)
    : type === 'object' ? judgeObject(operation, action)
    : type === 'delivery' ? judgeDelivery(operation, action)
    : failed('other', invalid('type', 'type must be one of person, object, delivery'))
  const isEvent = judged.operation === 'track' || judged.operation === 'page' || judged.operation === 'screen'
  return {
    operation: judged.operation,
    person: type === 'object' ? objectOf(identifiers) : type === 'delivery' ? null : action === 'merge' ? personOf(operation.primary) : personOf(identifiers),
    subject: subjectOf(operation),
    eventId: isEvent ? text(operation.id) : null,
    timestamp: number(operation.timestamp),
    marker: markerOf(operation),
    effect: judged.effect,
    problem: judged.problem,
  }
}

/** What v1 has in its path besides the person, or in its body. */
function subjectOf({ type, action, identifiers, device, secondary, cio_relationships: relationships }: Json): string | null {
  if (type === 'delivery') return isObject(identifiers) ? text(identifiers.id) : null
  if (action === 'merge') return personOf(secondary)
  if (isObject(device)) return text(device.token)
  const first: unknown = Array.isArray(relationships) ? relationships[0] : undefined
  if (!isObject(first) || action === 'identify') return null
  return type === 'object' ? personOf(first.identifiers) : objectOf(first.identifiers)
}

interface Judged { operation: Operation; effect: Effect | null; problem: Problem | null }

function does(operation: Operation, effect: Effect): Judged {
  return { operation, effect, problem: null }
}

function failed(operation: Operation, problem: Problem): Judged {
  return { operation, effect: null, problem }
}

const EVENT_OPERATIONS = { event: 'track', page: 'page', screen: 'screen' } as const
const RELATE = { add_relationships: 'addRelationships', delete_relationships: 'deleteRelationships' } as const
const FORGET = { delete: 'destroy', suppress: 'suppress', unsuppress: 'unsuppress' } as const

function judgePerson(body: Json, action: unknown): Judged {
  if (action === 'merge') {
    const problem = mergeProblem(body)
    return problem === undefined ? does('merge', { kind: 'merge', person: personOf(body.primary)!, secondary: personOf(body.secondary)! }) : failed('merge', problem)
  }
  const problem = personProblem(body.identifiers, 'identifiers')
  const person = personOf(body.identifiers) ?? ''
  switch (action) {
    case 'event': case 'page': case 'screen':
      return judgeEvent(body, action, person, problem)
    case 'identify': {
      const { timestamp, cio_relationships: relationships } = body
      const wrong = problem ?? identifyProblem(body, 'person')
      if (wrong !== undefined) return failed('identify', wrong)
      // It is not documented that this steers v2 as it steers v1. We picked that it does.
      const { _update: onlyIfKnown, ...attributes } = (body.attributes ?? {}) as Json
      return does('identify', {
        kind: 'identify', person, attributes, timestamp: number(timestamp), onlyIfKnown: onlyIfKnown === true,
        relate: relationships === undefined ? null : { kind: 'addRelationships', links: linksOf(relationships, { person }) },
      })
    }
    case 'add_device': {
      const wrong = problem ?? deviceProblem(body.device, 'token')
      return wrong === undefined ? does('addDevice', { kind: 'addDevice', person, device: deviceOf(body.device as Json, 'token') }) : failed('addDevice', wrong)
    }
    case 'delete_device': {
      const token = isObject(body.device) ? text(body.device.token) : null
      const wrong = problem ?? (token === null || token.trim() === '' ? required('device.token', 'device.token must be a non-empty string') : undefined)
      return wrong === undefined ? does('deleteDevice', { kind: 'deleteDevice', person, token: token! }) : failed('deleteDevice', wrong)
    }
    case 'delete': case 'suppress': case 'unsuppress':
      return problem === undefined ? does(FORGET[action], { kind: FORGET[action], person }) : failed(FORGET[action], problem)
    case 'add_relationships': case 'delete_relationships': {
      const wrong = problem ?? relationshipsProblem(body.cio_relationships, 'person')
      return wrong === undefined ? does(RELATE[action], { kind: RELATE[action], links: linksOf(body.cio_relationships, { person }) }) : failed(RELATE[action], wrong)
    }
    default: return failed('other', invalid('action', 'action is none that a person has'))
  }
}

function judgeEvent(body: Json, action: keyof typeof EVENT_OPERATIONS, person: string, ofPerson: Problem | undefined): Judged {
  const { name, id, timestamp, attributes } = body
  const operation = EVENT_OPERATIONS[action]
  const problem = ofPerson ?? eventProblem({ name, id, timestamp, data: attributes }, 'attributes')
  if (problem !== undefined) return failed(operation, problem)
  const event = { id: text(id), name: (name as string).trim(), type: action, timestamp: number(timestamp), data: (attributes ?? {}) as Json }
  return does(operation, { kind: 'event', person, event })
}

function judgeObject(body: Json, action: unknown): Judged {
  const problem = objectProblem(body.identifiers, 'identifiers')
  const object = objectOf(body.identifiers) ?? ''
  switch (action) {
    case 'identify': {
      const { attributes = {}, timestamp, cio_relationships: relationships } = body
      const wrong = problem ?? identifyProblem(body, 'object')
      if (wrong !== undefined) return failed('identifyObject', wrong)
      return does('identifyObject', {
        kind: 'identifyObject', object, attributes: attributes as Json, timestamp: number(timestamp),
        relate: relationships === undefined ? null : { kind: 'addRelationships', links: linksOf(relationships, { object }) },
      })
    }
    case 'delete':
      return problem === undefined ? does('deleteObject', { kind: 'deleteObject', object }) : failed('deleteObject', problem)
    case 'add_relationships': case 'delete_relationships': {
      const wrong = problem ?? relationshipsProblem(body.cio_relationships, 'object')
      return wrong === undefined ? does(RELATE[action], { kind: RELATE[action], links: linksOf(body.cio_relationships, { object }) }) : failed(RELATE[action], wrong)
    }
    default: return failed('other', invalid('action', 'action is none that an object has'))
  }
}

/** What is wrong with an identify, of a person or of an object. */
function identifyProblem({ attributes = {}, timestamp, cio_relationships: relationships }: Json, side: 'person' | 'object'): Problem | undefined {
  if (!isObject(attributes)) return invalid('attributes', 'attributes must be a hash')
  return attributeProblems(attributes)[0] ?? timeProblem(timestamp, 'timestamp')
    ?? (relationships === undefined ? undefined : relationshipsProblem(relationships, side))
}

/** A delivery has events only: its metric is the event's name. Its device is whom the message went to, which v1 names recipient. */
function judgeDelivery({ identifiers, name, attributes }: Json, action: unknown): Judged {
  if (action !== 'event') return failed('other', invalid('action', 'action is none that a delivery has'))
  if (!isObject(identifiers)) return failed('reportMetric', required('identifiers', 'identifiers must be a hash'))
  if (!isObject(attributes)) return failed('reportMetric', required('attributes', 'attributes must be a hash'))
  const { device_token: token } = attributes
  const metric: Json = { delivery_id: identifiers.id, metric: name, recipient: token }
  const problem = metricProblem(metric, 'name', true)
    ?? (typeof token === 'string' ? undefined : required('attributes.device_token', 'attributes.device_token must be a string'))
  return problem === undefined ? does('reportMetric', { kind: 'metric', metric: metricOf(metric) }) : failed('reportMetric', problem)
}
