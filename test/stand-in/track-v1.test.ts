import { IdentifierType } from 'customerio-node'
import { outcomeOf, rawCall, trackClient } from './helpers.ts'
import { createStandIn } from './server.ts'
import type { StandIn } from './server.ts'
import { controlOf } from '../support/stand-in.ts'

// The calls of v1 beside identify and the events, said by Customer.io's own client; raw requests only for what it cannot say.

let standIn: StandIn
let client: ReturnType<typeof trackClient>
beforeAll(async () => {
  standIn = await createStandIn({ limit: 1000 })
  client = trackClient(standIn.url)
})
afterAll(() => standIn.close())
beforeEach(() => controlOf(standIn.url).reset())

const control = () => controlOf(standIn.url)
const person = (id: string) => control().person(id)
const status = async (call: Promise<unknown>) => (await outcomeOf(call)).status
/** Of each arrival what it is told by. */
const arrivals = async () => (await control().arrivals()).map(({ operation, person, subject, marker, status }) => [operation, person, subject, marker, status])
/** The messages of a 400, in whichever shape it came. */
async function complaints(call: Promise<unknown>): Promise<unknown[]> {
  const { status, body } = await outcomeOf(call)
  const { error, errors } = (body as { meta: { error?: string; errors?: string[] } }).meta
  return [status, ...(errors ?? [error])]
}

describe('devices', () => {
  test('are added, changed and removed', async () => {
    const device = { last_used: 1_700_000_000, model: 'x', _marker: 'm' }
    expect(await status(client.addDevice('u', 't/1', 'ios', device))).toBe(200)
    expect(await status(client.addDevice('u', 't2', 'android'))).toBe(200)
    const attributes = { model: 'x', _marker: 'm' }
    const [first, second] = [{ token: 't/1', platform: 'ios', lastUsed: 1_700_000_000, attributes }, { token: 't2', platform: 'android', lastUsed: null, attributes: {} }]
    expect((await person('u'))?.devices).toEqual([first, second])
    expect(await status(client.deleteDevice('u', 't/1'))).toBe(200)
    expect((await person('u'))?.devices).toEqual([second])
    expect(await arrivals()).toEqual([
      ['addDevice', 'u', 't/1', 'm', 200], ['addDevice', 'u', 't2', null, 200], ['deleteDevice', 'u', 't/1', null, 200],
    ])
  })

  test.each([
    ['{}', 'device must be a hash'], ['{"device":{"platform":"ios"}}', 'device.id must be a non-empty string'],
    ['{"device":{"id":"t","platform":"windows"}}', 'device.platform must be one of ios, android'],
    ['{"device":{"id":"t","platform":"ios","last_used":1.5}}', 'device.last_used must be an integer number of seconds'],
    ['{"device":{"id":"t","platform":"ios","attributes":[]}}', 'device.attributes must be a hash'],
    [`{"device":{"id":"t","platform":"ios","attributes":{"a":"${'x'.repeat(1001)}"}}}`, "value for attribute 'a' cannot be longer than 1000 bytes"],
  ])('are refused as %.60s', async (body, error) => {
    const response = await rawCall(standIn.url, 'PUT', '/api/v1/customers/u/devices', body)
    expect([response.status, await response.json()]).toEqual([400, { meta: { error } }])
    expect(await person('u')).toBeUndefined()
  })

  test('belong to an id of at most 150 bytes', async () => {
    const error = 'id attribute cannot be longer than 150 bytes'
    expect(await complaints(client.addDevice('x'.repeat(151), 't', 'ios'))).toEqual([400, error])
    expect(await complaints(client.deleteDevice('x'.repeat(151), 't'))).toEqual([400, error])
    expect((await rawCall(standIn.url, 'DELETE', '/api/v1/customers/u/devices/%E0%A4%A')).status).toBe(400)
  })
})

describe('merges', () => {
  test('by any kind of identifier', async () => {
    await client.identify('a', { plan: 'mine' })
    await client.identify('b@x.y', { plan: 'theirs', city: 'x' })
    await client.addDevice('b@x.y', 't', 'ios')
    expect(await status(client.mergeCustomers(IdentifierType.Id, 'a', IdentifierType.Email, 'b@x.y'))).toBe(200)
    expect(await status(client.mergeCustomers(IdentifierType.Id, 'a', IdentifierType.CioId, 'c'))).toBe(200)
    expect(await person('a')).toMatchObject({ attributes: { plan: 'mine', city: 'x' }, devices: [{ token: 't' }] })
    expect(await person('b@x.y')).toMatchObject({ destroyed: true })
    expect((await arrivals()).slice(3)).toEqual([['merge', 'a', 'b@x.y', null, 200], ['merge', 'a', 'cio_c', null, 200]])
  })

  test.each([
    ['{}', 'primary must be a hash'], ['{"primary":{"id":"a"}}', 'secondary must be a hash'],
    ['{"primary":{"id":"a","email":"b"},"secondary":{"id":"c"}}', 'primary must hold exactly one of id, email, cio_id'],
    ['{"primary":{"id":"a"},"secondary":{"phone":"c"}}', 'secondary must hold exactly one of id, email, cio_id'],
    ['{"primary":{"id":"a"},"secondary":{"id":5}}', 'secondary.id is not valid'],
    [`{"primary":{"id":"${'x'.repeat(151)}"},"secondary":{"id":"b"}}`, 'primary.id attribute cannot be longer than 150 bytes'],
    ['{"primary":{"id":"a"},"secondary":{"id":"a"}}', 'primary and secondary must not be the same person'],
  ])('are refused as %.60s', async (body, error) => {
    const response = await rawCall(standIn.url, 'POST', '/api/v1/merge_customers', body)
    expect([response.status, await response.json()]).toEqual([400, { meta: { error } }])
  })
})

