import { DEFAULT_CREDENTIALS, createStandIn } from './server.ts'
import type { StandIn } from './server.ts'
import { appClient, outcomeOf, rawCall, trackClient } from './helpers.ts'
import type { Outcome } from './helpers.ts'
import { controlOf } from '../support/stand-in.ts'

// Everything here is said by Customer.io's own client, as the worker will say it; raw requests only for what it cannot say.

let standIn: StandIn
let client: ReturnType<typeof trackClient>
beforeAll(async () => {
  standIn = await createStandIn({ limit: 1000 })
  client = trackClient(standIn.url)
})
afterAll(() => standIn.close())
beforeEach(() => controlOf(standIn.url).reset())

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
const NO_TIMES = [1.5, '1700000000', 1_700_000_000_000, -1, null]
const OK: Partial<Outcome> = { status: 200, body: {} }

function arrivals() {
  return controlOf(standIn.url).arrivals()
}

function person(id: string) {
  return controlOf(standIn.url).person(id)
}

/** A 400 in the shape of a list. */
function listed(...errors: string[]): Partial<Outcome> {
  return { status: 400, body: { meta: { errors } } }
}

/** A 400 in the shape of a single text. */
function single(error: string): Partial<Outcome> {
  return { status: 400, body: { meta: { error } } }
}

describe('the operations', () => {
  test('identify', async () => {
    expect(await outcomeOf(client.identify('u/1 ü', { email: 'a@b.c', _timestamp: 1_700_000_000, _marker: 'm' }))).toMatchObject(OK)
    expect(await arrivals()).toEqual([{
      n: 0, request: 0, index: 0, api: 'track', at: expect.any(Number), answeredAt: expect.any(Number), operation: 'identify', person: 'u/1 ü',
      subject: null, status: 200, fault: null,
      eventId: null, timestamp: 1_700_000_000, marker: 'm',
    }])
    expect(await person('u/1 ü')).toMatchObject({ attributes: { email: 'a@b.c', _marker: 'm' }, destroyed: false, suppressed: false })
  })

  test.each([
    ['event', 'track'], [undefined, 'track'], ['page', 'page'], ['screen', 'screen'],
  ] as const)('an event of type %s is a %s', async (type, operation) => {
    const event = { name: ' buy ', id: ULID, timestamp: 1_700_000_000, data: { price: 1, _marker: 'm' }, ...(type && { type }) }
    expect(await outcomeOf(client.track('u', event))).toMatchObject(OK)
    expect(await arrivals()).toMatchObject([{ operation, person: 'u', status: 200, eventId: ULID, timestamp: 1_700_000_000, marker: 'm' }])
    expect((await person('u'))?.events).toEqual([
      { id: ULID, name: 'buy', type: type ?? 'event', timestamp: 1_700_000_000, data: '{"_marker":"m","price":1}' },
    ])
    expect(standIn.account().byOperation).toEqual({ [operation]: 1 })
  })

  test('trackPageView', async () => {
    expect(await outcomeOf(client.trackPageView('u', '/start'))).toMatchObject(OK)
    expect(await arrivals()).toMatchObject([{ operation: 'page', person: 'u', eventId: null, timestamp: null, marker: null }])
  })

  test('trackAnonymous, with and without an id', async () => {
    expect(await outcomeOf(client.trackAnonymous('anon', { name: 'look', id: ULID, data: { _marker: 'm' } }))).toMatchObject(OK)
    expect(await outcomeOf(client.trackAnonymous('', { name: 'look' }))).toMatchObject(OK)
    expect(await arrivals()).toMatchObject([
      { operation: 'trackAnonymous', person: 'anon', eventId: ULID, marker: 'm' },
      { operation: 'trackAnonymous', person: null, eventId: null, marker: null },
    ])
    expect(standIn.account()).toMatchObject({ distinctEventIds: 1 })
    const event = { name: 'look', type: 'event', timestamp: null }
    expect(await controlOf(standIn.url).state()).toMatchObject({
      people: [], anonymousEvents: [{ ...event, anonymousId: 'anon', id: ULID, data: '{"_marker":"m"}' }, { ...event, anonymousId: null, id: null, data: '{}' }],
    })
  })

  test('suppress, unsuppress and destroy', async () => {
    await client.identify('u', { a: 1 })
    expect(await outcomeOf(client.suppress('u'))).toMatchObject(OK)
    expect(await outcomeOf(client.identify('u', { a: 2 }))).toMatchObject(OK)
    expect(await person('u')).toMatchObject({ suppressed: true, attributes: {} })
    expect(await outcomeOf(client.unsuppress('u'))).toMatchObject(OK)
    await client.identify('u', { a: 3 })
    expect(await person('u')).toMatchObject({ suppressed: false, attributes: { a: 3 } })
    expect(await outcomeOf(client.destroy('u'))).toMatchObject(OK)
    expect(await person('u')).toMatchObject({ destroyed: true, attributes: {} })
    expect(standIn.account().byOperation).toEqual({ identify: 3, suppress: 1, unsuppress: 1, destroy: 1 })
  })

  test('region', async () => {
    const body = { region: 'us', data_center: 'us', environment_id: 1 }
    expect(await outcomeOf(client.getAccountRegion())).toMatchObject({ status: 200, body })
    expect(await arrivals()).toMatchObject([{ operation: 'region', person: null }])
  })
})

