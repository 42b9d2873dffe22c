import { z } from 'zod'
import { attributeFault, fits, isBlank, isDots, LAST_SECOND, LIMITS, LONGEST_EVENT_ID } from './event-limits.ts'
import { broadcast, email, inApp, ONE_IDENTIFIER, push, sms, strict } from './event-schema-app.ts'

// the worker runs without code generation: so do all who read events
z.config({ jitless: true })

/**
 * The envelope that producers publish: one schema gives the parser, the types and docs/event.schema.json.
 * A rule that is not of the form has a reason of its own in `params.reason`, if it is not just an invalid payload.
 */
const filled = z.string().min(1).refine((v) => !isBlank(v), 'is blank')
const text = (most: number) => filled.refine((v) => fits(v, most), { error: `is over ${most} bytes`, params: { reason: 'too_long' } })
/** Part of a URL path: half surrogates can't be encoded. */
const inPath = <S extends z.ZodString>(schema: S) => schema
  .refine((v) => v.isWellFormed(), 'has a broken surrogate pair')
  .refine((v) => !isDots(v), 'must not be "." or ".."')

const personId = inPath(text(LIMITS.personId)).describe('Your id of the person, at most 150 bytes. A string, never a number.')
const pathText = inPath(filled)

const inRange = (iso: string) => Date.parse(iso) >= 1_000 && Date.parse(iso) <= LAST_SECOND * 1_000
const time = z.union([
  z.number().int().min(1).max(LAST_SECOND),
  z.iso.datetime({ offset: true }).refine(inRange),
  z.iso.date().refine(inRange),
], 'must be Unix seconds (before the year 2100) or an ISO 8601 date or date-time')

const common = {
  id: z.string().min(1).max(LONGEST_EVENT_ID).optional().describe('Id of the event: Customer.io drops a repeated one. A ULID is used as it is, anything else is hashed.'),
  timestamp: time.describe('When it happened: Unix seconds, or an ISO 8601 date or date-time. Default: the record\'s timestamp.').optional(),
}
const object = z.record(z.string(), z.unknown())
const person = { userId: personId, ...common }
/** Some calls name a delivery, not a person; whose order they belong to is then told by the record's key. */
const anybody = { userId: personId.optional(), ...common }

const name = text(LIMITS.eventName)
const named = z.looseObject({ name, properties: object.optional() })
const happening = z.looseObject({ event: name, properties: object.optional() })

const attributes = object.superRefine((value, context) => {
  const fault = attributeFault(value)
  const path = fault?.name === undefined ? [] : [fault.name]
  if (fault) context.addIssue({ code: 'custom', message: fault.message, path, params: { reason: fault.reason } })
  const { _update: onlyIfKnown } = value
  if (onlyIfKnown !== undefined && typeof onlyIfKnown !== 'boolean') context.addIssue({ code: 'custom', message: 'must be true or false', path: ['_update'] })
})

const token = pathText.describe('The token of the device.')
const identifier = z.union([strict({ id: personId }), strict({ email: filled }), strict({ cio_id: filled })], ONE_IDENTIFIER)
  .describe('One of id, email, cio_id, and only one.')
const merge = z.looseObject({ primary: identifier, secondary: identifier })
  .refine(({ primary, secondary }) => JSON.stringify(primary) !== JSON.stringify(secondary), { error: 'is the primary itself', path: ['secondary'] })
const segment = z.looseObject({
  segmentId: z.number().int().min(1).max(2 ** 31 - 1).describe('Id of a manual segment.'),
  idType: z.enum(['id', 'email', 'cio_id']).optional().describe('What the userId is. Default: id.'),
})
const deliveryId = pathText.describe('The CIO-Delivery-ID of the message.')

/** What Customer.io ignores in a form, since it means something else to it. */
const RESERVED_IN_FORMS = ['form_id', 'form_name', 'form_type', 'form_url', 'form_url_param']
const fields = z.record(z.string(), z.string()).superRefine((value, context) => {
  const reserved = RESERVED_IN_FORMS.find((field) => Object.hasOwn(value, field))
  if (reserved !== undefined) context.addIssue({ code: 'custom', message: 'is a name that Customer.io keeps for itself', path: [reserved] })
  if (value['id'] !== undefined && value['email'] !== undefined) context.addIssue({ code: 'custom', message: 'must hold id or email, not both' })
  for (const field of ['id', 'email']) if (value[field] !== undefined && isBlank(value[field])) context.addIssue({ code: 'custom', message: 'is blank', path: [field] })
}).describe('The fields of the form, each a text. Who filled it in: id or email; if neither is there, id is the userId.')

