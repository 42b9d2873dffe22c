import { LIMITS, unixSeconds } from '../event-limits.ts'
import type { CustomerEvent } from '../event.ts'
import type { EventType, PayloadOf } from '../event-schema.ts'

/** Calls that v1 does not have: they must fit into an operation of v2. */
export const ONLY_V2: ReadonlySet<EventType> = new Set<EventType>(['identifyObject', 'deleteObject', 'addRelationships', 'deleteRelationships'])

/** What the form of an operation has on top of the record's, bytes: a page without properties, id and time 93, and a comma. */
const OVERHEAD = 96
/** The same for each relationship. */
const OVERHEAD_OF_RELATIONSHIP = 48

/** Bytes that the event takes in a batch: so many at most, and mostly a quarter less. */
export function estimateOf(event: CustomerEvent): number {
  const relationships = event.data['relationships']
  return event.bytes + OVERHEAD + (Array.isArray(relationships) && ONLY_V2.has(event.type) ? relationships.length * OVERHEAD_OF_RELATIONSHIP : 0)
}

/** Whether v2 takes it as one operation. Counted only where the estimate says no. */
export function fitsOperation(event: CustomerEvent): boolean {
  return estimateOf(event) <= LIMITS.operation || Buffer.byteLength(JSON.stringify(operationOf(event))) <= LIMITS.operation
}

/**
 * The event as an operation of v2, for its calls `entity` and `batch`.
 * @throws RangeError if v2 has none
 */
export function operationOf(event: CustomerEvent): Record<string, unknown> {
  switch (event.type) {
    case 'identify': return { ...personOf(event), action: 'identify', timestamp: event.timestamp, attributes: withoutTimestamp(event.data) }
    case 'track': return happening(event, 'event')
    case 'page': return happening(event, 'page')
    case 'screen': return happening(event, 'screen')
    case 'destroy': return { ...personOf(event), action: 'delete' }
    case 'suppress': return { ...personOf(event), action: 'suppress' }
    case 'unsuppress': return { ...personOf(event), action: 'unsuppress' }
    case 'addDevice': {
      const { token, platform, attributes = {} } = event.data as PayloadOf<'addDevice'>
      return { ...personOf(event), action: 'add_device', device: { token, platform, last_used: lastUsedOf(event), ...(Object.keys(attributes).length > 0 && { attributes }) } }
    }
    case 'deleteDevice': return { ...personOf(event), action: 'delete_device', device: { token: event.data['token'] } }
    case 'merge': return { type: 'person', action: 'merge', primary: event.data['primary'], secondary: event.data['secondary'] }
    case 'addRelationships': return { ...personOf(event), action: 'add_relationships', cio_relationships: objectsOf(event) }
    case 'deleteRelationships': return { ...personOf(event), action: 'delete_relationships', cio_relationships: objectsOf(event) }
    case 'identifyObject': {
      const { attributes = {}, relationships = [] } = event.data as PayloadOf<'identifyObject'>
      const people = relationships.map(({ userId, attributes: ofRelationship }) => related({ id: userId }, ofRelationship))
      return { ...objectOf(event), action: 'identify', attributes, ...(people.length > 0 && { cio_relationships: people }) }
    }
    case 'deleteObject': return { ...objectOf(event), action: 'delete' }
    // v2 has no anonymous events. Its deliveries take neither a time nor a recipient, and need the token of a device
    case 'trackAnonymous': case 'reportMetric':
    case 'addToSegment': case 'removeFromSegment': case 'unsubscribe': case 'formSubmit':
    case 'email': case 'push': case 'sms': case 'inApp': case 'broadcast':
      throw new RangeError(`${event.type} is no operation of v2`)
  }
}

/** When the device was last used, Unix seconds; if the producer does not say so, at the event: a repeat must not make it look used again. */
export function lastUsedOf(event: CustomerEvent): number | undefined {
  const { lastUsed } = event.data as PayloadOf<'addDevice'>
  return lastUsed === undefined ? event.timestamp : unixSeconds(lastUsed)
}

function happening({ person, name, id, timestamp, data }: CustomerEvent, action: string): Record<string, unknown> {
  return { type: 'person', identifiers: { id: person }, action, name, id, timestamp, attributes: data }
}

const personOf = ({ person }: CustomerEvent) => ({ type: 'person', identifiers: { id: person } })

const objectOf = (event: CustomerEvent) => ({ type: 'object', identifiers: idsOf(event.data as PayloadOf<'deleteObject'>) })

/** Ids of types are numbers that v2 wants as text. */
const idsOf = ({ objectTypeId, objectId }: PayloadOf<'deleteObject'>) => ({ object_type_id: String(objectTypeId), object_id: objectId })

function objectsOf(event: CustomerEvent) {
  const { relationships } = event.data as PayloadOf<'addRelationships'>
  return relationships.map((relationship) => related(idsOf(relationship), event.type === 'addRelationships' ? relationship.attributes : undefined))
}

const related = (identifiers: Record<string, unknown>, attributes: Record<string, unknown> | undefined) =>
  ({ identifiers, ...(attributes && { relationship_attributes: attributes }) })

/** v1 gets the event's time under this name, whatever the attributes say; v2 has a field for it. */
function withoutTimestamp(attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.hasOwn(attributes, '_timestamp') ? Object.fromEntries(Object.entries(attributes).filter(([name]) => name !== '_timestamp')) : attributes
}
