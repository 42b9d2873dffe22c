// How the bodies of calls name people, devices, objects and deliveries, and what is wrong with that.

import { attributeProblems, idProblem, invalid, isObject, optionalTextProblem, required, timeProblem } from './checks.ts'
import type { Problem } from './checks.ts'
import type { Device, Json, Link, Metric } from './effect.ts'

const PERSON_KINDS = new Set(['id', 'email', 'cio_id'])
/** As the documentation of the metrics call lists them. */
const METRICS = new Set(['bounced', 'clicked', 'converted', 'deferred', 'delivered', 'dropped', 'opened', 'spammed'])
/** Those that push messages have, and that v2 takes. */
const PUSH_METRICS = new Set(['opened', 'converted', 'delivered'])

/** Whom identifiers name; null if they name nobody. People are known by one text, whichever kind of identifier it is: see people.ts. */
export function personOf(identifiers: unknown): string | null {
  if (!isObject(identifiers)) return null
  const { id, email, cio_id: cioId } = identifiers
  return personBy('id', id) ?? personBy('email', email) ?? personBy('cio_id', cioId)
}

/** Whom an identifier of this kind names; null if it is no text. */
export function personBy(kind: string, value: unknown): string | null {
  if (typeof value !== 'string') return null
  return kind === 'cio_id' && !value.startsWith('cio_') ? `cio_${value}` : value
}

/** What is wrong with the identifiers of a person: exactly one must be given. */
export function personProblem(identifiers: unknown, field: string): Problem | undefined {
  if (!isObject(identifiers)) return required(field, `${field} must be a hash`)
  const kinds = Object.keys(identifiers)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1 || !PERSON_KINDS.has(kind)) return invalid(field, `${field} must hold exactly one of id, email, cio_id`)
  return idProblem(identifiers[kind], `${field}.${kind}`)
}

/** Which object identifiers name, as "type/id"; null if they name none. A type's id is a number, so that this names one object only. */
export function objectOf(identifiers: unknown): string | null {
  if (!isObject(identifiers)) return null
  const { object_type_id: type, object_id: id } = identifiers
  return (typeof type === 'string' || typeof type === 'number') && typeof id === 'string' ? `${type}/${id}` : null
}

/** What is wrong with the identifiers of an object. A cio_object_id, which the real API would take as well, is not: the stand-in gives none. */
export function objectProblem(identifiers: unknown, field: string): Problem | undefined {
  if (!isObject(identifiers)) return required(field, `${field} must be a hash`)
  const { object_type_id: type, object_id: id, ...others } = identifiers
  if (Object.keys(others).length > 0) return invalid(field, `${field} must hold object_type_id and object_id only`)
  if (!/^[1-9]\d{0,9}$/.test(String(type))) return invalid(`${field}.object_type_id`, `${field}.object_type_id must be a number`)
  return idProblem(id, `${field}.object_id`)
}

/** Whose relationships a list tells: those of one person to objects, or of one object to people. */
export type Side = { person: string } | { object: string }

/** What is wrong with a list of relationships. */
export function relationshipsProblem(list: unknown, side: 'person' | 'object'): Problem | undefined {
  const field = 'cio_relationships'
  if (!Array.isArray(list) || list.length === 0) return required(field, `${field} must be a list that is not empty`)
  for (const relationship of list) {
    if (!isObject(relationship)) return invalid(field, `${field} must hold hashes`)
    const { identifiers, relationship_attributes: attributes = {} } = relationship
    const problem = side === 'person' ? objectProblem(identifiers, `${field}.identifiers`) : personProblem(identifiers, `${field}.identifiers`)
    if (problem !== undefined) return problem
    if (!isObject(attributes)) return invalid(`${field}.relationship_attributes`, 'relationship_attributes must be a hash')
    const [ofAttributes] = attributeProblems(attributes)
    if (ofAttributes !== undefined) return ofAttributes
  }
  return undefined
}

/** The relationships of a list in which nothing is wrong. */
export function linksOf(list: unknown, side: Side): Link[] {
  return (list as Json[]).map(({ identifiers, relationship_attributes: attributes = {} }) => 'person' in side
    ? { person: side.person, object: objectOf(identifiers)!, attributes: attributes as Json }
    : { person: personOf(identifiers)!, object: side.object, attributes: attributes as Json })
}

/** What is wrong with a device. `tokenField`: v1 calls its token id, v2 token. */
export function deviceProblem(device: unknown, tokenField: 'id' | 'token'): Problem | undefined {
  if (!isObject(device)) return required('device', 'device must be a hash')
  const { [tokenField]: token, platform, last_used: lastUsed, attributes = {} } = device
  // How long a token may be is not documented.
  if (typeof token !== 'string' || token.trim() === '') return required(`device.${tokenField}`, `device.${tokenField} must be a non-empty string`)
  if (platform !== 'ios' && platform !== 'android') return invalid('device.platform', 'device.platform must be one of ios, android')
  if (!isObject(attributes)) return invalid('device.attributes', 'device.attributes must be a hash')
  return timeProblem(lastUsed, 'device.last_used') ?? attributeProblems(attributes)[0]
}

/** The device of a body in which nothing is wrong. */
export function deviceOf({ platform, last_used: lastUsed = null, attributes = {}, ...device }: Json, tokenField: 'id' | 'token'): Device {
  return { token: device[tokenField] as string, platform: platform as string, lastUsed: lastUsed as number | null, attributes: attributes as Json }
}

/** What is wrong with a metric that was reported of a delivery. `isPush`: only those of push messages are taken. */
export function metricProblem(body: Json, metricField: string, isPush: boolean): Problem | undefined {
  const { delivery_id: delivery, metric, timestamp, recipient, reason, href } = body
  if (typeof delivery !== 'string' || delivery.trim() === '') return required('delivery_id', 'delivery_id must be a non-empty string')
  const known = isPush ? PUSH_METRICS : METRICS
  if (typeof metric !== 'string' || !known.has(metric)) return invalid(metricField, `${metricField} must be one of ${[...known].join(', ')}`)
  return timeProblem(timestamp, 'timestamp') ?? (typeof recipient === 'number' ? undefined : optionalTextProblem(recipient, 'recipient'))
    ?? optionalTextProblem(reason, 'reason') ?? optionalTextProblem(href, 'href')
}

/** The metric of a body in which nothing is wrong. */
export function metricOf({ delivery_id: delivery, metric, timestamp = null, recipient = null, reason = null, href = null }: Json): Metric {
  return {
    delivery: delivery as string, metric: metric as string, timestamp: timestamp as number | null,
    recipient: recipient === null ? null : String(recipient), reason: reason as string | null, href: href as string | null,
  }
}
