import { IdentifierType } from 'customerio-node'
import type { Operation } from './routes.ts'
import { outcomeOf, rawCall, trackClient } from './helpers.ts'
import { createStandIn } from './server.ts'
import type { StandIn } from './server.ts'
import { controlOf } from '../support/stand-in.ts'

// Said by Customer.io's own client; raw requests only for what it cannot say.

let standIn: StandIn
let client: ReturnType<typeof trackClient>
beforeAll(async () => {
  standIn = await createStandIn({ limit: 1000 })
  client = trackClient(standIn.url)
})
afterAll(() => standIn.close())
beforeEach(() => controlOf(standIn.url).reset())

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
const control = () => controlOf(standIn.url)

/** An operation of a person. */
function of(id: string, action: string, more: object = {}): Record<string, unknown> {
  return { type: 'person', identifiers: { id }, action, ...more }
}

/** An operation of an object. */
function about(id: string, action: string, more: object = {}): Record<string, unknown> {
  return { type: 'object', identifiers: { object_type_id: '1', object_id: id }, action, ...more }
}

const toObject = [{ identifiers: { object_type_id: 1, object_id: 'acme' }, relationship_attributes: { role: 'boss', _marker: 'm' } }]
const toPerson = [{ identifiers: { email: 'a@b.c' } }]

/** Every operation, with the name, the person and the subject that the account gives it. */
const OPERATIONS: [Record<string, unknown>, Operation, string | null, string | null][] = [
  [of('u', 'identify', { attributes: { a: 1 }, timestamp: 5 }), 'identify', 'u', null],
  [of('u', 'identify', { cio_relationships: toObject }), 'identify', 'u', null],
  [of('u', 'event', { name: 'buy', id: ULID, timestamp: 5, attributes: { a: 1 } }), 'track', 'u', null],
  [of('u', 'page', { name: '/' }), 'page', 'u', null],
  [of('u', 'screen', { name: 'Basket' }), 'screen', 'u', null],
  [of('u', 'add_device', { device: { token: 't', platform: 'ios', last_used: 5, attributes: { a: 1 } } }), 'addDevice', 'u', 't'],
  [of('u', 'delete_device', { device: { token: 't' } }), 'deleteDevice', 'u', 't'],
  [of('u', 'delete'), 'destroy', 'u', null],
  [of('u', 'suppress'), 'suppress', 'u', null],
  [of('u', 'unsuppress'), 'unsuppress', 'u', null],
  [of('u', 'add_relationships', { cio_relationships: toObject }), 'addRelationships', 'u', '1/acme'],
  [of('u', 'delete_relationships', { cio_relationships: toObject }), 'deleteRelationships', 'u', '1/acme'],
  [{ type: 'person', identifiers: { email: 'a@b.c' }, action: 'page', name: '/' }, 'page', 'a@b.c', null],
  [{ type: 'person', identifiers: { cio_id: 'c' }, action: 'page', name: '/' }, 'page', 'cio_c', null],
  [{ type: 'person', action: 'merge', primary: { id: 'u' }, secondary: { email: 'a@b.c' } }, 'merge', 'u', 'a@b.c'],
  [about('acme', 'identify', { attributes: { seats: 5 }, cio_relationships: toPerson }), 'identifyObject', '1/acme', null],
  [about('acme', 'add_relationships', { cio_relationships: toPerson }), 'addRelationships', '1/acme', 'a@b.c'],
  [about('acme', 'delete_relationships', { cio_relationships: toPerson }), 'deleteRelationships', '1/acme', 'a@b.c'],
  [about('acme', 'delete'), 'deleteObject', '1/acme', null],
  [{ type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'opened', attributes: { device_token: 't' } }, 'reportMetric', null, 'd'],
]

