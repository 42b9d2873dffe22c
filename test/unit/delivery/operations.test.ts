import { APIClient, TrackClient } from 'customerio-node'
import * as fc from 'fast-check'
import { apiOf, callApp, callSegment, callTrack, carrierOf, estimateOf, operationOf } from '../../../src/delivery/operations.ts'
import { ONLY_V2 } from '../../../src/delivery/v2.ts'
import { COMMITTED_ONE_BY_ONE, decodeEvent, NEVER_REPEATED } from '../../../src/event.ts'
import type { CustomerEvent } from '../../../src/event.ts'
import { deliveredTypes } from '../../../src/event-schema.ts'
import type { EventType } from '../../../src/event-schema.ts'
import { generateAppTraffic } from '../../support/app-traffic.ts'
import { generateTraffic } from '../../support/traffic.ts'
import { json, recordOf } from '../helpers.ts'
import { startHttpTarget, type HttpTarget } from './http-target.ts'
import { closeStandIns, openStandIn, trackClient } from '../../stand-in/helpers.ts'
import type { StandIn } from '../../stand-in/server.ts'

const ID = '01HF7YAT00QWERTY0123456789'
const AT = 1_767_603_600

const decoded = (value: Buffer | null, key: Buffer | null = null): CustomerEvent => {
  const event = decodeEvent(recordOf({ value, key }), undefined, 'n')
  if (event.kind === 'invalid') throw new Error(event.message)
  return event
}
/** Of u1, at one time and with one id, but for what is given. */
const eventOf = (type: string, payload?: unknown, more: Record<string, unknown> = {}) => decoded(json({ type, userId: 'u1', id: ID, timestamp: AT, ...(payload !== undefined && { payload }), ...more }))
const bytesOf = (event: CustomerEvent) => Buffer.byteLength(JSON.stringify(operationOf(event)))
const types = [...deliveredTypes] as EventType[]

const relationships = [{ objectTypeId: 1, objectId: 'acme', attributes: { role: 'boss' } }, { objectTypeId: '2', objectId: 'b' }]
const related = [{ identifiers: { object_type_id: '1', object_id: 'acme' }, relationship_attributes: { role: 'boss' } }, { identifiers: { object_type_id: '2', object_id: 'b' } }]
const person = { type: 'person', identifiers: { id: 'u1' } }
const acme = { type: 'object', identifiers: { object_type_id: '1', object_id: 'acme' } }
const happening = { id: ID, timestamp: AT }