describe('segments', () => {
  test('a call for many people is an arrival for each, and one request', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `u${n}`)
    expect(await status(client.addCustomersToSegment(7, ids))).toBe(200)
    expect(await status(client.removeCustomersFromSegment(7, ['u1', 'stranger']))).toBe(200)
    expect(await status(client.addCustomersToSegment(8, ['a@b.c'], IdentifierType.Email))).toBe(200)
    expect([(await person('u0'))?.segments, (await person('u1'))?.segments, (await person('a@b.c'))?.segments]).toEqual([['7'], [], ['8']])
    expect(await person('stranger')).toBeUndefined()
    expect(standIn.account()).toMatchObject({
      requests: 3, operations: 203, mostInWindow: 3, byStatus: { 200: 3 }, operationsByStatus: { 200: 203 }, byOperation: { addToSegment: 201, removeFromSegment: 2 },
    })
    expect((await control().arrivals(199)).slice(0, 2)).toMatchObject([
      { n: 199, request: 0, index: 199, operation: 'addToSegment', person: 'u199', subject: '7' },
      { n: 200, request: 1, index: 0, operation: 'removeFromSegment', person: 'u1', subject: '7' },
    ])
  })

  test('a call names 1 to 1000 people', async () => {
    const ids = Array.from({ length: 1001 }, (_, n) => `u${n}`)
    expect(await status(client.addCustomersToSegment(7, ids.slice(1)))).toBe(200)
    expect(await complaints(client.addCustomersToSegment(7, ids))).toEqual([400, 'ids cannot be more than 1000'])
    expect(standIn.account().operationsByStatus).toEqual({ 200: 1000, 400: 1001 })
    expect(await person('u0')).toBeUndefined()
  })

  test('one bad id, and nobody is added', async () => {
    for (const bad of [5, '', 'x'.repeat(151)]) expect(await status(client.addCustomersToSegment(7, ['u', bad]))).toBe(400)
    expect(await person('u')).toBeUndefined()
    expect(standIn.account().byStatus).toEqual({ 400: 3 })
  })

  test.each([
    ['/api/v1/segments/7/add_customers', '{"ids":[]}', 'ids must be a list that is not empty'],
    ['/api/v1/segments/7/remove_customers', '{"ids":"u"}', 'ids must be a list that is not empty'],
    ['/api/v1/segments/7/add_customers', '[', 'request body must be a JSON object'],
    ['/api/v1/segments/all/add_customers', '{"ids":["u"]}', 'segment id must be a number'],
    ['/api/v1/segments/7/add_customers?id_type=phone', '{"ids":["u"]}', 'id_type must be one of id, email, cio_id'],
  ])('%s is refused as %s', async (path, body, error) => {
    const response = await rawCall(standIn.url, 'POST', path, body)
    expect([response.status, await response.json()]).toEqual([400, { meta: { error } }])
    expect(standIn.account()).toMatchObject({ requests: 1, operations: 1, byStatus: { 400: 1 } })
  })
})

