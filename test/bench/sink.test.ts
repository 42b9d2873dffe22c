// What the sink counts, as a process of its own: by this the bench knows that all events arrived.

import { startSink, type Sink } from './sink-process.ts'

let sink: Sink
beforeAll(async () => { sink = await startSink() })
afterAll(async () => sink.stop())

const post = async (path: string, body: object) => (await fetch(sink.url + path, { method: 'POST', body: JSON.stringify(body) })).text()
const operation = (id: string, sentAt = 1) => ({ type: 'person', identifiers: { id }, action: 'event', name: 'purchase', attributes: { sentAt } })

test('an event a request, or as many as the batch has operations; asking for the region is none', async () => {
  const { began, ended } = await sink.watch(4)
  expect(await post('/api/v1/customers/u1/events', { name: 'purchase', data: {} })).toBe('{}')
  await began
  await fetch(`${sink.url}/api/v1/accounts/region`)
  await post('/api/v2/batch', { batch: ['a', 'b', 'c'].map((id) => operation(id)) })
  expect(await ended).toMatchObject({ requests: 2, events: 4 })
})

test('begins anew with each watch', async () => {
  await sink.watch(1)
  await post('/api/v1/customers/u1/events', {})
  const { ended } = await sink.watch(1)
  await post('/api/v1/customers/u1/events', {})
  expect(await ended).toMatchObject({ requests: 1, events: 1 })
})

test('keeps when each event arrived, by its stamp', async () => {
  const { ended } = await sink.watch(3, { keep: true, latencyMs: 1 })
  await post('/api/v2/batch', { batch: [operation('a', 12.5), operation('b', 13)] })
  await post('/api/v1/customers/u1/events', { name: 'purchase', data: { sentAt: 14.25 } })
  const { firstAt, lastAt } = await ended
  expect(await sink.arrivals()).toEqual([[12.5, firstAt], [13, firstAt], [14.25, lastAt]])
})