describe('credentials and paths', () => {
  test.each([
    { siteId: 'wrong', apiKey: DEFAULT_CREDENTIALS.apiKey }, { siteId: DEFAULT_CREDENTIALS.siteId, apiKey: 'wrong' },
  ])('%j is unauthorised, in plain text', async (credentials) => {
    const response = await rawCall(standIn.url, 'DELETE', '/api/v1/customers/u', undefined, credentials)
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([401, 'text/plain', 'Unauthorized'])
    const { error } = await outcomeOf(trackClient(standIn.url, credentials).track('u', { name: 'n', id: ULID }))
    expect(error?.message).toMatch(/Unauthorized/)
    expect(await arrivals()).toMatchObject([{ operation: 'destroy', status: 401 }, { operation: 'track', status: 401, eventId: ULID }])
    expect(await person('u')).toBeUndefined()
    expect(standIn.account().distinctEventIds).toBe(0)
  })

  test('a batch without credentials takes no effect, but shows what it said', async () => {
    const operation = { type: 'person', identifiers: { id: 'u' }, action: 'event', name: 'n', id: ULID }
    const { error } = await outcomeOf(trackClient(standIn.url, { siteId: 'wrong', apiKey: 'wrong' }).batch([operation, { ...operation, action: 'page' }]))
    expect(error?.message).toMatch(/Unauthorized/)
    expect(await arrivals()).toMatchObject([{ operation: 'track', status: 401, eventId: ULID }, { operation: 'page', status: 401, person: 'u' }])
    expect(await person('u')).toBeUndefined()
  })

  test('the App API has a key of its own, and says so in JSON', async () => {
    const answer = { status: 401, body: { meta: { error: 'unauthorized' } } }
    expect(await outcomeOf(appClient(standIn.url, 'wrong').triggerBroadcast(1))).toMatchObject(answer)
    expect((await rawCall(standIn.url, 'GET', '/v1/transactional')).status).toBe(401)
    expect(await outcomeOf(appClient(standIn.url).listTransactionalMessages())).toMatchObject(OK)
    expect(await controlOf(standIn.url).sends()).toEqual([])
  })

  test('credentials of our own are taken', async () => {
    const other = await createStandIn({ siteId: 's', apiKey: 'k', appKey: 'a' })
    expect(await outcomeOf(trackClient(other.url, { siteId: 's', apiKey: 'k' }).identify('u'))).toMatchObject(OK)
    expect(await outcomeOf(trackClient(other.url).getAccountRegion())).not.toMatchObject(OK)
    expect(await outcomeOf(appClient(other.url, 'a').listTransactionalMessages())).toMatchObject(OK)
    expect(await outcomeOf(appClient(other.url).listTransactionalMessages())).not.toMatchObject(OK)
    await other.close()
  })

  test.each([
    ['GET', '/'], ['GET', '/api/v1/customers/u'], ['POST', '/api/v1/customers'], ['PUT', '/api/v1/customers/'],
    ['PUT', '/api/v1/customers/u/events'], ['POST', '/api/v1/customers/u/event'], ['GET', '/api/v2/batch'], ['POST', '/api/v2/entities'],
    ['GET', '/stand-in'], ['POST', '/x/api/v1/events'], ['POST', '/v1/send/letter'], ['GET', '/v1/send/email'], ['POST', '/v1/transactional'],
  ])('%s %s is not found', async (method, path) => {
    const response = await rawCall(standIn.url, method, path)
    expect([response.status, await response.json()]).toEqual([404, { meta: { error: 'not found' } }])
    expect(await arrivals()).toMatchObject([{ operation: 'other', status: 404 }])
  })
})

