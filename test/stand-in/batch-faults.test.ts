import { DEFAULT_CREDENTIALS } from './server.ts'
import type { StandIn } from './server.ts'
import type { FaultEffect } from './faults.ts'
import { closeStandIns, openStandIn, outcomeOf, trackClient } from './helpers.ts'
import { controlOf } from '../support/stand-in.ts'
import type { StandInControl } from '../support/stand-in.ts'

// Each kind of fault, as a batch of Customer.io's own client meets it.

let standIn: StandIn
let control: StandInControl
beforeEach(async () => {
  standIn = await openStandIn()
  control = controlOf(standIn.url)
})
afterEach(closeStandIns)

const PEOPLE = ['a', 'b', 'c']
const batchOf = (...people: string[]) => people.map((id) => ({ type: 'person', identifiers: { id }, action: 'event', name: 'n', attributes: { _marker: id } }))
const tookFor = async () => (await control.state()).people.filter(({ eventCount }) => eventCount > 0).map(({ id }) => id)

/** Sends a batch under a rule; its outcome, what the account says of it, and for whom it took effect. */
async function batchUnder(effect: FaultEffect, timeout?: number) {
  await control.faults({ rules: [{ name: 'fault', effect }] })
  const outcome = await outcomeOf(trackClient(standIn.url, DEFAULT_CREDENTIALS, timeout).batch(batchOf(...PEOPLE)))
  return { outcome, arrivals: (await control.arrivals()).map(({ marker, status, fault }) => [marker, status, fault]), took: await tookFor() }
}

const all = (status: number | null) => PEOPLE.map((id) => [id, status, 'fault'])

test.each([
  [{ status: 503 }, 503, []], [{ status: 500, accept: true }, 500, PEOPLE], [{ hang: true }, null, []], [{ hang: true, accept: true }, null, PEOPLE],
  [{ reset: 'before' }, null, []], [{ reset: 'after' }, null, PEOPLE], [{ torn: true }, null, []], [{ torn: true, accept: true }, 200, PEOPLE],
  [{ delayMs: 5 }, 200, PEOPLE],
] as [FaultEffect, number | null, string[]][])('under %j all of it takes effect or none', async (effect, status, took) => {
  const seen = await batchUnder(effect, effect.hang ? 200 : undefined)
  expect(seen).toMatchObject({ arrivals: all(status), took })
  expect(standIn.account()).toMatchObject({ requests: 1, operations: 3, byStatus: { [status ?? 'none']: 1 }, operationsByStatus: { [status ?? 'none']: 3 } })
})

test('a part fails: 207, and the others take effect', async () => {
  const { outcome, arrivals, took } = await batchUnder({ partial: { person: ['b'] } })
  expect(outcome.body).toEqual({ errors: [{ batch_index: 1, reason: 'invalid', field: '', message: 'fault: fault' }] })
  expect(arrivals).toEqual([['a', 200, null], ['b', 400, 'fault'], ['c', 200, null]])
  expect(took).toEqual(['a', 'c'])
  expect(standIn.account()).toMatchObject({ byStatus: { 207: 1 }, operationsByStatus: { 200: 2, 400: 1 } })
})

test('a part fails: as a plain 200, without places, in words of our own', async () => {
  const partial: FaultEffect['partial'] = { person: ['b', 'c'], asStatus: 200, withoutIndex: true, reason: 'r', field: 'f', message: 'm' }
  const { outcome, arrivals, took } = await batchUnder({ partial })
  const error = { reason: 'r', field: 'f', message: 'm' }
  expect(outcome.body).toEqual({ errors: [error, error] })
  expect(arrivals).toEqual([['a', 200, null], ['b', 400, 'fault'], ['c', 400, 'fault']])
  expect(took).toEqual(['a'])
  expect(standIn.account()).toMatchObject({ byStatus: { 200: 1 } })
})

test('a part fails: together with what is wrong in itself, in the order of the batch', async () => {
  await control.faults({ rules: [{ name: 'fault', effect: { partial: { person: ['a'] } } }] })
  const bad = { type: 'person', identifiers: { id: 'x' }, action: 'event' }
  const { body } = await outcomeOf(trackClient(standIn.url).batch([bad, ...batchOf('a', 'b'), bad]))
  expect((body as { errors: { batch_index: number; field: string }[] }).errors.map(({ batch_index: index, field }) => [index, field])).toEqual([[0, 'name'], [1, ''], [3, 'name']])
  expect(await tookFor()).toEqual(['b'])
})

test('a part is to fail, but none is drawn: all is accepted', async () => {
  const { outcome, arrivals, took } = await batchUnder({ partial: { ratio: 0 } })
  expect([outcome.body, arrivals.map(([, ...rest]) => rest), took]).toEqual([{}, PEOPLE.map(() => [200, null]), PEOPLE])
})

test('accept makes no bad operation good', async () => {
  await control.faults({ rules: [{ name: 'fault', effect: { reset: 'after' } }] })
  await outcomeOf(trackClient(standIn.url).batch([{ ...batchOf('a')[0], name: '' }, ...batchOf('b')]))
  expect(await tookFor()).toEqual(['b'])
})

test('an operation is known again in another batch, and by v1, by its marker', async () => {
  await control.faults({ rules: [{ name: 'first', match: { firstAttempts: 1 }, effect: { status: 503 } }] })
  const client = trackClient(standIn.url)
  const statuses = [await client.batch(batchOf('a', 'b')).catch((error) => error.statusCode), await client.batch(batchOf('b', 'c')),
    await client.track('a', { name: 'n', data: { _marker: 'a' } })]
  expect(statuses).toEqual([503, {}, {}])
})

test('an operation without marker and id is known again by what it says, wherever it stands', async () => {
  await control.faults({ rules: [{ name: 'first', match: { firstAttempts: 1 }, effect: { partial: {} } }] })
  const client = trackClient(standIn.url)
  const identify = (id: string, a: number) => ({ type: 'person', identifiers: { id }, action: 'identify', attributes: { a } })
  const failed = async (...operations: object[]) => {
    const { body } = await outcomeOf(client.batch(operations))
    return ((body as { errors?: { batch_index: number }[] }).errors ?? []).map(({ batch_index: index }) => index)
  }
  expect(await failed(identify('u', 1), identify('u', 2))).toEqual([0, 1])
  expect(await failed(identify('v', 1), identify('u', 2), identify('u', 1), identify('u', 3))).toEqual([0, 3])
  expect(await failed(identify('u', 3))).toEqual([])
})

test('rules can tell a batch by its person, its size, and its name', async () => {
  await control.faults({ rules: [
    { name: 'large', match: { atLeastBytes: 2000 }, effect: { status: 413 } }, { name: 'long', match: { atLeastOperations: 4 }, effect: { status: 500 } },
    { name: 'of b', match: { operation: ['batch'], person: ['b'] }, effect: { status: 502 } },
    { name: 'entity', match: { operation: ['entity'] }, effect: { status: 504 } },
  ] })
  const client = trackClient(standIn.url)
  const statuses: unknown[] = []
  for (const people of [['a'], ['a', 'b'], ['a', 'b', 'c', 'd'], Array.from({ length: 30 }, () => 'a')]) statuses.push((await outcomeOf(client.batch(batchOf(...people)))).status)
  statuses.push((await outcomeOf(client.entity(batchOf('a')[0]!))).status, (await outcomeOf(client.track('b', { name: 'n' }))).status)
  expect(statuses).toEqual([200, 502, 500, 413, 504, 200])
})
