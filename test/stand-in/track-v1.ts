import type { Details } from './account.ts'
import {
  anonymousIdProblem, attributesOf, dataProblem, eventProblem, idProblem, identifyProblems, invalid, isEventType, isObject, pathProblem, required,
} from './checks.ts'
import type { Problem } from './checks.ts'
import type { Effect, Event, Json, Relate } from './effect.ts'
import { deviceOf, deviceProblem, linksOf, metricOf, metricProblem, personBy, personOf, personProblem, relationshipsProblem } from './identifiers.ts'
import { allErrors, json, markerOf, NO_OBJECT, number, oneError, parsedObject, text } from './reading.ts'
import type { Answer, Asked, Reading } from './reading.ts'
import { operationOf } from './routes.ts'
import type { Route } from './routes.ts'

const ENVIRONMENT_ID = 1
/** Documented: so many people in one call. */
const MOST_IDS = 1000
/** Bodies that may not be left out. */
const MUST_HAVE_BODY = new Set(['identify', 'event', 'anonymousEvent', 'addDevice', 'merge', 'addToSegment', 'removeFromSegment', 'metric', 'pushMetric', 'form'])

/** Reads a call of Track v1. `rawBody` is '' if there is none. */
export function readV1(route: Route, rawBody: string): Reading {
  const body = rawBody === '' && !MUST_HAVE_BODY.has(route.endpoint) ? {} : parsedObject(rawBody)
  if (route.endpoint === 'addToSegment' || route.endpoint === 'removeFromSegment') return readSegment(route, route.endpoint, body)
  const details = detailsOf(route, body ?? {})
  const { answer, effect = null } = body === undefined ? { answer: oneError(NO_OBJECT) } : judge(route, body)
  return { operations: [{ ...details, effect, problem: null }], answer, isBatch: false }
}

/** What the account notes of a call, valid or not. */
function detailsOf({ endpoint, person, subject }: Route, body: Json): Details {
  const operation = operationOf(endpoint)
  const isEvent = endpoint === 'event' || endpoint === 'anonymousEvent'
  const { _timestamp: identifiedAt } = body
  return {
    operation: operation === 'track' && (body.type === 'page' || body.type === 'screen') ? body.type : operation,
    person: endpoint === 'anonymousEvent' ? text(body.anonymous_id)
      : endpoint === 'merge' ? personOf(body.primary)
      : endpoint === 'form' ? personOf(body.data)
      : person,
    subject: endpoint === 'addDevice' && isObject(body.device) ? text(body.device.id)
      : endpoint === 'merge' ? personOf(body.secondary)
      : endpoint === 'metric' || endpoint === 'pushMetric' ? text(body.delivery_id)
      : subject,
    eventId: isEvent ? text(body.id) : null,
    timestamp: number(body.timestamp) ?? number(identifiedAt),
    marker: markerOf(body),
  }
}

interface Verdict { answer: Answer; effect?: Effect }

function judge({ endpoint, person, subject }: Route, body: Json): Verdict {
  const ofPerson = pathProblem(person)
  switch (endpoint) {
    case 'identify': return judgeIdentify(person, ofPerson, body)
    case 'event': return judgeEvent(ofPerson, body, (event) => ({ kind: 'event', person: person!, event }))
    case 'anonymousEvent':
      return judgeEvent(anonymousIdProblem(body.anonymous_id), body, (event) => ({ kind: 'anonymousEvent', anonymousId: text(body.anonymous_id), event }))
    case 'destroy': case 'suppress': case 'unsuppress':
      return ofPerson === undefined ? accepted({ kind: endpoint, person: person! }) : refused(ofPerson)
    case 'addDevice': {
      const problem = ofPerson ?? deviceProblem(body.device, 'id')
      return problem === undefined ? accepted({ kind: 'addDevice', person: person!, device: deviceOf(body.device as Json, 'id') }) : refused(problem)
    }
    case 'deleteDevice': {
      const problem = ofPerson ?? (subject === null ? invalid('token', 'token is not valid percent-encoding') : undefined)
      return problem === undefined ? accepted({ kind: 'deleteDevice', person: person!, token: subject! }) : refused(problem)
    }
    case 'merge': {
      const problem = mergeProblem(body)
      return problem === undefined ? accepted({ kind: 'merge', person: personOf(body.primary)!, secondary: personOf(body.secondary)! }) : refused(problem)
    }
    case 'metric': return judgeMetric(body, 'metric', false)
    // Its device is whom the message went to, which the universal call names recipient.
    case 'pushMetric': return judgeMetric({ ...body, metric: body.event, recipient: body.device_id }, 'event', true)
    case 'form': {
      const problem = formProblem(subject, body.data)
      if (problem !== undefined) return refused(problem)
      return { answer: { status: 204, headers: {}, body: '' }, effect: { kind: 'form', form: subject!, person: personOf(body.data)!, data: body.data as Json } }
    }
    case 'unsubscribe': {
      const { unsubscribe = true } = body
      if (subject === null) return refused(invalid('delivery_id', 'delivery_id is not valid percent-encoding'))
      return typeof unsubscribe === 'boolean' ? accepted({ kind: 'unsubscribe', delivery: subject, unsubscribed: unsubscribe })
        : refused(invalid('unsubscribe', 'unsubscribe must be a boolean'))
    }
    case 'region': return { answer: json(200, { region: 'us', data_center: 'us', environment_id: ENVIRONMENT_ID }) }
    default: throw new RangeError(`${endpoint} is no call of Track v1`)
  }
}

