import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { decodeEvent, INVALID_REASONS } from '../../src/event.ts'
import type { InvalidEvent } from '../../src/event.ts'
import { deliveredTypes, envelopeSchema } from '../../src/event-schema.ts'
import { json, recordOf } from './helpers.ts'

const published = JSON.parse(readFileSync('docs/event.schema.json', 'utf8')) as { oneOf: { properties: { type: { const: string } }; required: string[] }[] }

test('docs/event.schema.json is the schema of the code (node scripts/event-schema.ts > docs/event.schema.json)', () => {
  expect(published).toEqual(z.toJSONSchema(envelopeSchema, { io: 'input' }))
})

test('it has every type', () => {
  expect(published.oneOf.map(({ properties }) => properties.type.const)).toEqual([...deliveredTypes])
})

test('each type needs what makes it deliverable', () => {
  const required = Object.fromEntries(published.oneOf.map(({ properties, required: fields }) => [properties.type.const, fields.slice(1).join()]))
  expect(required).toEqual({
    identify: 'userId', track: 'userId,payload', page: 'userId,payload', screen: 'userId,payload', trackAnonymous: 'anonymousId,payload',
    suppress: 'userId', destroy: 'userId', unsuppress: 'userId', addDevice: 'userId,payload', deleteDevice: 'userId,payload', merge: 'userId,payload',
    addToSegment: 'userId,payload', removeFromSegment: 'userId,payload', unsubscribe: 'payload', formSubmit: 'userId,payload', reportMetric: 'payload',
    identifyObject: 'payload', deleteObject: 'payload', addRelationships: 'userId,payload', deleteRelationships: 'userId,payload',
    email: 'userId,payload', push: 'userId,payload', sms: 'userId,payload', inApp: 'userId,payload', broadcast: 'payload',
  })
})

const decode = (value: unknown, key: string | null = 'k1') => decodeEvent(recordOf({ value: json(value), key: key === null ? null : Buffer.from(key) }), undefined, 'test')
const ofUser = (type: string, payload?: unknown) => ({ type, userId: 'u1', ...(payload !== undefined && { payload }) })

/** A payload in order, with and without what may be left out. */
const good: [string, Record<string, unknown> | undefined][] = [
  ['unsuppress', undefined],
  ['addDevice', { token: 't/1', platform: 'ios' }],
  ['addDevice', { token: 't', platform: 'android', lastUsed: '2026-01-05T09:00:00Z', attributes: { push_enabled: 'true' } }],
  ['deleteDevice', { token: 't' }],
  ['merge', { primary: { id: 'u1' }, secondary: { email: 'a@b.c' } }],
  ['merge', { primary: { cio_id: 'a3000001' }, secondary: { id: 'u2' } }],
  ['addToSegment', { segmentId: 7 }],
  ['removeFromSegment', { segmentId: 2 ** 31 - 1, idType: 'email' }],
  ['unsubscribe', { deliveryId: 'd' }],
  ['unsubscribe', { deliveryId: 'd', unsubscribe: false }],
  ['formSubmit', { formId: 'f', data: {} }],
  ['formSubmit', { formId: 'f', data: { email: 'a@b.c', topic: '' } }],
  ['reportMetric', { deliveryId: 'd', metric: 'clicked', recipient: 49_171, reason: 'x', href: 'https://a.b' }],
  ['identifyObject', { objectTypeId: 1, objectId: 'acme' }],
  ['identifyObject', { objectTypeId: '12', objectId: 'acme', attributes: { a: [1] }, relationships: [{ userId: 'u1' }, { userId: 'u2', attributes: { role: 'x' } }] }],
  ['deleteObject', { objectTypeId: 1, objectId: 'acme' }],
  ['addRelationships', { relationships: [{ objectTypeId: 1, objectId: 'acme', attributes: { role: 'x' } }] }],
  ['deleteRelationships', { relationships: [{ objectTypeId: '1', objectId: 'acme' }] }],
  ['email', { to: 'a@b.c', transactional_message_id: 3 }],
  ['email', { to: 'a@b.c', body: 'b', subject: 's', from: 'f@b.c', identifiers: { email: 'a@b.c' }, attachments: { 'a.txt': 'aGk=' }, message_data: { a: { b: [1] } } }],
  ['push', { transactional_message_id: 'welcome', custom_device: { token: 't' }, custom_payload: { ios: {} } }],
  ['sms', { transactional_message_id: 3, to: '+15551234567', identifiers: { cio_id: 'a3000001' } }],
  ['inApp', { transactional_message_id: 3, identifiers: { id: 7 }, send_at: 1_767_603_600 }],
  ['broadcast', { broadcastId: 12 }],
  ['broadcast', { broadcastId: 12, data: { a: 1 }, recipients: { ids: ['u1', 7], id_ignore_missing: true } }],
  ['broadcast', { broadcastId: 12, recipients: { per_user_data: [{ id: 'u1', data: {} }], email_add_duplicates: true } }],
  ['broadcast', { broadcastId: 12, recipients: { and: [{ segment: { id: 4 } }] } }],
]