/** Type, payload; the operation of v2; and the call that is made of it alone. */
const inBatch: [EventType, unknown, Record<string, unknown>, string, unknown][] = [
  ['identify', { email: 'a@b.c' }, { ...person, action: 'identify', timestamp: AT, attributes: { email: 'a@b.c' } }, 'PUT /api/v1/customers/u1', { email: 'a@b.c', _timestamp: AT }],
  ['identify', { a: 1, _timestamp: 7, _update: true }, { ...person, action: 'identify', timestamp: AT, attributes: { a: 1, _update: true } }, 'PUT /api/v1/customers/u1', { a: 1, _timestamp: AT, _update: true }],
  ['track', { event: 'buy', properties: { a: 1 } }, { ...person, ...happening, action: 'event', name: 'buy', attributes: { a: 1 } },
    'POST /api/v1/customers/u1/events', { ...happening, name: 'buy', data: { a: 1 } }],
  ['page', { name: '/' }, { ...person, ...happening, action: 'page', name: '/', attributes: {} }, 'POST /api/v1/customers/u1/events', { ...happening, type: 'page', name: '/', data: {} }],
  ['screen', { name: 'Home' }, { ...person, ...happening, action: 'screen', name: 'Home', attributes: {} },
    'POST /api/v1/customers/u1/events', { ...happening, type: 'screen', name: 'Home', data: {} }],
  ['destroy', undefined, { ...person, action: 'delete' }, 'DELETE /api/v1/customers/u1', undefined],
  ['suppress', undefined, { ...person, action: 'suppress' }, 'POST /api/v1/customers/u1/suppress', {}],
  ['unsuppress', undefined, { ...person, action: 'unsuppress' }, 'POST /api/v1/customers/u1/unsuppress', {}],
  ['addDevice', { token: 't/1', platform: 'ios', lastUsed: '2026-01-05T08:00:00Z', attributes: { a: 'x' } },
    { ...person, action: 'add_device', device: { token: 't/1', platform: 'ios', last_used: 1_767_600_000, attributes: { a: 'x' } } },
    'PUT /api/v1/customers/u1/devices', { device: { id: 't/1', platform: 'ios', last_used: 1_767_600_000, attributes: { a: 'x' } } }],
  ['addDevice', { token: 't', platform: 'android', attributes: {} }, { ...person, action: 'add_device', device: { token: 't', platform: 'android', last_used: AT } },
    'PUT /api/v1/customers/u1/devices', { device: { id: 't', platform: 'android', last_used: AT } }],
  ['deleteDevice', { token: 't/1' }, { ...person, action: 'delete_device', device: { token: 't/1' } }, 'DELETE /api/v1/customers/u1/devices/t%2F1', undefined],
  ['merge', { primary: { id: 'a' }, secondary: { email: 'b@c.d' } }, { type: 'person', action: 'merge', primary: { id: 'a' }, secondary: { email: 'b@c.d' } },
    'POST /api/v1/merge_customers', { primary: { id: 'a' }, secondary: { email: 'b@c.d' } }],
]
/** The same where v1 has no such call. */
const onlyInV2: [EventType, unknown, Record<string, unknown>][] = [
  ['addRelationships', { relationships }, { ...person, action: 'add_relationships', cio_relationships: related }],
  ['deleteRelationships', { relationships }, { ...person, action: 'delete_relationships', cio_relationships: related.map(({ identifiers }) => ({ identifiers })) }],
  ['identifyObject', { objectTypeId: 1, objectId: 'acme', attributes: { a: 1 }, relationships: [{ userId: 'u2', attributes: { role: 'x' } }, { userId: 'u3' }] },
    { ...acme, action: 'identify', attributes: { a: 1 }, cio_relationships: [{ identifiers: { id: 'u2' }, relationship_attributes: { role: 'x' } }, { identifiers: { id: 'u3' } }] }],
  ['identifyObject', { objectTypeId: '1', objectId: 'acme' }, { ...acme, action: 'identify', attributes: {} }],
  ['deleteObject', { objectTypeId: 1, objectId: 'acme' }, { ...acme, action: 'delete' }],
]
const withOperation = [...inBatch, ...onlyInV2].map(([type, payload, operation]) => [type, payload, operation] as const)
/** What v2 can't carry. */
const alone: [EventType, unknown, string, unknown][] = [
  ['trackAnonymous', { event: 'buy' }, 'POST /api/v1/events', { ...happening, anonymous_id: 'a1', name: 'buy', data: {} }],
  ['unsubscribe', { deliveryId: 'd/1' }, 'POST /unsubscribe/d%2F1', { unsubscribe: true }],
  ['unsubscribe', { deliveryId: 'd', unsubscribe: false }, 'POST /unsubscribe/d', { unsubscribe: false }],
  ['formSubmit', { formId: 'f 1', data: { topic: 'x' } }, 'POST /api/v1/forms/f%201/submit', { data: { topic: 'x', id: 'u1' } }],
  ['formSubmit', { formId: 'f', data: { email: 'a@b.c' } }, 'POST /api/v1/forms/f/submit', { data: { email: 'a@b.c' } }],
  ['reportMetric', { deliveryId: 'd', metric: 'clicked', href: 'https://a.b', recipient: 49 }, 'POST /api/v1/metrics', { delivery_id: 'd', metric: 'clicked', timestamp: AT, href: 'https://a.b', recipient: 49 }],
  ['addToSegment', { segmentId: 7 }, 'POST /api/v1/segments/7/add_customers', { ids: ['u1'] }],
  ['removeFromSegment', { segmentId: 7, idType: 'cio_id' }, 'POST /api/v1/segments/7/remove_customers?id_type=cio_id', { ids: ['u1'] }],
]

describe('apis', () => {
  test('each type counts against one', () => {
    const app = { email: 'transactional', push: 'transactional', sms: 'transactional', inApp: 'transactional', broadcast: 'broadcast' }
    expect(Object.fromEntries(types.map((type) => [type, apiOf(type)]))).toEqual({ ...Object.fromEntries(types.map((type) => [type, 'track'])), ...app })
    expect([...COMMITTED_ONE_BY_ONE].toSorted()).toEqual(Object.keys(app).toSorted())
  })

  test('what must not be repeated is of the Track API', () => {
    expect([...NEVER_REPEATED].map(apiOf)).toEqual(['track', 'track', 'track', 'track', 'track'])
  })
})

