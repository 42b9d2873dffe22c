import { SendEmailRequest, SendInAppRequest, SendInboxMessageRequest, SendPushRequest, SendSMSRequest, SendWhatsAppRequest } from 'customerio-node'
import { DEFAULT_CREDENTIALS, createStandIn } from './server.ts'
import type { StandIn } from './server.ts'
import { appClient, outcomeOf } from './helpers.ts'
import { controlOf } from '../support/stand-in.ts'

// Said by Customer.io's own client; raw requests only for what it cannot say.

let standIn: StandIn
let client: ReturnType<typeof appClient>
beforeAll(async () => {
  standIn = await createStandIn({ limit: 1, windowMs: 60_000, apis: { transactional: { limit: 1000 }, broadcast: { limit: 1000 } } })
  client = appClient(standIn.url)
})
afterAll(() => standIn.close())
beforeEach(() => controlOf(standIn.url).reset())

const control = () => controlOf(standIn.url)
const message = { transactional_message_id: 'welcome', message_data: { name: 'Zoë', _marker: 'm' } }
const byId = { identifiers: { id: 'u' } }

async function raw(path: string, body: unknown) {
  const headers = { authorization: `Bearer ${DEFAULT_CREDENTIALS.appKey}` }
  const response = await fetch(standIn.url + path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) })
  return [response.status, await response.json()]
}

describe('transactional messages', () => {
  test.each([
    ['email', () => client.sendEmail(new SendEmailRequest({ ...byId, ...message, to: 'a@b.c' })), 'a@b.c'],
    ['push', () => client.sendPush(new SendPushRequest({ ...byId, ...message })), null],
    ['sms', () => client.sendSMS(new SendSMSRequest({ ...byId, ...message, to: '+1' })), '+1'],
    ['whatsApp', () => client.sendWhatsApp(new SendWhatsAppRequest({ ...byId, ...message })), null],
    ['inApp', () => client.sendInApp(new SendInAppRequest({ ...byId, ...message })), null],
    ['inboxMessage', () => client.sendInboxMessage(new SendInboxMessageRequest({ ...byId, ...message })), null],
  ] as const)('%s', async (kind, send, to) => {
    expect((await outcomeOf(send())).body).toEqual({ delivery_id: 'delivery-0', queued_at: expect.any(Number) })
    expect(await control().arrivals()).toMatchObject([{ request: 0, index: 0, api: 'transactional', operation: kind, person: 'u', marker: 'm', status: 200 }])
    expect(await control().sends()).toEqual([{
      kind, delivery_id: 'delivery-0', to, identifiers: { id: 'u' }, transactional_message_id: 'welcome', broadcast_id: null, marker: 'm',
      at: expect.any(Number), body: expect.stringContaining('Zoë'),
    }])
    expect((await control().state()).people).toEqual([])
  })

  test('each is sent again, if it is said again: there is no id that would tell a repeat', async () => {
    const request = new SendSMSRequest({ ...byId, ...message })
    const ids = [await client.sendSMS(request), await client.sendSMS(request)].map(({ delivery_id: id }) => id)
    expect(ids).toEqual(['delivery-0', 'delivery-1'])
    expect(await control().sends()).toHaveLength(2)
    expect((await control().state()).sends).toHaveLength(2)
  })

  test('people are named by id, email or cio_id, an id may be a number, and a message by either', async () => {
    const to = (identifiers: object) => new SendSMSRequest({ identifiers: identifiers as { id: string }, transactional_message_id: 3 })
    for (const identifiers of [{ id: 5 }, { email: 'a@b.c' }, { cio_id: 'c' }]) expect((await outcomeOf(client.sendSMS(to(identifiers)))).status).toBe(200)
    expect((await control().arrivals()).map(({ person }) => person)).toEqual(['5', 'a@b.c', 'c'])
    expect((await control().sends()).map((send) => send.transactional_message_id)).toEqual([3, 3, 3])
  })

  test('an email may bring its own content', async () => {
    const own = { ...byId, to: 'a@b.c', subject: 's', body: 'b', from: 'f' }
    expect((await outcomeOf(client.sendEmail(new SendEmailRequest(own)))).status).toBe(200)
    for (const field of ['subject', 'body', 'from']) {
      expect(await outcomeOf(client.sendEmail(new SendEmailRequest({ ...own, [field]: '' })))).toMatchObject({ status: 400, body: { meta: { error: `${field} is required` } } })
    }
    expect(await control().sends()).toHaveLength(1)
  })

  test.each([
    ['email', {}, 'to must be a non-empty string'], ['email', { to: ' ' }, 'to must be a non-empty string'], ['sms', { to: 5 }, 'to must be a string'],
    ['sms', {}, 'identifiers must hold exactly one of id, email, cio_id'],
    ['sms', { identifiers: { id: 'u', email: 'e' } }, 'identifiers must hold exactly one of id, email, cio_id'],
    ['sms', { identifiers: { phone: '1' } }, 'identifiers must hold exactly one of id, email, cio_id'],
    ['sms', { identifiers: { id: '' } }, 'identifiers attribute cannot be an empty string'],
    ['sms', { identifiers: { id: 'x'.repeat(151) } }, 'identifiers attribute cannot be longer than 150 bytes'],
    ['push', byId, 'transactional_message_id is required'], ['in_app', byId, 'transactional_message_id is required'],
    ['sms', { ...byId, transactional_message_id: {} }, 'transactional_message_id must be a string or a number'],
    ['sms', { ...byId, ...message, message_data: [] }, 'message_data must be a hash'],
    ['sms', { ...byId, ...message, send_at: 'now' }, 'send_at must be an integer number of seconds'],
    ['sms', '[', 'request body must be a JSON object'],
  ])('%s refuses %.60j', async (path, body, error) => {
    expect(await raw(`/v1/send/${path}`, body)).toEqual([400, { meta: { error } }])
    expect(await control().arrivals()).toMatchObject([{ api: 'transactional', status: 400 }])
    expect(await control().sends()).toEqual([])
  })
})

