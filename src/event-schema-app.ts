import { z } from 'zod'
import { fits, isBlank, LIMITS, MOST_RECIPIENTS } from './event-limits.ts'

/**
 * Payloads of what goes to the App API: the bodies of its calls, in its own field names. customerio-node passes on the fields that it knows and
 * drops all others without a word, so a field that is not here is refused.
 */
const text = z.string().refine((v) => !isBlank(v), 'is blank')
const object = z.record(z.string(), z.unknown())
const flag = z.boolean().optional()
/** Unix seconds. */
const seconds = z.number().int().min(1).optional()
const id = z.union([text, z.number().int().min(0)], 'must be a text or a whole number')
/** An object without other fields: their names might be anything, so they are not shown. */
export const strict = <S extends z.ZodRawShape>(shape: S) =>
  z.strictObject(shape, { error: ({ code }) => (code === 'unrecognized_keys' ? `takes these fields, and no other: ${Object.keys(shape).join(', ')}` : undefined) })

export const ONE_IDENTIFIER = 'must hold one of id, email, cio_id, and nothing else'
const identifiers = z.union([strict({ id }), strict({ email: text }), strict({ cio_id: text })], ONE_IDENTIFIER)
  .describe('Who it is for: one of id, email, cio_id, and only one. Default: the userId as id.').optional()
const template = id.describe('The transactional message.')

const message = {
  identifiers,
  message_data: object.optional(),
  disable_message_retention: flag,
  queue_draft: flag,
  send_at: seconds,
  language: z.string().optional(),
}
const toUnsubscribed = { send_to_unsubscribed: flag }

export const email = strict({
  ...message, ...toUnsubscribed,
  transactional_message_id: template.optional(),
  to: text,
  from: text.optional(), subject: text.optional(), body: text.optional(),
  body_plain: z.string().optional(), body_amp: z.string().optional(), preheader: z.string().optional(), reply_to: z.string().optional(), bcc: z.string().optional(),
  headers: object.optional(),
  attachments: z.record(z.string(), z.string()).refine(areSmall, `are over ${LIMITS.attachments} bytes together`).describe('Names of files, with what is in them as base64.').optional(),
  fake_bcc: flag, tracked: flag, disable_css_preprocessing: flag,
}).superRefine((value, context) => {
  if (value.transactional_message_id !== undefined) return
  const missing = (['body', 'subject', 'from'] as const).find((field) => value[field] === undefined)
  if (missing !== undefined) context.addIssue({ code: 'custom', message: 'is required where there is no transactional_message_id', path: [missing] })
})

export const push = strict({
  ...message, ...toUnsubscribed,
  transactional_message_id: template,
  to: text.optional(),
  title: z.string().optional(), message: z.string().optional(), image_url: z.string().optional(), link: z.string().optional(), sound: z.string().optional(),
  custom_data: object.optional(), custom_device: object.optional(), custom_payload: object.optional(),
})

export const sms = strict({ ...message, ...toUnsubscribed, transactional_message_id: template, to: text.optional() })

export const inApp = strict({ ...message, transactional_message_id: template })

const ignoreMissing = { email_ignore_missing: flag, email_add_duplicates: flag }
const some = <S extends z.ZodType>(schema: S) => z.array(schema).min(1).max(MOST_RECIPIENTS)
/** As customerio-node's triggerBroadcast takes them: it sends on one kind of recipients with the flags that go with it, and drops the rest. */
const recipients = z.union([
  strict({ ids: some(id), id_ignore_missing: flag }),
  strict({ emails: some(text), ...ignoreMissing }),
  strict({ per_user_data: some(object), id_ignore_missing: flag, ...ignoreMissing }),
  strict({ data_file_url: text, id_ignore_missing: flag, ...ignoreMissing }),
  ...(['and', 'or', 'not', 'segment', 'attribute'] as const).map((condition) => strict({ [condition]: z.union([object, z.array(object)]) })),
], 'must be one of ids, emails, per_user_data, data_file_url with the flags that go with it, or one condition (and, or, not, segment, attribute)')

export const broadcast = strict({
  broadcastId: z.number().int().min(1),
  data: object.refine((value) => fits(JSON.stringify(value), LIMITS.broadcastData), `is over ${LIMITS.broadcastData} bytes`).optional(),
  recipients: recipients.describe('Default: the recipients that are set in the broadcast.').optional(),
})

/** Four characters of base64 are three bytes. */
function areSmall(attachments: Record<string, string>): boolean {
  return Object.values(attachments).reduce((sum, data) => sum + data.length * 0.75, 0) <= LIMITS.attachments
}