describe('bodies', () => {
  test.each(['', '{', '[]', 'null', '"text"', '5'])('%j is refused where a JSON object must be', async (body) => {
    const calls = [['PUT', '/api/v1/customers/u'], ['POST', '/api/v1/customers/u/events'], ['POST', '/api/v1/events']] as const
    for (const [method, path] of calls) {
      const response = await rawCall(standIn.url, method, path, body)
      expect([response.status, await response.json()]).toEqual([400, { meta: { error: 'request body must be a JSON object' } }])
    }
    expect(await person('u')).toBeUndefined()
  })

  test('a call that needs no body may have none, but no bad one', async () => {
    expect((await rawCall(standIn.url, 'POST', '/api/v1/customers/u/suppress')).status).toBe(200)
    expect((await rawCall(standIn.url, 'POST', '/api/v1/customers/u/suppress', '[')).status).toBe(400)
  })
})

describe('limits, in bytes', () => {
  test('a person id has 1 to 150', async () => {
    const long = 'ü'.repeat(75)
    const error = 'id attribute cannot be longer than 150 bytes'
    const calls = (id: string) => [
      client.identify(id), client.track(id, { name: 'n' }), client.destroy(id), client.suppress(id), client.unsuppress(id),
    ]
    for (const call of calls(long)) expect(await outcomeOf(call)).toMatchObject(OK)
    for (const call of calls(`${long}x`)) expect(await outcomeOf(call)).toMatchObject(listed(error))
    expect(await outcomeOf(client.trackAnonymous(long, { name: 'n' }))).toMatchObject(OK)
    expect(await outcomeOf(client.trackAnonymous(`${long}x`, { name: 'n' })))
      .toMatchObject(listed('anonymous_id cannot be longer than 150 bytes'))

    const blank = await rawCall(standIn.url, 'DELETE', '/api/v1/customers/%20')
    expect([blank.status, await blank.json()]).toEqual([400, { meta: { errors: ['id attribute cannot be an empty string'] } }])
    const malformed = await rawCall(standIn.url, 'DELETE', '/api/v1/customers/%E0%A4%A')
    expect([malformed.status, await malformed.json()]).toEqual([400, { meta: { errors: ['id is not valid percent-encoding'] } }])
    const emptyAnonymous = await rawCall(standIn.url, 'POST', '/api/v1/events', '{"name":"n","anonymous_id":""}')
    expect(emptyAnonymous.status).toBe(400)
  })

  test('an identify has 300 attributes, besides those that steer it', async () => {
    const attributes = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`a${n}`, n]))
    expect(await outcomeOf(client.identify('u', { ...attributes, _timestamp: 1, _update: false }))).toMatchObject(OK)
    expect(await outcomeOf(client.identify('u', { ...attributes, more: 1 })))
      .toMatchObject(listed('cannot identify more than 300 attributes in one request'))
  })

  test('an attribute has 150 in its name, and 1000 in its value', async () => {
    const name = 'ü'.repeat(75)
    expect(await outcomeOf(client.identify('u', { [name]: 1, text: 'ü'.repeat(500), list: ['x'.repeat(996)] }))).toMatchObject(OK)
    const tooLong = client.identify('u', { [`${name}x`]: 1, text: 'x'.repeat(1001), list: ['x'.repeat(997)] })
    expect(await outcomeOf(tooLong)).toMatchObject(listed(
      'attribute name cannot be longer than 150 bytes',
      "value for attribute 'text' cannot be longer than 1000 bytes",
      "value for attribute 'list' cannot be longer than 1000 bytes",
    ))
  })

  test('an event has 1 to 100 in its name', async () => {
    const name = 'ü'.repeat(50)
    expect(await outcomeOf(client.track('u', { name }))).toMatchObject(OK)
    expect(await outcomeOf(client.track('u', { name: `${name}x` }))).toMatchObject(single('event name cannot be longer than 100 bytes'))
    for (const body of ['{}', '{"name":" "}', '{"name":5}']) {
      const response = await rawCall(standIn.url, 'POST', '/api/v1/customers/u/events', body)
      expect([response.status, await response.json()]).toEqual([400, { meta: { error: 'event name must not be blank' } }])
    }
  })

  test('an event has 100,000 in its data', async () => {
    // {"k":"…"} is 8 bytes and the text.
    expect(await outcomeOf(client.track('u', { name: 'n', data: { k: 'ü'.repeat(49_996) } }))).toMatchObject(OK)
    expect(await outcomeOf(client.track('u', { name: 'n', data: { k: 'x'.repeat(99_993) } })))
      .toMatchObject(single('event data cannot be longer than 100000 bytes'))
  })
})