describe('metrics, forms and unsubscribes', () => {
  test('metrics of a delivery, by either call, are the same, and the same one counts once', async () => {
    const metric = { delivery_id: 'd', metric: 'opened', timestamp: 5, recipient: 'token' }
    expect(await status(client.reportMetric(metric))).toBe(200)
    expect(await status(client.trackPush({ delivery_id: 'd', event: 'opened', timestamp: 5, device_id: 'token' }))).toBe(200)
    expect(await status(client.reportMetric({ delivery_id: 'd', metric: 'bounced', reason: 'full' }))).toBe(200)
    expect(await status(client.reportMetric({ delivery_id: 'd', metric: 'delivered', recipient: 15_551_234 as never }))).toBe(200)
    const none = { timestamp: null, recipient: null, reason: null, href: null }
    expect((await control().state()).deliveries).toEqual([{
      delivery: 'd', unsubscribed: null, metrics: [
        { ...none, metric: 'bounced', reason: 'full' }, { ...none, metric: 'delivered', recipient: '15551234' },
        { ...none, metric: 'opened', timestamp: 5, recipient: 'token' },
      ],
    }])
    expect((await arrivals())[1]).toEqual(['reportMetric', null, 'd', null, 200])
  })

  test.each([
    ['metrics', '{"metric":"opened"}', 'delivery_id must be a non-empty string'],
    ['metrics', '{"delivery_id":"d","metric":"seen"}', 'metric must be one of bounced, clicked, converted, deferred, delivered, dropped, opened, spammed'],
    ['metrics', '{"delivery_id":"d","metric":"opened","timestamp":"now"}', 'timestamp must be an integer number of seconds'],
    ['metrics', '{"delivery_id":"d","metric":"opened","href":5}', 'href must be a string'],
    ['push/events', '{"delivery_id":"d","event":"bounced"}', 'event must be one of opened, converted, delivered'],
  ])('%s refuses %s', async (path, body, error) => {
    const response = await rawCall(standIn.url, 'POST', `/api/v1/${path}`, body)
    expect([response.status, await response.json()]).toEqual([400, { meta: { error } }])
    expect((await control().state()).deliveries).toEqual([])
  })

  test('a form is answered 204, and kept as often as it is submitted', async () => {
    const response = await rawCall(standIn.url, 'POST', '/api/v1/forms/f%201/submit', '{"data":{"id":"u","topic":"tea","_marker":"m"}}')
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(await outcomeOf(client.submitForm('f 1', { id: 'u', topic: 'tea', _marker: 'm' }))).toMatchObject({ body: {} })
    expect(await arrivals()).toEqual(Array.from({ length: 2 }, () => ['formSubmit', 'u', 'f 1', 'm', 204]))
    const form = { form: 'f 1', person: 'u', data: '{"_marker":"m","id":"u","topic":"tea"}' }
    expect((await control().state()).forms).toEqual([form, form])
    expect(await person('u')).toMatchObject({ destroyed: false })
  })

  test.each([
    ['{}', 'data must be a hash'], ['{"data":{"topic":"tea"}}', 'data must hold exactly one of id, email'],
    ['{"data":{"id":"u","email":"e"}}', 'data must hold exactly one of id, email'],
    ['{"data":{"email":""}}', 'data.email attribute cannot be an empty string'],
  ])('a form is refused as %s', async (body, error) => {
    const response = await rawCall(standIn.url, 'POST', '/api/v1/forms/f/submit', body)
    expect([response.status, await response.json()]).toEqual([400, { meta: { error } }])
    expect((await control().state()).forms).toEqual([])
  })

  test('an unsubscribe needs no credentials: its delivery is its secret', async () => {
    const stranger = trackClient(standIn.url, { siteId: 'no', apiKey: 'body' })
    expect(await status(stranger.unsubscribe('d/1'))).toBe(200)
    expect(await status(stranger.unsubscribe('d2', false))).toBe(200)
    const bad = await rawCall(standIn.url, 'POST', '/unsubscribe/d3', '{"unsubscribe":"yes"}')
    expect([bad.status, await bad.json()]).toEqual([400, { meta: { error: 'unsubscribe must be a boolean' } }])
    expect((await control().state()).deliveries).toEqual([
      { delivery: 'd/1', unsubscribed: true, metrics: [] }, { delivery: 'd2', unsubscribed: false, metrics: [] },
    ])
    expect((await arrivals())[0]).toEqual(['unsubscribe', null, 'd/1', null, 200])
  })
})

describe('relationships of an identify', () => {
  const relationships = [{ identifiers: { object_type_id: '1', object_id: 'acme' }, relationship_attributes: { role: 'boss' } }]

  test('are added and removed, and are no attribute', async () => {
    await client.identify('u', { a: 1, cio_relationships: { action: 'add_relationships', relationships } })
    expect(await control().state()).toMatchObject({
      people: [{ id: 'u', attributes: { a: 1 }, relationships: [{ object: '1/acme', attributes: { role: 'boss' } }] }],
      objects: [{ object: '1/acme', relationships: [{ person: 'u', attributes: { role: 'boss' } }] }],
    })
    await client.identify('u', { cio_relationships: { action: 'delete_relationships', relationships } })
    expect(await control().state()).toMatchObject({ people: [{ attributes: { a: 1 }, relationships: [] }], objects: [{ relationships: [] }] })
  })

  test('of somebody who is to exist already, and does not, do nothing', async () => {
    await client.identify('u', { _update: true, cio_relationships: { action: 'add_relationships', relationships } })
    expect(await control().state()).toMatchObject({ people: [], objects: [] })
  })

  test.each([
    [[], 'cio_relationships must be a hash'],
    [{ action: 'add', relationships }, 'cio_relationships.action must be one of add_relationships, delete_relationships'],
    [{ action: 'add_relationships', relationships: [] }, 'cio_relationships must be a list that is not empty'],
  ])('are refused as %j', async (given, error) => {
    expect(await complaints(client.identify('u', { cio_relationships: given }))).toEqual([400, error])
  })
})
