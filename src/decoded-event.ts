import { eventId } from './event-id.ts'
import type { RecordIdentity } from './event-id.ts'
import { unixSeconds } from './event-limits.ts'
import type { Envelope, EventType } from './event-schema.ts'
import type { CustomerEvent } from './event.ts'

/** An event made of an envelope that is in order. Its id is made only if somebody asks: that takes as long as all the rest. */
export class DecodedEvent implements CustomerEvent {
  readonly kind = 'event'
  readonly type: EventType
  readonly person: string
  readonly timestamp: number | undefined
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
  readonly bytes: number
  readonly #record: RecordIdentity
  readonly #given: string | undefined
  readonly #namespace: string
  #id: string | undefined

  constructor(envelope: Envelope, bytes: number, record: RecordIdentity, replayId: string | undefined, namespace: string) {
    this.type = envelope.type
    this.person = personOf(envelope, record)
    this.timestamp = unixSeconds(envelope.timestamp ?? record.timestamp / 1000)
    this.name = nameOf(envelope)
    this.data = dataOf(envelope)
    this.bytes = bytes
    this.#record = record
    this.#given = replayId ?? envelope.id
    this.#namespace = namespace
  }

  get id(): string {
    this.#id ??= eventId(this.#given, this.#record, this.#namespace)
    return this.#id
  }
}

function personOf(envelope: Envelope, { key }: RecordIdentity): string {
  const keyed = (otherwise: string) => (key && key.length > 0 ? key.toString() : otherwise)
  switch (envelope.type) {
    case 'trackAnonymous': return envelope.anonymousId
    case 'unsubscribe':
    case 'reportMetric': return envelope.userId ?? keyed(envelope.payload.deliveryId)
    case 'identifyObject':
    case 'deleteObject': return `${envelope.payload.objectTypeId}/${envelope.payload.objectId}`
    case 'broadcast': return keyed(`broadcast ${envelope.payload.broadcastId}`)
    default: return envelope.userId
  }
}

function nameOf(envelope: Envelope): string {
  switch (envelope.type) {
    case 'track':
    case 'trackAnonymous': return envelope.payload.event
    case 'page':
    case 'screen': return envelope.payload.name
    default: return ''
  }
}

function dataOf(envelope: Envelope): Record<string, unknown> {
  switch (envelope.type) {
    case 'identify': return envelope.payload ?? {}
    case 'track':
    case 'trackAnonymous':
    case 'page':
    case 'screen': return envelope.payload.properties ?? {}
    case 'suppress':
    case 'destroy':
    case 'unsuppress': return {}
    default: return envelope.payload
  }
}