test.each(good)('%s takes %j', (type, payload) => {
  expect(decode(ofUser(type, payload))).toMatchObject({ kind: 'event', type, name: '', data: payload ?? {} })
})

test('each of these types has a good example here', () => {
  const others = ['identify', 'track', 'page', 'screen', 'trackAnonymous', 'suppress', 'destroy']
  expect(new Set([...others, ...good.map(([type]) => type)])).toEqual(deliveredTypes)
})

const attributes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, n]))

/** What Customer.io or customerio-node would refuse, cut or drop; the reason, and what the message says. */
test.each([
  ['identify', { bio: 'x'.repeat(1_001) }, 'attribute_value_too_long', 'payload.bio: is over 1000 bytes'],
  ['identify', { bio: `${'é'.repeat(500)}x` }, 'attribute_value_too_long', 'payload.bio: '],
  ['identify', { bio: { a: 'x'.repeat(993) } }, 'attribute_value_too_long', 'payload.bio: '],
  ['identify', { bio: ['x'.repeat(997)] }, 'attribute_value_too_long', 'payload.bio: '],
  ['identify', { 'ann@example.com': 'x'.repeat(1_001) }, 'attribute_value_too_long', 'payload.(an attribute): '],
  ['identify', { [`${'é'.repeat(75)}x`]: 1 }, 'attribute_name_too_long', 'payload.(an attribute): the name of an attribute is over 150 bytes'],
  ['identify', attributes(301), 'too_many_attributes', 'payload: has more than 300 attributes'],
  ['identify', { _update: 'true' }, 'invalid_payload', 'payload._update: '],
  ['addDevice', { token: 't', platform: 'web' }, 'invalid_payload', 'payload.platform: '],
  ['addDevice', { platform: 'ios' }, 'invalid_payload', 'payload.token: '],
  ['addDevice', { token: ' ', platform: 'ios' }, 'invalid_payload', 'payload.token: is blank'],
  ['addDevice', { token: 't', platform: 'ios', lastUsed: 1_767_603_600_000 }, 'invalid_payload', 'payload.lastUsed: '],
  ['addDevice', { token: 't', platform: 'ios', attributes: { last_used: 1 } }, 'invalid_payload', 'payload.attributes: '],
  ['deleteDevice', { token: '..' }, 'invalid_payload', 'payload.token: '],
  ['deleteDevice', { token: '\ud800' }, 'invalid_payload', 'payload.token: '],
  ['merge', { primary: { id: 'a' } }, 'invalid_payload', 'payload.secondary: '],
  ['merge', { primary: { id: 'a', email: 'b' }, secondary: { id: 'c' } }, 'invalid_payload', 'payload.primary: must hold one of id, email, cio_id'],
  ['merge', { primary: { id: 'a' }, secondary: {} }, 'invalid_payload', 'payload.secondary: must hold one of id, email, cio_id'],
  ['merge', { primary: { id: 'x'.repeat(151) }, secondary: { id: 'c' } }, 'invalid_payload', 'payload.primary'],
  ['merge', { primary: { id: 'a' }, secondary: { id: 'a' } }, 'invalid_payload', 'payload.secondary: is the primary itself'],
  ['merge', { primary: { phone: '+1' }, secondary: { id: 'c' } }, 'invalid_payload', 'payload.primary'],
  ['merge', { primary: { id: 'a', phone: 'b' }, secondary: { id: 'c' } }, 'invalid_payload', 'payload.primary: takes these fields, and no other: id'],
  ['addToSegment', { segmentId: '7' }, 'invalid_payload', 'payload.segmentId: '],
  ['addToSegment', { segmentId: 2 ** 31 }, 'invalid_payload', 'payload.segmentId: '],
  ['removeFromSegment', { segmentId: 0 }, 'invalid_payload', 'payload.segmentId: '],
  ['removeFromSegment', { segmentId: 7, idType: 'phone' }, 'invalid_payload', 'payload.idType: '],
  ['unsubscribe', {}, 'invalid_payload', 'payload.deliveryId: '],
  ['unsubscribe', { deliveryId: '.' }, 'invalid_payload', 'payload.deliveryId: '],
  ['unsubscribe', { deliveryId: 'd', unsubscribe: 'no' }, 'invalid_payload', 'payload.unsubscribe: '],
  ['formSubmit', { formId: 'f' }, 'invalid_payload', 'payload.data: '],
  ['formSubmit', { formId: '', data: {} }, 'invalid_payload', 'payload.formId: '],
  ['formSubmit', { formId: 'f', data: { id: 'a', email: 'b' } }, 'invalid_payload', 'payload.data: must hold id or email, not both'],
  ['formSubmit', { formId: 'f', data: { id: ' ' } }, 'invalid_payload', 'payload.data.id: is blank'],
  ['formSubmit', { formId: 'f', data: { age: 7 } }, 'invalid_payload', 'payload.data.age: '],
  ['formSubmit', { formId: 'f', data: { form_name: 'x' } }, 'invalid_payload', 'payload.data.form_name: '],
  ['reportMetric', { deliveryId: 'd' }, 'invalid_payload', 'payload.metric: '],
  ['reportMetric', { deliveryId: 'd', metric: 'sent' }, 'invalid_payload', 'payload.metric: '],
  ['reportMetric', { deliveryId: 'd', metric: 'opened', recipient: {} }, 'invalid_payload', 'payload.recipient: must be a text or a number'],
  ['identifyObject', { objectTypeId: 0, objectId: 'acme' }, 'invalid_payload', 'payload.objectTypeId: '],
  ['identifyObject', { objectTypeId: 'company', objectId: 'acme' }, 'invalid_payload', 'payload.objectTypeId: '],
  ['identifyObject', { objectTypeId: 1 }, 'invalid_payload', 'payload.objectId: '],
  ['identifyObject', { objectTypeId: 1, objectId: 'acme', relationships: [{ userId: 'u1' }, { userId: 7 }] }, 'invalid_payload', 'payload.relationships.1.userId: '],
  ['identifyObject', { objectTypeId: 1, objectId: 'acme', attributes: { a: 'x'.repeat(31_900) } }, 'operation_too_large', 'payload: '],
  ['deleteObject', { objectTypeId: 1, objectId: '' }, 'invalid_payload', 'payload.objectId: '],
  ['addRelationships', { relationships: [] }, 'invalid_payload', 'payload.relationships: '],
  ['addRelationships', { relationships: [{ objectTypeId: 1 }] }, 'invalid_payload', 'payload.relationships.0.objectId: '],
  ['deleteRelationships', {}, 'invalid_payload', 'payload.relationships: '],
  ['email', { transactional_message_id: 3 }, 'invalid_payload', 'payload.to: '],
  ['email', { to: 'a@b.c' }, 'invalid_payload', 'payload.body: is required where there is no transactional_message_id'],
  ['email', { to: 'a@b.c', body: 'b', subject: 's' }, 'invalid_payload', 'payload.from: '],
  ['email', { to: 'a@b.c', transactional_message_id: 3, cc: 'd@b.c' }, 'invalid_payload', 'payload: takes these fields, and no other: '],
  ['email', { to: 'a@b.c', transactional_message_id: 3, identifiers: { id: 'a', email: 'b' } }, 'invalid_payload', 'payload.identifiers: '],
  ['email', { to: 'a@b.c', transactional_message_id: 3, attachments: { 'a.bin': 'A'.repeat(2_700_000) } }, 'invalid_payload', 'payload.attachments: are over 2000000 bytes'],
  ['push', { title: 'hi' }, 'invalid_payload', 'payload.transactional_message_id: '],
  ['sms', { transactional_message_id: ' ' }, 'invalid_payload', 'payload.transactional_message_id: '],
  ['sms', { transactional_message_id: 3, send_at: '2026-01-01' }, 'invalid_payload', 'payload.send_at: '],
  ['inApp', { transactional_message_id: 3, send_to_unsubscribed: true }, 'invalid_payload', 'payload: takes these fields'],
  ['broadcast', {}, 'invalid_payload', 'payload.broadcastId: '],
  ['broadcast', { broadcastId: 12, recipients: { ids: [] } }, 'invalid_payload', 'payload.recipients.ids: '],
  ['broadcast', { broadcastId: 12, recipients: { ids: ['u1'], emails: ['a@b.c'] } }, 'invalid_payload', 'payload.recipients: must be one of'],
  ['broadcast', { broadcastId: 12, recipients: { ids: ['u1'], email_ignore_missing: true } }, 'invalid_payload', 'payload.recipients: takes these fields, and no other: ids, id_ignore_missing'],
  ['broadcast', { broadcastId: 12, recipients: { ids: Array.from({ length: 10_001 }, (_, n) => n) } }, 'invalid_payload', 'payload.recipients: '],
  ['broadcast', { broadcastId: 12, data: { a: 'x'.repeat(50_000) } }, 'invalid_payload', 'payload.data: is over 50000 bytes'],
  ['broadcast', { broadcastId: 12, ids: ['u1'] }, 'invalid_payload', 'payload: takes these fields, and no other: broadcastId, data, recipients'],
] as [string, unknown, InvalidEvent['reason'], string][])('%s does not take %j', (type, payload, reason, message) => {
  expect(decode(ofUser(type, payload))).toEqual({ kind: 'invalid', reason, message: expect.stringContaining(message) })
  expect(INVALID_REASONS).toContain(reason)
})