describe('carriers', () => {
  test.each(withOperation)('%s %j goes in a batch, if it is of one person only', (type, payload) => {
    expect(carrierOf(eventOf(type, payload))).toBe(type === 'merge' ? 'alone' : 'batch')
  })

  test.each([
    ['trackAnonymous', { event: 'buy' }], ['unsubscribe', { deliveryId: 'd' }], ['formSubmit', { formId: 'f', data: {} }], ['reportMetric', { deliveryId: 'd', metric: 'opened' }],
    ['email', { to: 'a', transactional_message_id: 1 }], ['push', { transactional_message_id: 1 }], ['sms', { transactional_message_id: 1 }], ['inApp', { transactional_message_id: 1 }],
    ['broadcast', { broadcastId: 1 }],
  ] as [EventType, unknown][])('%s %j goes alone', (type, payload) => {
    const event = eventOf(type, payload, { anonymousId: 'a1' })
    expect(carrierOf(event)).toBe('alone')
    expect(() => operationOf(event)).toThrow(RangeError)
  })

  test('each type has a carrier here', () => {
    const others = ['trackAnonymous', 'unsubscribe', 'formSubmit', 'reportMetric', 'addToSegment', 'removeFromSegment', ...COMMITTED_ONE_BY_ONE]
    expect(new Set([...inBatch, ...onlyInV2].map(([type]) => type as string).concat(others))).toEqual(deliveredTypes)
    expect(new Set(onlyInV2.map(([type]) => type))).toEqual(ONLY_V2)
  })

  test('people go into and out of a segment together, if they are named alike', () => {
    const [add, remove] = ['addToSegment', 'removeFromSegment'] as const
    expect([eventOf(add, { segmentId: 7 }), eventOf(add, { segmentId: 7, idType: 'id' }), eventOf(add, { segmentId: 7, idType: 'email' }), eventOf(remove, { segmentId: 7 })].map(carrierOf))
      .toEqual(['segment:add:7:id', 'segment:add:7:id', 'segment:add:7:email', 'segment:remove:7:id'])
    expect(() => operationOf(eventOf(add, { segmentId: 7 }))).toThrow(RangeError)
  })

  test.each(['a@example.com', 'cio_a3000001'])('the id %s is told apart by v1 only', (userId) => {
    expect(carrierOf(eventOf('track', { event: 'buy' }, { userId }))).toBe('alone')
    expect(carrierOf(eventOf('identify', {}, { userId }))).toBe('alone')
    expect(carrierOf(eventOf('destroy', undefined, { userId }))).toBe('alone')
    // the merge says itself what they are
    expect(carrierOf(eventOf('merge', { primary: { id: 'a' }, secondary: { id: 'b' } }, { userId }))).toBe('alone')
  })

  test.each([['id', 'u2'], ['cio_id', 'a3000001'], ['anonymous_id', 'a1'], ['cio_relationships', {}]])('an identify with %s is v1\'s', (name, value) => {
    expect(carrierOf(eventOf('identify', { [name]: value }))).toBe('alone')
  })
})

describe('32,000 bytes', () => {
  const sized = (properties: number, more: Record<string, unknown> = {}) => eventOf('track', { event: 'buy', properties: { a: 'x'.repeat(properties) } }, more)
  const base = bytesOf(sized(0))

  test('the last byte counts', () => {
    expect(bytesOf(sized(32_000 - base))).toBe(32_000)
    expect(carrierOf(sized(32_000 - base))).toBe('batch')
    expect(carrierOf(sized(32_001 - base))).toBe('alone')
    expect(carrierOf(sized(99_000))).toBe('alone')
  })

  test('what only the envelope holds does not count', () => {
    expect(carrierOf(sized(20_000, { trace: 'x'.repeat(30_000) }))).toBe('batch')
  })

  test('numbers count as they are written', () => {
    const many = (count: number) => decoded(Buffer.from(`{"type":"track","userId":"u1","payload":{"event":"buy","properties":{"a":[${Array.from({ length: count }, () => '1e20').join()}]}}}`))
    expect([carrierOf(many(1_400)), carrierOf(many(1_500))]).toEqual(['batch', 'alone'])
  })
})