/** What is wrong with an operation, by the field at fault. */
const BAD: [unknown, string, Operation][] = [
  ['text', '', 'other'],
  [{}, 'type', 'other'],
  [{ type: 'people', action: 'identify' }, 'type', 'other'],
  [of('u', 'buy'), 'action', 'other'],
  [about('acme', 'suppress'), 'action', 'other'],
  [{ type: 'person', action: 'identify' }, 'identifiers', 'identify'],
  [{ ...of('u', 'delete'), identifiers: { id: 'u', email: 'e' } }, 'identifiers', 'destroy'],
  [{ ...of('u', 'delete'), identifiers: { phone: '1' } }, 'identifiers', 'destroy'],
  [{ ...of('u', 'suppress'), identifiers: { id: 5 } }, 'identifiers.id', 'suppress'],
  [of(' ', 'page', { name: '/' }), 'identifiers.id', 'page'],
  [of('x'.repeat(151), 'page', { name: '/' }), 'identifiers.id', 'page'],
  [of('u', 'identify', { attributes: [] }), 'attributes', 'identify'],
  [of('u', 'identify', { attributes: { a: 'x'.repeat(1001) } }), 'attributes', 'identify'],
  [of('u', 'identify', { attributes: { ['x'.repeat(151)]: 1 } }), 'attributes', 'identify'],
  [of('u', 'identify', { timestamp: 1.5 }), 'timestamp', 'identify'],
  [of('u', 'event'), 'name', 'track'],
  [of('u', 'event', { name: 'x'.repeat(101) }), 'name', 'track'],
  [of('u', 'event', { name: 'n', id: 'u1' }), 'id', 'track'],
  [of('u', 'event', { name: 'n', timestamp: '5' }), 'timestamp', 'track'],
  [of('u', 'event', { name: 'n', attributes: 'a' }), 'attributes', 'track'],
  [of('u', 'add_device', { device: { id: 't', platform: 'ios' } }), 'device.token', 'addDevice'],
  [of('u', 'add_device', { device: { token: 't', platform: 'web' } }), 'device.platform', 'addDevice'],
  [of('u', 'delete_device'), 'device.token', 'deleteDevice'],
  [{ type: 'person', action: 'merge', primary: { id: 'u' } }, 'secondary', 'merge'],
  [of('u', 'add_relationships'), 'cio_relationships', 'addRelationships'],
  [of('u', 'add_relationships', { cio_relationships: toPerson }), 'cio_relationships.identifiers', 'addRelationships'],
  [about('acme', 'add_relationships', { cio_relationships: toObject }), 'cio_relationships.identifiers', 'addRelationships'],
  [{ ...about('acme', 'identify'), identifiers: { object_type_id: 'company', object_id: 'acme' } }, 'identifiers.object_type_id', 'identifyObject'],
  [{ ...about('acme', 'delete'), identifiers: { object_type_id: '1' } }, 'identifiers.object_id', 'deleteObject'],
  [{ type: 'delivery', action: 'opened', identifiers: { id: 'd' }, attributes: {} }, 'action', 'other'],
  [{ type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'bounced', attributes: { device_token: 't' } }, 'name', 'reportMetric'],
  [{ type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'opened', attributes: {} }, 'attributes.device_token', 'reportMetric'],
]

describe('an entity', () => {
  test.each(OPERATIONS)('%j is a %s', async (operation, name, person, subject) => {
    expect(await outcomeOf(client.entity(operation))).toMatchObject({ status: 200, body: {} })
    expect(await control().arrivals()).toMatchObject([{ n: 0, request: 0, index: 0, api: 'track', operation: name, person, subject, status: 200 }])
  })

  test.each(BAD.slice(1))('%.80j is refused for its %s', async (operation, field, name) => {
    const response = await rawCall(standIn.url, 'POST', '/api/v2/entity', JSON.stringify(operation))
    expect([response.status, await response.json()]).toEqual([400, { errors: [{ reason: expect.any(String), field, message: expect.any(String) }] }])
    expect(await control().arrivals()).toMatchObject([{ operation: name, status: 400 }])
    expect(await control().state()).toMatchObject({ people: [], objects: [], deliveries: [] })
  })

  test.each(['', '{', '[]', 'null'])('%j is no JSON object', async (body) => {
    const response = await rawCall(standIn.url, 'POST', '/api/v2/entity', body)
    expect([response.status, await response.json()]).toEqual([400, { errors: [{ reason: 'invalid', field: '', message: 'request body must be a JSON object' }] }])
    expect(await control().arrivals()).toMatchObject([{ operation: 'entity', status: 400 }])
  })

  test('has at most 32,000 bytes', async () => {
    const sized = (bytes: number) => {
      const operation = of('u', 'event', { name: 'n', attributes: { k: '' } })
      return of('u', 'event', { name: 'n', attributes: { k: 'x'.repeat(bytes - JSON.stringify(operation).length) } })
    }
    expect((await outcomeOf(client.entity(sized(32_000)))).status).toBe(200)
    expect(await outcomeOf(client.entity(sized(32_001)))).toMatchObject({ status: 413, body: { errors: [{ reason: 'too_large' }] } })
    expect((await control().person('u'))?.eventCount).toBe(1)

    const batch = await outcomeOf(client.batch([sized(32_000), sized(32_001)]))
    expect(batch.body).toEqual({ errors: [{ batch_index: 1, reason: 'too_large', field: '', message: 'operation cannot be longer than 32000 bytes' }] })
    expect((await control().person('u'))?.eventCount).toBe(2)
  })
})

