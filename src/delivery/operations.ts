import type { Api } from '../api-limits.ts'
import type { CustomerEvent } from '../event.ts'
import type { EventType, PayloadOf } from '../event-schema.ts'
import { fitsOperation } from './v2.ts'

export { callApp, callSegment, callTrack } from './calls.ts'
export { estimateOf, operationOf } from './v2.ts'

/** How an event travels in batch mode: in a batch of v2; with others into or out of the same segment; or alone, by v1 or the App API. */
export type Carrier = 'batch' | `segment:${'add' | 'remove'}:${string}` | 'alone'

/** The API whose limit calls of the type count against. */
export function apiOf(type: EventType): Api {
  switch (type) {
    case 'email': case 'push': case 'sms': case 'inApp': return 'transactional'
    case 'broadcast': return 'broadcast'
    default: return 'track'
  }
}

/** What v2 can carry with the same effect goes in a batch. */
export function carrierOf(event: CustomerEvent): Carrier {
  switch (event.type) {
    case 'identify': return hasPlainId(event) && !steersV1(event.data) && fitsOperation(event) ? 'batch' : 'alone'
    case 'track': case 'page': case 'screen':
    case 'suppress': case 'unsuppress': case 'destroy':
    case 'addDevice': case 'deleteDevice': return hasPlainId(event) && fitsOperation(event) ? 'batch' : 'alone'
    // of v2 only, and no larger than it takes
    case 'identifyObject': case 'deleteObject': case 'addRelationships': case 'deleteRelationships': return 'batch'
    case 'addToSegment': return `segment:add:${segmentOf(event)}`
    case 'removeFromSegment': return `segment:remove:${segmentOf(event)}`
    // it is of two people, and nothing is promised about the order of a batch: neither may have another event in it
    case 'merge': return 'alone'
    case 'trackAnonymous': case 'unsubscribe': case 'formSubmit': case 'reportMetric': return 'alone'
    case 'email': case 'push': case 'sms': case 'inApp': case 'broadcast': return 'alone'
  }
}

/**
 * v1 tells by its form whether an id is an e-mail address or a cio_id (`cio_...`), as far as the workspace's settings allow; v2 has to be told.
 * We don't know the settings, and the wrong kind would make a new person: v1 goes on guessing.
 */
const hasPlainId = ({ person }: CustomerEvent): boolean => !person.includes('@') && !person.startsWith('cio_')

/**
 * Attributes that do more in v1 than to be stored: they name the person once more, tie an anonymous one to it, or bring relationships, for which v2
 * has another form. v2 is documented for none of them as an attribute. `_update` means the same in both.
 */
const STEER_V1 = ['id', 'cio_id', 'anonymous_id', 'cio_relationships'] as const
const steersV1 = (attributes: Readonly<Record<string, unknown>>): boolean => STEER_V1.some((name) => attributes[name] !== undefined)

/** All people of a call are named by the same kind of id. */
function segmentOf(event: CustomerEvent): string {
  const { segmentId, idType = 'id' } = event.data as PayloadOf<'addToSegment'>
  return `${segmentId}:${idType}`
}