describe('the estimate', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('é', '\u0001', '"'))
  const object = fc.dictionary(text.filter((name) => name !== '__proto__' && !name.includes('\\') && name !== '_update'), fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(1e20)))
  const things = fc.array(fc.record({ objectTypeId: fc.nat().map((n) => n + 1), objectId: fc.constantFrom('a', 'acme'), attributes: object }, { requiredKeys: ['objectTypeId', 'objectId'] }), { minLength: 1 })
  const payloads: Partial<Record<EventType, fc.Arbitrary<unknown>>> = {
    identify: object, track: fc.record({ event: fc.constantFrom('a', 'é'), properties: object }, { requiredKeys: ['event'] }),
    page: fc.record({ name: fc.constantFrom('a', 'é'), properties: object }, { requiredKeys: ['name'] }), screen: fc.record({ name: fc.constant('a') }),
    destroy: fc.constant(undefined), suppress: fc.constant(undefined), unsuppress: fc.constant(undefined),
    addDevice: fc.record({ token: fc.constant('t'), platform: fc.constantFrom('ios', 'android'), attributes: object }, { requiredKeys: ['token', 'platform'] }), deleteDevice: fc.constant({ token: 't' }),
    merge: fc.constant({ primary: { id: 'a' }, secondary: { id: 'b' } }),
    addRelationships: fc.record({ relationships: things }), deleteRelationships: fc.record({ relationships: things }),
    identifyObject: fc.record({ objectTypeId: fc.constant(1), objectId: fc.constant('a'), attributes: object, relationships: fc.array(fc.record({ userId: fc.constant('u'), attributes: object }, { requiredKeys: ['userId'] })) },
      { requiredKeys: ['objectTypeId', 'objectId'] }),
    deleteObject: fc.constant({ objectTypeId: 1, objectId: 'a' }),
  }

  test.each(Object.entries(payloads))('of %s is never too low', (type, arbitrary) => {
    fc.assert(fc.property(arbitrary, (payload) => {
      const value = Buffer.from(JSON.stringify({ type, userId: 'u', payload }).replaceAll('100000000000000000000', '1e20'))
      const event = decodeEvent(recordOf({ value }), undefined, 'n')
      fc.pre(event.kind === 'event')
      expect(estimateOf(event)).toBeGreaterThan(bytesOf(event))
    }))
    expect.hasAssertions()
  })

  test('is not far off for what is common', () => {
    const common = generateTraffic({ events: 2_000, people: 50, seed: 1, badShare: 0 }).map(({ value }) => decoded(value)).filter((event) => carrierOf(event) === 'batch')
    const [estimated, exact] = [estimateOf, bytesOf].map((of) => common.reduce((sum, event) => sum + of(event), 0)) as [number, number]
    expect(estimated / exact).toBeLessThan(1.35)
  })
})

test.each(withOperation)('%s %j as an operation', (type, payload, operation) => {
  expect(JSON.parse(JSON.stringify(operationOf(eventOf(type, payload))))).toEqual(operation)
})

test('without a time an event has none in either form', () => {
  const timeless = decodeEvent(recordOf({ value: json({ type: 'addDevice', userId: 'u1', payload: { token: 't', platform: 'ios' } }), timestamp: -1 }), undefined, 'n') as CustomerEvent
  expect(JSON.parse(JSON.stringify(operationOf(timeless)))).toEqual({ ...person, action: 'add_device', device: { token: 't', platform: 'ios' } })
})