function judgeIdentify(person: string | null, ofPerson: Problem | undefined, body: Json): Verdict {
  const { _timestamp: timestamp, _update: update, cio_relationships: relationships } = body
  const ofRelationships = relationships === undefined ? undefined : relateProblem(relationships)
  const problems = [...(ofPerson === undefined ? [] : [ofPerson]), ...identifyProblems(body), ...(ofRelationships === undefined ? [] : [ofRelationships])]
  if (problems.length > 0) return { answer: allErrors(problems) }
  return accepted({
    kind: 'identify', person: person!, attributes: attributesOf(body), timestamp: number(timestamp), onlyIfKnown: update === true,
    relate: relationships === undefined ? null : relateOf(relationships as Json, person!),
  })
}

/** v1 says with the list what to do with it, in place of a call of its own. */
function relateProblem(relationships: unknown): Problem | undefined {
  if (!isObject(relationships)) return invalid('cio_relationships', 'cio_relationships must be a hash')
  const { action, relationships: list } = relationships
  if (action !== 'add_relationships' && action !== 'delete_relationships') {
    return invalid('cio_relationships.action', 'cio_relationships.action must be one of add_relationships, delete_relationships')
  }
  return relationshipsProblem(list, 'person')
}

function relateOf({ action, relationships }: Json, person: string): Relate {
  return { kind: action === 'add_relationships' ? 'addRelationships' : 'deleteRelationships', links: linksOf(relationships, { person }) }
}

function judgeEvent(ofId: Problem | undefined, body: Json, effectOf: (event: Event) => Effect): Verdict {
  if (ofId !== undefined) return refused(ofId)
  const problem = eventProblem(body) ?? dataProblem(body.data)
  if (problem !== undefined) return { answer: oneError(problem) }
  return accepted(effectOf({
    id: text(body.id),
    name: (body.name as string).trim(),
    type: isEventType(body.type) ? body.type : 'event',
    timestamp: number(body.timestamp),
    data: (body.data ?? {}) as Json,
  }))
}

function judgeMetric(body: Json, metricField: string, isPush: boolean): Verdict {
  const problem = metricProblem(body, metricField, isPush)
  return problem === undefined ? accepted({ kind: 'metric', metric: metricOf(body) }) : refused(problem)
}

/** What is wrong with a merge, of v1 and v2 alike. */
export function mergeProblem({ primary, secondary }: Json): Problem | undefined {
  const problem = personProblem(primary, 'primary') ?? personProblem(secondary, 'secondary')
  if (problem !== undefined) return problem
  return personOf(primary) === personOf(secondary) ? invalid('secondary', 'primary and secondary must not be the same person') : undefined
}

function formProblem(form: string | null, data: unknown): Problem | undefined {
  if (form === null) return invalid('form_id', 'form_id is not valid percent-encoding')
  if (!isObject(data)) return required('data', 'data must be a hash')
  const { id, email } = data
  if ((id === undefined) === (email === undefined)) return invalid('data', 'data must hold exactly one of id, email')
  return idProblem(id ?? email, id === undefined ? 'data.email' : 'data.id')
}

/** A call for many people is one operation a person. Its ids are all good, or nobody is added: what the real API does is not documented. */
function readSegment({ subject, idType }: Route, operation: 'addToSegment' | 'removeFromSegment', body: Json | undefined): Reading {
  const ids: unknown[] = Array.isArray(body?.ids) && body.ids.length > 0 ? body.ids : [null]
  const problem = segmentProblem(subject, idType, body)
  const operations = ids.map((id): Asked => {
    const person = personBy(idType, id)
    return {
      operation, person, subject, eventId: null, timestamp: null, marker: null, problem: null,
      effect: problem === undefined ? { kind: operation, person: person!, segment: subject! } : null,
    }
  })
  return { operations, answer: problem === undefined ? json(200, {}) : oneError(problem), isBatch: false }
}

function segmentProblem(segment: string | null, idType: string, body: Json | undefined): Pick<Problem, 'message'> | undefined {
  if (body === undefined) return NO_OBJECT
  if (!/^[1-9]\d{0,9}$/.test(segment ?? '')) return { message: 'segment id must be a number' }
  if (!['id', 'email', 'cio_id'].includes(idType)) return { message: 'id_type must be one of id, email, cio_id' }
  const { ids } = body
  if (!Array.isArray(ids) || ids.length === 0) return { message: 'ids must be a list that is not empty' }
  if (ids.length > MOST_IDS) return { message: `ids cannot be more than ${MOST_IDS}` }
  for (const id of ids) {
    const problem = idProblem(id, 'ids')
    if (problem !== undefined) return problem
  }
  return undefined
}

function accepted(effect: Effect): Verdict {
  return { answer: json(200, {}), effect }
}

function refused(problem: Problem): Verdict {
  return { answer: ID_FIELDS.has(problem.field) ? allErrors([problem]) : oneError(problem) }
}

/** What is wrong with these is told as a list: see allErrors. */
const ID_FIELDS = new Set(['id', 'anonymous_id'])
