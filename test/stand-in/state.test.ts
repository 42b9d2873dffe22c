import type { Effect } from './effect.ts'
import { RECORDS_KEPT, State } from './state.ts'

const NOW = 1_700_000_000

function after(...effects: Effect[]): State {
  const state = new State()
  for (const [at, effect] of effects.entries()) state.apply(effect, NOW, at)
  return state
}

const identify = (person: string, attributes = {}): Effect => ({ kind: 'identify', person, attributes, timestamp: null, onlyIfKnown: false, relate: null })
const object = (name: string, attributes = {}, timestamp: number | null = null): Effect => ({ kind: 'identifyObject', object: name, attributes, timestamp, relate: null })
const relate = (person: string, name: string, attributes = {}): Effect => ({ kind: 'addRelationships', links: [{ person, object: name, attributes }] })
const unrelate = (person: string, name: string): Effect => ({ kind: 'deleteRelationships', links: [{ person, object: name, attributes: {} }] })
const event = (person: string, id: string, timestamp: number | null): Effect => ({ kind: 'event', person, event: { id, name: 'n', type: 'event', timestamp, data: {} } })
const send = (marker: string): Effect => ({
  kind: 'send',
  send: {
    kind: 'sms', delivery_id: `d-${marker}`, to: null, identifiers: { id: 'u' }, transactional_message_id: 1, broadcast_id: null, marker, body: '{}',
  },
})

/** Who is related to what, as people and as objects tell it. */
function relationships(state: State) {
  const { people, objects } = state.view()
  return [
    people.flatMap(({ id, relationships }) => relationships.map(({ object }) => `${id} ${object}`)),
    objects.flatMap(({ object, relationships }) => relationships.map(({ person }) => `${person} ${object}`)),
  ]
}

describe('the state', () => {
  test('is the same whatever the order of arrival, but for what the order decides', () => {
    const effects = [
      identify('b', { z: 1 }), identify('a', { y: 1 }), event('a', '2', 20), event('a', '1', 10), event('a', '4', null), event('a', '3', null), event('b', '5', 1),
      { kind: 'anonymousEvent', anonymousId: 'x', event: { id: null, name: 'n', type: 'event', timestamp: 2, data: {} } },
      { kind: 'anonymousEvent', anonymousId: 'y', event: { id: null, name: 'n', type: 'event', timestamp: 1, data: {} } },
      object('1/o', { s: 1 }), object('1/n'), relate('b', '1/o'), relate('a', '1/o', { r: 1 }),
      { kind: 'form', form: 'f', person: 'b', data: { x: 1 } }, { kind: 'form', form: 'f', person: 'a', data: { x: 2 } },
      { kind: 'unsubscribe', delivery: 'd', unsubscribed: true }, { kind: 'unsubscribe', delivery: 'c', unsubscribed: false }, send('2'), send('1'),
    ] satisfies Effect[]
    const view = after(...effects).view()
    expect(after(...effects.toReversed()).view()).toEqual(view)
    expect(JSON.stringify(after(...effects.toReversed()).view())).toBe(JSON.stringify(view))
    expect(view.people.map(({ id, events }) => [id, events.map(({ id }) => id)])).toEqual([['a', ['3', '4', '1', '2']], ['b', ['5']]])
    expect(view.sends.map(({ marker }) => marker)).toEqual(['1', '2'])
  })

  test('tells counts: an event, a form or a message too many shows', () => {
    const twice: Effect[] = [event('a', '1', 1), { kind: 'form', form: 'f', person: 'a', data: {} }, send('1')]
    for (const effect of twice) expect(after(effect, effect).view()).not.toEqual(after(effect).view())
  })

  test('an older timestamp does not overwrite the attribute of an object, either', () => {
    expect(after(object('1/o', { a: 'new' }, 20), object('1/o', { a: 'old', b: 1 }, 10)).view().objects).toEqual([{ object: '1/o', attributes: { a: 'new', b: 1 }, relationships: [] }])
  })

  test('keeps a bounded number of records', () => {
    const state = new State()
    for (let n = 0; n <= RECORDS_KEPT; n++) {
      state.apply(send('m'), NOW, n)
      state.apply({ kind: 'unsubscribe', delivery: `d${n}`, unsubscribed: true }, NOW, n)
    }
    state.apply({ kind: 'unsubscribe', delivery: 'd0', unsubscribed: false }, NOW, 0)
    const { sends, deliveries } = state.view()
    expect([sends.length, deliveries.length, deliveries[0]]).toEqual([RECORDS_KEPT, RECORDS_KEPT, { delivery: 'd0', unsubscribed: false, metrics: [] }])
  })
})

describe('relationships', () => {
  test('are known from both sides, and make both known', () => {
    const state = after(relate('u', '1/o', { a: 1 }), relate('u', '1/o', { b: 2 }), relate('u', '2/o'))
    expect(relationships(state)).toEqual([['u 1/o', 'u 2/o'], ['u 1/o', 'u 2/o']])
    expect(state.view().people[0]?.relationships[0]).toEqual({ object: '1/o', attributes: { b: 2 } })
  })

  test('end on both sides, whoever ends them', () => {
    const both = [relate('u', '1/o'), relate('v', '1/o'), relate('u', '2/o')]
    expect(relationships(after(...both, unrelate('u', '1/o')))).toEqual([['u 2/o', 'v 1/o'], ['v 1/o', 'u 2/o']])
    expect(relationships(after(...both, { kind: 'deleteObject', object: '1/o' }))).toEqual([['u 2/o'], ['u 2/o']])
    for (const kind of ['destroy', 'suppress'] as const) expect(relationships(after(...both, { kind, person: 'u' }))).toEqual([['v 1/o'], ['v 1/o']])
    expect(relationships(after(unrelate('u', '1/o')))).toEqual([[], []])
  })

  test('of somebody suppressed do nothing', () => {
    expect(relationships(after({ kind: 'suppress', person: 'u' }, relate('u', '1/o')))).toEqual([[], []])
  })

  test('move to the primary of a merge, which keeps its own', () => {
    const state = after(relate('a', '1/o', { mine: 1 }), relate('b', '1/o', { theirs: 1 }), relate('b', '2/o'), { kind: 'merge', person: 'a', secondary: 'b' })
    expect(relationships(state)).toEqual([['a 1/o', 'a 2/o'], ['a 1/o', 'a 2/o']])
    expect(state.view().people[0]?.relationships[0]?.attributes).toEqual({ mine: 1 })
  })
})