describe('calls', () => {
  let target: HttpTarget
  let track: TrackClient
  let app: APIClient
  beforeAll(async () => {
    target = await startHttpTarget()
    track = new TrackClient('site', 'key', { url: `${target.url}/api/v1`, retry: { maxRetries: 0 } })
    app = new APIClient('app', { url: `${target.url}/v1`, retry: { maxRetries: 0 } })
  })
  beforeEach(() => { target.received.length = 0 })
  afterAll(async () => target.close())

  /** The requests that were made, with what was in them. */
  const made = () => target.received.map(({ method, path, body }) => [`${method} ${path}`, body === '' ? undefined : JSON.parse(body) as unknown])

  test.each([...inBatch.map(([type, payload, , line, body]) => [type, payload, line, body] as const), ...alone])('%s %j is %s', async (type, payload, line, body) => {
    await callTrack(track, eventOf(type, payload, { anonymousId: 'a1' }))
    expect(made()).toEqual([[line, body]])
  })

  test.each(onlyInV2)('%s %j is an operation of its own', async (type, payload, operation) => {
    await callTrack(track, eventOf(type, payload))
    expect(made()).toEqual([['POST /api/v2/entity', operation]])
  })

  test('many people, one call', async () => {
    const people = Array.from({ length: 1_000 }, (_, n) => `u${n}`)
    await callSegment(track, people.map((userId) => eventOf('addToSegment', { segmentId: 7 }, { userId })))
    await callSegment(track, ['a@b.c', 'd@b.c'].map((userId) => eventOf('removeFromSegment', { segmentId: 9, idType: 'email' }, { userId })))
    expect(made()).toEqual([
      ['POST /api/v1/segments/7/add_customers', { ids: people }],
      ['POST /api/v1/segments/9/remove_customers?id_type=email', { ids: ['a@b.c', 'd@b.c'] }],
    ])
  })

  const message = { transactional_message_id: 3, message_data: { a: 1 } }

  test.each([
    ['email', { ...message, to: 'a@b.c' }, 'email', { ...message, to: 'a@b.c', identifiers: { id: 'u1' }, headers: {} }],
    ['email', { to: 'a@b.c', from: 'f', subject: 's', body: 'b', bcc: 'c', tracked: false, identifiers: { email: 'a@b.c' }, headers: { 'X-A': 'b' }, attachments: { 'a.txt': 'aGk=' } }, 'email',
      { to: 'a@b.c', from: 'f', subject: 's', body: 'b', bcc: 'c', tracked: false, identifiers: { email: 'a@b.c' }, headers: { 'X-A': 'b' }, attachments: { 'a.txt': 'aGk=' } }],
    ['push', { ...message, title: 't', custom_device: { token: 't' }, custom_payload: { ios: { a: 1 } } }, 'push', { ...message, title: 't', custom_device: { token: 't' }, custom_payload: { ios: { a: 1 } }, identifiers: { id: 'u1' } }],
    ['sms', { ...message, to: '+1', send_to_unsubscribed: true }, 'sms', { ...message, to: '+1', send_to_unsubscribed: true, identifiers: { id: 'u1' } }],
    ['inApp', { ...message, language: 'de', identifiers: { cio_id: 'x' } }, 'in_app', { ...message, language: 'de', identifiers: { cio_id: 'x' } }],
  ] as [EventType, unknown, string, unknown][])('%s %j', async (type, payload, path, body) => {
    await callApp(app, eventOf(type, payload))
    expect(made()).toEqual([[`POST /v1/send/${path}`, body]])
  })

  test.each([
    [{}, {}],
    [{ data: { a: 1 } }, { data: { a: 1 } }],
    [{ recipients: { ids: ['u1'], id_ignore_missing: true } }, { ids: ['u1'], id_ignore_missing: true }],
    [{ recipients: { per_user_data: [{ id: 'u1', data: {} }], email_ignore_missing: true } }, { per_user_data: [{ id: 'u1', data: {} }], email_ignore_missing: true }],
    [{ data: { a: 1 }, recipients: { segment: { id: 4 } } }, { data: { a: 1 }, recipients: { segment: { id: 4 } } }],
  ])('broadcast %j', async (payload, body) => {
    await callApp(app, eventOf('broadcast', { broadcastId: 12, ...payload }))
    expect(made()).toEqual([['POST /v1/campaigns/12/triggers', body]])
  })

  test('no field of a transactional message is dropped on the way', async () => {
    const all: [EventType, Record<string, unknown>][] = [
      ['email', { to: 'a', from: 'b', subject: 'c', body: 'd', body_plain: 'e', body_amp: 'f', preheader: 'g', reply_to: 'h', bcc: 'i', headers: { a: 'b' }, attachments: { a: 'aGk=' }, fake_bcc: true, tracked: true,
        disable_css_preprocessing: true, send_to_unsubscribed: true }],
      ['push', { to: 'a', title: 'b', message: 'c', image_url: 'd', link: 'e', sound: 'f', custom_data: { a: 'b' }, custom_device: { a: 'b' }, custom_payload: { ios: {} }, send_to_unsubscribed: true }],
      ['sms', { to: 'a', send_to_unsubscribed: true }],
      ['inApp', {}],
    ]
    const common = { identifiers: { id: 'x' }, transactional_message_id: 1, message_data: { a: 1 }, disable_message_retention: true, queue_draft: true, send_at: AT, language: 'de' }
    for (const [type, payload] of all) await callApp(app, eventOf(type, { ...common, ...payload }))
    expect(made().map(([, body]) => body)).toEqual(all.map(([, payload]) => ({ ...common, ...payload })))
    // and none is missing here
    const message1 = decodeEvent(recordOf({ value: json({ type: 'email', userId: 'u', payload: { ...common, ...all[0]?.[1], more: 1 } }) }), undefined, 'n') as { message: string }
    expect(message1.message.split('other: ')[1]?.split(', ').toSorted()).toEqual(Object.keys({ ...common, ...all[0]?.[1] }).toSorted())
  })

  test('an event of the other API is none of its business', async () => {
    await expect(callTrack(track, eventOf('sms', message))).rejects.toThrow(RangeError)
    await expect(callApp(app, eventOf('track', { event: 'buy' }))).rejects.toThrow(RangeError)
    await expect(callSegment(track, [])).rejects.toThrow(RangeError)
    await expect(callSegment(track, [eventOf('track', { event: 'buy' })])).rejects.toThrow(RangeError)
    expect(made()).toEqual([])
  })

  test('whatever was found to be in order, customerio-node sends', async () => {
    const track1 = generateTraffic({ events: 400, people: 10, seed: 5, badShare: 0, operations: 'all' })
    const app1 = generateAppTraffic({ sends: 60, broadcasts: 3, people: 10, seed: 5 })
    await Promise.all(track1.map(async ({ value, key }) => callTrack(track, decoded(value, key))))
    await Promise.all(app1.map(async ({ value, key }) => callApp(app, decoded(value, key))))
    const bodies = target.received.map(({ body }) => body)
    for (const { marker } of [...track1, ...app1].filter(({ hasBody }) => hasBody)) expect(bodies.filter((body) => body.includes(`"${marker}"`))).toHaveLength(1)
    expect(target.received).toHaveLength(463)
  })
})

