import { z } from 'zod'

/**
 * The envelope that producers publish: one schema gives the parser, the types and docs/event.schema.json.
 * Byte limits are Customer.io's: person id 150, event name 100.
 */
const bytes = (max: number) => z.string().min(1).refine((v) => v.trim() !== '', 'is blank').refine((v) => Buffer.byteLength(v) <= max, { error: `is over ${max} bytes`, params: { limit: 'bytes' } })

/** Ids end up in a URL path: half surrogates can't be encoded, and the segments "." and ".." would change the path. */
const personId = bytes(150)
  .refine((v) => v.isWellFormed(), 'has a broken surrogate pair')
  .refine((v) => v !== '.' && v !== '..', 'must not be "." or ".."')
  .describe('Your id of the person, at most 150 bytes. A string, never a number.')

/** 1970 to 2100 in Unix seconds: more than that is milliseconds by mistake. */
export const LAST_SECOND = 4_102_444_800
const inRange = (iso: string) => Date.parse(iso) >= 1_000 && Date.parse(iso) <= LAST_SECOND * 1_000
const timestamp = z.union([
  z.number().int().min(1).max(LAST_SECOND),
  z.iso.datetime({ offset: true }).refine(inRange),
  z.iso.date().refine(inRange),
]).describe('When it happened: Unix seconds, or an ISO 8601 date or date-time. Default: the record\'s timestamp.')

const common = {
  id: z.string().min(1).max(1_000).optional().describe('Id of the event: Customer.io drops a repeated one. A ULID is used as it is, anything else is hashed.'),
  timestamp: timestamp.optional(),
}
const object = z.record(z.string(), z.unknown())
const person = { userId: personId, ...common }
const name = bytes(100)
const named = z.looseObject({ name, properties: object.optional() })
const happening = z.looseObject({ event: name, properties: object.optional() })
const identifier = z.looseObject({ id: personId.optional(), email: z.string().optional(), cio_id: z.string().optional() })
const transactional = { ...person, payload: object }

/** Types that this version delivers. */
const delivered = [
  z.looseObject({ type: z.literal('identify'), ...person, payload: object.optional() }),
  z.looseObject({ type: z.literal('track'), ...person, payload: happening }),
  z.looseObject({ type: z.literal('page'), ...person, payload: named }),
  z.looseObject({ type: z.literal('screen'), ...person, payload: named }),
  z.looseObject({ type: z.literal('trackAnonymous'), anonymousId: personId, ...common, payload: happening }),
  z.looseObject({ type: z.literal('suppress'), ...person }),
  z.looseObject({ type: z.literal('destroy'), ...person }),
] as const

/** Types that producers may publish one day; this version refuses them with a reason of their own. */
const later = [
  z.looseObject({ type: z.literal('unsuppress'), ...person }),
  z.looseObject({ type: z.literal('addDevice'), ...person, payload: z.looseObject({ token: z.string().min(1), platform: z.enum(['ios', 'android']) }) }),
  z.looseObject({ type: z.literal('deleteDevice'), ...person, payload: z.looseObject({ token: z.string().min(1) }) }),
  z.looseObject({ type: z.literal('merge'), ...person, payload: z.looseObject({ primary: identifier, secondary: identifier }) }),
  z.looseObject({ type: z.literal('addToSegment'), ...person, payload: z.looseObject({ segmentId: z.number().int() }) }),
  z.looseObject({ type: z.literal('removeFromSegment'), ...person, payload: z.looseObject({ segmentId: z.number().int() }) }),
  z.looseObject({ type: z.literal('unsubscribe'), ...common, payload: z.looseObject({ deliveryId: z.string().min(1) }) }),
  z.looseObject({ type: z.literal('formSubmit'), ...person, payload: z.looseObject({ formId: z.string().min(1), data: object }) }),
  z.looseObject({ type: z.literal('reportMetric'), ...common, payload: z.looseObject({ deliveryId: z.string().min(1), metric: z.string().min(1) }) }),
  z.looseObject({ type: z.literal('email'), ...transactional }),
  z.looseObject({ type: z.literal('push'), ...transactional }),
  z.looseObject({ type: z.literal('sms'), ...transactional }),
  z.looseObject({ type: z.literal('inApp'), ...transactional }),
  z.looseObject({ type: z.literal('broadcast'), ...common, payload: z.looseObject({ broadcastId: z.number().int() }) }),
] as const

export const deliverableSchema = z.discriminatedUnion('type', delivered)
export const envelopeSchema = z.discriminatedUnion('type', [...delivered, ...later])

/** An envelope of a type that this version delivers. */
export type Envelope = z.output<typeof deliverableSchema>
export type EventType = Envelope['type']

const typesOf = (schemas: readonly { shape: { type: { value: string } } }[]) => new Set(schemas.map((schema) => schema.shape.type.value))
export const deliveredTypes: ReadonlySet<string> = typesOf(delivered)
export const laterTypes: ReadonlySet<string> = typesOf(later)