describe('a batch', () => {
  test('is an arrival for each of its operations, of one request', async () => {
    expect(await outcomeOf(client.batch(OPERATIONS.map(([operation]) => operation)))).toMatchObject({ status: 200, body: {} })
    const arrivals = await control().arrivals()
    expect(arrivals).toMatchObject(OPERATIONS.map(([, operation, person, subject], index) => ({ n: index, request: 0, index, operation, person, subject, status: 200 })))
    expect(new Set(arrivals.map(({ at, answeredAt }) => `${at} ${answeredAt}`)).size).toBe(1)
    expect(arrivals[2]).toMatchObject({ eventId: ULID, timestamp: 5 })
    expect(standIn.account()).toMatchObject({
      requests: 1, operations: OPERATIONS.length, byStatus: { 200: 1 }, operationsByStatus: { 200: OPERATIONS.length }, mostInWindow: 1, distinctEventIds: 1,
    })
  })

  test('its bad operations fail, each for its own reason, and the others are accepted', async () => {
    const good = (n: number) => of(`good${n}`, 'event', { name: 'n', attributes: { _marker: `m${n}` } })
    const operations = BAD.flatMap(([operation], n) => [operation, good(n)])
    const response = await rawCall(standIn.url, 'POST', '/api/v2/batch', JSON.stringify({ batch: operations }))
    const message = expect.any(String)
    expect([response.status, await response.json()]).toEqual([207, {
      errors: BAD.map(([, field], n) => ({ batch_index: 2 * n, reason: expect.any(String), field, message })),
    }])
    const arrivals = await control().arrivals()
    expect(arrivals.filter(({ index }) => index % 2 === 0)).toMatchObject(BAD.map(([, , operation]) => ({ operation, status: 400, fault: null })))
    expect(arrivals.filter(({ index }) => index % 2 === 1)).toMatchObject(BAD.map((_, n) => ({ operation: 'track', status: 200, marker: `m${n}` })))
    expect((await control().state()).people.map(({ id, eventCount }) => [id, eventCount]).toSorted()).toEqual(BAD.map((_, n) => [`good${n}`, 1]).toSorted())
    expect(standIn.account()).toMatchObject({ byStatus: { 207: 1 }, operationsByStatus: { 200: BAD.length, 400: BAD.length } })
  })

  test('a 207 resolves for the client, whose result tells the errors', async () => {
    const { status, body } = await outcomeOf(client.batch([of('u', 'page', { name: '' }), of('u', 'page', { name: '/' })]))
    expect([status, body]).toEqual([200, { errors: [{ batch_index: 0, reason: 'required', field: 'name', message: 'event name must not be blank' }] }])
  })

  test.each([
    ['', '', 'request body must be a JSON object'], ['{"batch":[', '', 'request body must be a JSON object'], ['[]', '', 'request body must be a JSON object'],
    ['{}', 'batch', 'batch must be a list'], ['{"batch":{}}', 'batch', 'batch must be a list'], ['{"batch":[]}', 'batch', 'batch must not be empty'],
  ])('as a whole it is refused as %j', async (body, field, message) => {
    const response = await rawCall(standIn.url, 'POST', '/api/v2/batch', body)
    expect([response.status, await response.json()]).toEqual([400, { errors: [{ reason: expect.any(String), field, message }] }])
    expect(await control().arrivals()).toMatchObject([{ operation: 'batch', person: null, status: 400 }])
    expect(standIn.account()).toMatchObject({ requests: 1, operations: 1 })
  })

  test('has at most 500,000 bytes', async () => {
    const sized = (bytes: number) => {
      const operations = Array.from({ length: 20 }, (_, n) => of(`u${n}`, 'event', { name: 'n', attributes: { k: 'x'.repeat(24_000) } }))
      const missing = bytes - JSON.stringify({ batch: operations }).length
      return operations.map((operation, n) => n > 2 ? operation : { ...operation, attributes: { k: 'x'.repeat(24_000 + Math.floor((missing + n) / 3)) } })
    }
    expect(JSON.stringify({ batch: sized(500_000) })).toHaveLength(500_000)
    expect((await outcomeOf(client.batch(sized(500_000)))).body).toEqual({})
    expect(await outcomeOf(client.batch(sized(500_001)))).toMatchObject({ status: 413, body: { errors: [{ reason: 'too_large', field: 'batch' }] } })
    expect(standIn.account()).toMatchObject({ requests: 2, operations: 40, operationsByStatus: { 200: 20, 413: 20 } })
    expect((await control().person('u0'))?.eventCount).toBe(1)
  })

  test('an event id that took effect is ignored the next time, in the same batch, too', async () => {
    const event = of('u', 'event', { name: 'n', id: ULID })
    await client.batch([event, event, { ...event, identifiers: { id: 'v' } }])
    await client.track('u', { name: 'n', id: ULID })
    expect((await control().state()).people.map(({ id, eventCount }) => [id, eventCount])).toEqual([['u', 1]])
    expect(standIn.account()).toMatchObject({ requests: 2, operations: 4, distinctEventIds: 1, repeatedEventIds: 3 })
  })
})