describe('both forms', () => {
  afterEach(closeStandIns)

  const stateOf = async ({ url }: StandIn): Promise<unknown> => (await fetch(`${url}/stand-in/state`)).json()
  const laneByLane = (events: readonly CustomerEvent[]) => [...Map.groupBy(events, ({ person: lane }) => lane).values()]

  test.each([1, 2, 3])('have the same effect: every operation of the Track API, seed %d', async (seed) => {
    const events = generateTraffic({ events: 800, people: 12, seed, badShare: 0, operations: 'all' }).map(({ value, key }) => decoded(value, key))
    const [single, batched] = await Promise.all([openStandIn({ limit: 1_000_000 }), openStandIn({ limit: 1_000_000 })])
    const [one, many] = [trackClient(single.url), trackClient(batched.url)]
    await Promise.all(laneByLane(events).map(async (lane) => { for (const event of lane) await callTrack(one, event) }))
    const lanes = laneByLane(events)
    for (let turn = lanes.map((lane) => lane.shift()); turn.some(Boolean); turn = lanes.map((lane) => lane.shift())) {
      const ready = turn.filter((event) => event !== undefined)
      const together = ready.filter((event) => carrierOf(event) === 'batch')
      const answer = together.length > 0 ? await many.batch(together.map(operationOf)) : {}
      expect(answer).toEqual({})
      const segments = Map.groupBy(ready.filter((event) => carrierOf(event).startsWith('segment')), carrierOf)
      await Promise.all([...segments.values()].map(async (some) => callSegment(many, some)))
      await Promise.all(ready.filter((event) => carrierOf(event) === 'alone').map(async (event) => callTrack(many, event)))
    }
    expect(await stateOf(batched)).toEqual(await stateOf(single))
    expect(batched.account().apis.track.requests).toBeLessThan(single.account().apis.track.requests * 0.75)
    expect(batched.account().byStatus).toEqual({ 200: expect.any(Number), 204: expect.any(Number) })
  }, 60_000)
})