describe('broadcasts', () => {
  test('are triggered, with recipients of each kind', async () => {
    const recipients = [undefined, { segment: { id: 4 } }, { ids: ['a'] }, { emails: ['a@b.c'] }, { per_user_data: [{ id: 'a', data: {} }] }, { data_file_url: 'https://x.y/z' }]
    for (const given of recipients) expect((await outcomeOf(client.triggerBroadcast(12, { headline: 'h', _marker: 'm' }, given))).status).toBe(200)
    expect((await outcomeOf(client.triggerBroadcast(12))).body).toEqual({ id: 7 })
    expect((await control().arrivals())[0]).toMatchObject({ api: 'broadcast', operation: 'broadcast', person: null, subject: '12', marker: 'm', status: 200 })
    expect((await control().sends())[0]).toMatchObject({ kind: 'broadcast', broadcast_id: '12', delivery_id: null, marker: 'm' })
    expect(await control().sends()).toHaveLength(7)
  })

  test.each([
    ['all', {}, 'broadcast id must be a number'], ['12', { data: [] }, 'data must be a hash'], ['12', { recipients: 'all' }, 'recipients must be a hash'],
    ['12', { data: { a: 'x'.repeat(50_000) } }, 'data cannot be longer than 50000 bytes'],
    ['12', { ids: ['a'], emails: ['b'] }, 'only one of recipients, ids, emails, per_user_data, data_file_url may be given'],
    ['12', { ids: [] }, 'ids must be a list that is not empty'], ['12', { emails: 'a' }, 'emails must be a list that is not empty'],
    ['12', { ids: Array.from({ length: 10_001 }, (_, n) => `${n}`) }, 'ids cannot be more than 10000'],
    ['12', { data_file_url: 5 }, 'data_file_url must be a string'], ['12', '[]', 'request body must be a JSON object'],
  ])('%s refuses %.60j', async (id, body, error) => {
    expect(await raw(`/v1/campaigns/${id}/triggers`, body)).toEqual([400, { meta: { error } }])
    expect(await control().sends()).toEqual([])
  })
})

test('the list of messages is harmless, and counts as a message would', async () => {
  expect(await outcomeOf(client.listTransactionalMessages())).toMatchObject({ status: 200, body: { messages: [] } })
  expect(await control().arrivals()).toMatchObject([{ operation: 'transactionalList', api: 'transactional', person: null }])
  expect(standIn.account().apis.transactional).toMatchObject({ requests: 1, mostInWindow: 1 })
})