test('as much as Customer.io takes is taken', () => {
  const most = { ...attributes(299), bio: 'é'.repeat(500), _timestamp: 1, _update: true, cio_relationships: { relationships: ['x'.repeat(1_001)] } }
  expect(decode(ofUser('identify', most))).toMatchObject({ kind: 'event', data: most })
  expect(decode(ofUser('identify', { ['é'.repeat(75)]: { a: 'x'.repeat(992) } }))).toMatchObject({ kind: 'event' })
  expect(decode(ofUser('identifyObject', { objectTypeId: 1, objectId: 'acme', attributes: { a: 'x'.repeat(31_800) } }))).toMatchObject({ kind: 'event' })
  expect(decode(ofUser('broadcast', { broadcastId: 12, recipients: { ids: Array.from({ length: 10_000 }, (_, n) => n) } }))).toMatchObject({ kind: 'event' })
})

describe('whose order it belongs to', () => {
  const delivery = { deliveryId: 'd1', metric: 'opened' }

  test.each([
    ['the person', { type: 'unsuppress', userId: 'u1' }, 'k1', 'u1'],
    ['the person of a delivery, if it is named', { type: 'reportMetric', userId: 'u1', payload: delivery }, 'k1', 'u1'],
    ['else the key', { type: 'reportMetric', payload: delivery }, 'k1', 'k1'],
    ['else the delivery', { type: 'unsubscribe', payload: delivery }, null, 'd1'],
    ['an empty key is none', { type: 'unsubscribe', payload: delivery }, '', 'd1'],
    ['the object', { type: 'identifyObject', payload: { objectTypeId: 1, objectId: 'acme' } }, 'k1', '1/acme'],
    ['the object, its type as text', { type: 'deleteObject', payload: { objectTypeId: '1', objectId: 'acme' } }, 'k1', '1/acme'],
    ['of a broadcast the key', { type: 'broadcast', payload: { broadcastId: 12 } }, 'k1', 'k1'],
    ['else the broadcast', { type: 'broadcast', payload: { broadcastId: 12 } }, null, 'broadcast 12'],
    ['of a merge the userId', { type: 'merge', userId: 'u1', payload: { primary: { id: 'u2' }, secondary: { id: 'u3' } } }, 'k1', 'u1'],
  ])('%s', (_name, value, key, person) => {
    expect(decode(value, key)).toMatchObject({ kind: 'event', person })
  })
})

describe('docs/events.md', () => {
  const page = readFileSync('docs/events.md', 'utf8')
  const examples = [...page.matchAll(/^```json\n(.*?)^```$/gms)].flatMap(([, block]) => (block as string).trim().split(/\n(?=\{)/))

  test.each(examples)('%s is a good event', (example) => {
    expect(decode(JSON.parse(example))).toMatchObject({ kind: 'event' })
  })

  test('has an example of each type', () => {
    expect(new Set(examples.map((example) => (JSON.parse(example) as { type: string }).type))).toEqual(deliveredTypes)
  })

  test('has a row for each type', () => {
    expect([...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, type]) => type).filter((type) => deliveredTypes.has(type as string))).toEqual(expect.arrayContaining([...deliveredTypes]))
  })
})