const objectTypeId = z.union([z.number().int().min(1).max(2 ** 31 - 1), z.string().regex(/^[1-9]\d{0,9}$/)], 'must be a whole number from 1').describe('Type of the object: 1, 2, ...')
const objectId = filled.describe('Your id of the object.')
const thing = { objectTypeId, objectId }
/** An empty list would say nothing, and is refused by Customer.io. */
const withObjects = z.looseObject({ relationships: z.array(z.looseObject({ ...thing, attributes: object.optional() })).min(1) })
const withPeople = z.array(z.looseObject({ userId: personId, attributes: object.optional() }))

const deviceAttributes = object.refine((value) => !Object.hasOwn(value, 'last_used'), 'last_used has a field of its own: payload.lastUsed')
const device = z.looseObject({ token, platform: z.enum(['ios', 'android']), lastUsed: time.optional(), attributes: deviceAttributes.optional() })

const METRICS = ['bounced', 'clicked', 'converted', 'deferred', 'delivered', 'dropped', 'opened', 'spammed'] as const

const types = [
  z.looseObject({ type: z.literal('identify'), ...person, payload: attributes.optional() }),
  z.looseObject({ type: z.literal('track'), ...person, payload: happening }),
  z.looseObject({ type: z.literal('page'), ...person, payload: named }),
  z.looseObject({ type: z.literal('screen'), ...person, payload: named }),
  z.looseObject({ type: z.literal('trackAnonymous'), anonymousId: personId, ...common, payload: happening }),
  z.looseObject({ type: z.literal('suppress'), ...person }),
  z.looseObject({ type: z.literal('destroy'), ...person }),
  z.looseObject({ type: z.literal('unsuppress'), ...person }),
  z.looseObject({ type: z.literal('addDevice'), ...person, payload: device }),
  z.looseObject({ type: z.literal('deleteDevice'), ...person, payload: z.looseObject({ token }) }),
  z.looseObject({ type: z.literal('merge'), ...person, payload: merge }),
  z.looseObject({ type: z.literal('addToSegment'), ...person, payload: segment }),
  z.looseObject({ type: z.literal('removeFromSegment'), ...person, payload: segment }),
  z.looseObject({ type: z.literal('unsubscribe'), ...anybody, payload: z.looseObject({ deliveryId, unsubscribe: z.boolean().optional() }) }),
  z.looseObject({ type: z.literal('formSubmit'), ...person, payload: z.looseObject({ formId: pathText, data: fields }) }),
  z.looseObject({ type: z.literal('reportMetric'), ...anybody, payload: z.looseObject({
    deliveryId, metric: z.enum(METRICS), recipient: z.union([z.string(), z.number()], 'must be a text or a number').optional(), reason: z.string().optional(), href: z.string().optional(),
  }) }),
  z.looseObject({ type: z.literal('identifyObject'), ...common, payload: z.looseObject({ ...thing, attributes: object.optional(), relationships: withPeople.optional() }) }),
  z.looseObject({ type: z.literal('deleteObject'), ...common, payload: z.looseObject(thing) }),
  z.looseObject({ type: z.literal('addRelationships'), ...person, payload: withObjects }),
  z.looseObject({ type: z.literal('deleteRelationships'), ...person, payload: withObjects }),
  z.looseObject({ type: z.literal('email'), ...person, payload: email }),
  z.looseObject({ type: z.literal('push'), ...person, payload: push }),
  z.looseObject({ type: z.literal('sms'), ...person, payload: sms }),
  z.looseObject({ type: z.literal('inApp'), ...person, payload: inApp }),
  z.looseObject({ type: z.literal('broadcast'), ...common, payload: broadcast }),
] as const

export const envelopeSchema = z.discriminatedUnion('type', types)

/** An envelope that is in order. */
export type Envelope = z.output<typeof envelopeSchema>
export type EventType = Envelope['type']
/** What an event of the type carries. */
export type PayloadOf<T extends EventType> = Extract<Envelope, { type: T }> extends { payload: infer P } ? P : never

type Schema = (typeof types)[number]
const byType = new Map<string, Schema>(types.map((schema) => [schema.shape.type.value, schema]))
/** Types that the worker delivers. */
export const deliveredTypes: ReadonlySet<string> = new Set(byType.keys())

/** @returns undefined if the type is unknown */
export const schemaOf = (type: unknown): Schema | undefined => (typeof type === 'string' ? byType.get(type) : undefined)