test('v1 and v2 do the same', async () => {
  const relationships = toObject
  const ways: { v1: () => Promise<unknown>; v2: Record<string, unknown> }[] = [
    { v1: () => client.identify('u', { a: 1, b: 'x', _timestamp: 10 }), v2: of('u', 'identify', { attributes: { a: 1, b: 'x' }, timestamp: 10 }) },
    { v1: () => client.identify('u', { a: 2, c: [1], _timestamp: 9 }), v2: of('u', 'identify', { attributes: { a: 2, c: [1] }, timestamp: 9 }) },
    { v1: () => client.identify('nobody', { a: 1, _update: true }), v2: of('nobody', 'identify', { attributes: { a: 1, _update: true } }) },
    { v1: () => client.track('u', { name: ' buy ', id: ULID, timestamp: 5, data: { price: 1 } }), v2: of('u', 'event', { name: ' buy ', id: ULID, timestamp: 5, attributes: { price: 1 } }) },
    { v1: () => client.track('u', { name: '/', type: 'page' }), v2: of('u', 'page', { name: '/' }) },
    { v1: () => client.track('u', { name: 'Basket', type: 'screen', data: {} }), v2: of('u', 'screen', { name: 'Basket', attributes: {} }) },
    { v1: () => client.addDevice('u', 't', 'ios', { last_used: 5, model: 'x' }), v2: of('u', 'add_device', { device: { token: 't', platform: 'ios', last_used: 5, attributes: { model: 'x' } } }) },
    { v1: () => client.addDevice('u', 't2', 'android'), v2: of('u', 'add_device', { device: { token: 't2', platform: 'android' } }) },
    { v1: () => client.deleteDevice('u', 't2'), v2: of('u', 'delete_device', { device: { token: 't2' } }) },
    { v1: () => client.identify('w', { city: 'x' }), v2: of('w', 'identify', { attributes: { city: 'x' } }) },
    { v1: () => client.mergeCustomers(IdentifierType.Id, 'u', IdentifierType.Id, 'w'), v2: { type: 'person', action: 'merge', primary: { id: 'u' }, secondary: { id: 'w' } } },
    { v1: () => client.identify('gone'), v2: of('gone', 'identify') },
    { v1: () => client.destroy('gone'), v2: of('gone', 'delete') },
    { v1: () => client.suppress('shy'), v2: of('shy', 'suppress') },
    { v1: () => client.identify('shy', { a: 1 }), v2: of('shy', 'identify', { attributes: { a: 1 } }) },
    { v1: () => client.suppress('back'), v2: of('back', 'suppress') },
    { v1: () => client.unsuppress('back'), v2: of('back', 'unsuppress') },
    { v1: () => client.identify('cio_c', { a: 1 }), v2: { type: 'person', identifiers: { cio_id: 'c' }, action: 'identify', attributes: { a: 1 } } },
    { v1: () => client.identify('u', { cio_relationships: { action: 'add_relationships', relationships } }), v2: of('u', 'add_relationships', { cio_relationships: relationships }) },
    { v1: () => client.reportMetric({ delivery_id: 'd', metric: 'opened', recipient: 't' }), v2: { type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'opened', attributes: { device_token: 't' } } },
  ]
  for (const { v1 } of ways) expect((await outcomeOf(v1())).status).toBe(200)
  const byV1 = await control().state()
  await control().reset()
  expect((await outcomeOf(client.batch(ways.map(({ v2 }) => v2)))).body).toEqual({})
  expect(await control().state()).toEqual(byV1)
  expect(byV1.people.map(({ id }) => id)).toEqual(['back', 'cio_c', 'gone', 'shy', 'u', 'w'])
})

test('the marker is found wherever a body has room for it', async () => {
  const marked = (field: string) => ({ [field]: { _marker: field } })
  await client.batch([
    of('u', 'identify', marked('attributes')), of('u', 'event', { name: 'n', ...marked('attributes') }),
    of('u', 'add_device', { device: { token: 't', platform: 'ios', attributes: { _marker: 'device' } } }),
    of('u', 'add_relationships', { cio_relationships: toObject }), about('acme', 'identify', marked('attributes')), of('u', 'suppress'),
  ])
  expect((await control().arrivals()).map(({ marker }) => marker)).toEqual(['attributes', 'attributes', 'device', 'm', 'attributes', null])
})