describe('the fields of an event', () => {
  test.each([
    ...['', [], null].map((value) => ['data', value, 'event data must be a hash'] as const),
    ...['u1', `8${ULID.slice(1)}`, ULID.replace('A', 'U'), `${ULID}0`, null].map((value) =>
      ['id', value, 'event id must be a valid ULID'] as const),
    ['type', 'track', 'event type must be one of event, page, screen'] as const,
    ...NO_TIMES.map((value) => ['timestamp', value, 'timestamp must be an integer number of seconds'] as const),
  ])('%s may not be %j', async (field, value, error) => {
    const event = { name: 'n', [field]: value }
    expect(await outcomeOf(client.track('u', event))).toMatchObject(single(error))
    expect(await outcomeOf(client.trackAnonymous('u', event))).toMatchObject(single(error))
    expect(await person('u')).toBeUndefined()
    expect(standIn.account()).toMatchObject({ requests: 2, byStatus: { 400: 2 }, distinctEventIds: 0 })
  })

  test.each(NO_TIMES)('_timestamp may not be %j', async (_timestamp) => {
    expect(await outcomeOf(client.identify('u', { _timestamp }))).toMatchObject(listed('_timestamp must be an integer number of seconds'))
  })

  test('_update must be a boolean', async () => {
    expect(await outcomeOf(client.identify('u', { _update: 'true' }))).toMatchObject(listed('_update must be a boolean'))
  })
})

test('an event id that took effect is ignored the next time, whoever it is for', async () => {
  const event = { name: 'first', id: ULID }
  await client.track('u', event)
  expect(await outcomeOf(client.track('u', { ...event, name: 'second' }))).toMatchObject(OK)
  await client.track('v', event)
  await client.track('u', { ...event, id: ULID.replace('1', '2') })
  expect((await person('u'))?.events.map(({ name }) => name)).toEqual(['first', 'first'])
  expect(await person('v')).toBeUndefined()
  expect(standIn.account()).toMatchObject({ requests: 4, byStatus: { 200: 4 }, distinctEventIds: 2, repeatedEventIds: 2 })
})
