import type { Event, PersonEffect } from './effect.ts'
import { People, PEOPLE_KEPT } from './people.ts'

const NOW = 1_700_000_000

function identify(attributes: Record<string, unknown>, timestamp: number | null = null, onlyIfKnown = false): PersonEffect {
  return { kind: 'identify', person: 'p', attributes, timestamp, onlyIfKnown, relate: null }
}

function event(id: string, data = {}): Event {
  return { id, name: 'n', type: 'event', timestamp: null, data }
}

function after(...effects: PersonEffect[]) {
  const people = new People()
  for (const effect of effects) people.apply(effect, NOW)
  return people.view('p')
}

const SUPPRESS: PersonEffect = { kind: 'suppress', person: 'p' }
const DESTROY: PersonEffect = { kind: 'destroy', person: 'p' }
const UNSUPPRESS: PersonEffect = { kind: 'unsuppress', person: 'p' }

describe('people', () => {
  test('an older timestamp does not overwrite a newer one, whatever the order of arrival', () => {
    expect(after(identify({ plan: 'new', city: 'x' }, 20), identify({ plan: 'old', email: 'e' }, 10))?.attributes)
      .toEqual({ plan: 'new', city: 'x', email: 'e' })
    expect(after(identify({ plan: 'old' }, 10), identify({ plan: 'new' }, 20))?.attributes).toEqual({ plan: 'new' })
  })

  test('the later call wins a tie, and one without a timestamp counts as of now', () => {
    expect(after(identify({ plan: 'first' }, 20), identify({ plan: 'second' }, 20))?.attributes).toEqual({ plan: 'second' })
    expect(after(identify({ plan: 'now' }), identify({ plan: 'before' }, NOW - 1))?.attributes).toEqual({ plan: 'now' })
    expect(after(identify({ plan: 'now' }), identify({ plan: 'later' }, NOW + 1))?.attributes).toEqual({ plan: 'later' })
  })

  test('an identify with _update makes no new person', () => {
    expect(after(identify({ a: 1 }, null, true))).toBeUndefined()
    expect(after(identify({ a: 1 }), identify({ b: 2 }, null, true))?.attributes).toEqual({ a: 1, b: 2 })
    expect(after(identify({ a: 1 }), DESTROY, identify({ b: 2 }, null, true))).toMatchObject({ attributes: {}, destroyed: true })
  })

  test('destroy forgets everything, and a later identify starts anew', () => {
    const before: PersonEffect[] = [identify({ a: 1 }, NOW + 99), { kind: 'event', person: 'p', event: event('1') }, DESTROY]
    expect(after(...before)).toEqual({ id: 'p', attributes: {}, suppressed: false, destroyed: true, devices: [], segments: [], eventCount: 0, events: [] })
    expect(after(...before, identify({ b: 2 }, 1))).toMatchObject({ attributes: { b: 2 }, destroyed: false })
  })

  test('suppress deletes for good, until unsuppress', () => {
    const gone = { attributes: {}, suppressed: true, destroyed: true, eventCount: 0, events: [] }
    expect(after(identify({ a: 1 }), SUPPRESS)).toMatchObject(gone)
    expect(after(SUPPRESS, identify({ a: 1 }), { kind: 'event', person: 'p', event: event('1') })).toMatchObject(gone)
    expect(after(SUPPRESS, DESTROY, identify({ a: 1 }))).toMatchObject(gone)
    expect(after(SUPPRESS, UNSUPPRESS, identify({ a: 1 }))).toMatchObject({ attributes: { a: 1 }, suppressed: false, destroyed: false })
  })

  test('keeps a bounded number of events and people', () => {
    const people = new People(3)
    const events = (id: string) => [people.view(id)?.eventCount, people.view(id)?.events.map(({ id }) => id)]
    for (const id of ['1', '2']) people.apply({ kind: 'event', person: 'p', event: event(id) }, NOW)
    for (const id of ['3', '4']) people.apply({ kind: 'event', person: 'q', event: event(id) }, NOW)
    people.apply({ kind: 'event', person: 'r', event: event('5') }, NOW)
    expect([events('p'), events('q'), events('r')]).toEqual([[2, ['1', '2']], [2, ['4']], [1, []]])
    people.apply({ kind: 'destroy', person: 'p' }, NOW)
    for (const id of ['6', '7', '8']) people.apply({ kind: 'event', person: 'r', event: event(id) }, NOW)
    expect([events('p'), events('q'), events('r')]).toEqual([[0, []], [2, ['4']], [4, ['7', '8']]])

    for (let n = 0; n < PEOPLE_KEPT; n++) people.apply({ kind: 'suppress', person: `other-${n}` }, NOW)
    expect([people.view(`other-${PEOPLE_KEPT - 4}`)?.suppressed, people.view(`other-${PEOPLE_KEPT - 3}`)]).toEqual([true, undefined])
    people.apply({ kind: 'unsuppress', person: 'p' }, NOW)
    expect(people.view('p')?.suppressed).toBe(false)
  })

  test('shows the data of an event as text, and of a long one its hash', () => {
    const of = (data: object) => after({ kind: 'event', person: 'p', event: event('1', data) })!.events[0]!.data
    expect(of({ b: [1, { d: 1, c: null }], a: 'x' })).toBe('{"a":"x","b":[1,{"c":null,"d":1}]}')
    const long = 'x'.repeat(300)
    expect(of({ a: long, b: 1 })).toMatch(/^sha1 [0-9a-f]{40}$/)
    expect(of({ b: 1, a: long })).toBe(of({ a: long, b: 1 }))
    expect(of({ a: `${long}y`, b: 1 })).not.toBe(of({ a: long, b: 1 }))
  })

  test('devices: the later call says what one is like', () => {
    const device = (token: string, platform: string) => ({ kind: 'addDevice', person: 'p', device: { token, platform, lastUsed: null, attributes: {} } } as const)
    const view = after(device('t2', 'ios'), device('t1', 'ios'), device('t2', 'android'), { kind: 'deleteDevice', person: 'p', token: 't1' })
    expect(view?.devices).toEqual([{ token: 't2', platform: 'android', lastUsed: null, attributes: {} }])
    expect(after({ kind: 'deleteDevice', person: 'p', token: 't' })).toBeUndefined()
    expect(after(device('t', 'ios'), DESTROY)?.devices).toEqual([])
    expect(after(SUPPRESS, device('t', 'ios'))?.devices).toEqual([])
  })

  test('segments', () => {
    const segment = (kind: 'addToSegment' | 'removeFromSegment', segment: string) => ({ kind, person: 'p', segment } as const)
    expect(after(segment('addToSegment', '2'), segment('addToSegment', '1'), segment('addToSegment', '2'))?.segments).toEqual(['1', '2'])
    expect(after(segment('addToSegment', '2'), segment('removeFromSegment', '2'))?.segments).toEqual([])
    expect(after(segment('removeFromSegment', '2'))).toBeUndefined()
    expect(after(SUPPRESS, segment('addToSegment', '2'))?.segments).toEqual([])
  })

  test('a merge gives the primary what it lacks, and destroys the secondary', () => {
    const people = new People()
    const of = (person: string, effect: PersonEffect) => people.apply({ ...effect, person } as PersonEffect, NOW)
    of('a', identify({ plan: 'mine' }, 1))
    of('a', { kind: 'event', person: 'a', event: event('1') })
    of('b', identify({ plan: 'theirs', city: 'x' }, 2))
    of('b', { kind: 'event', person: 'b', event: event('2') })
    of('b', { kind: 'addToSegment', person: 'b', segment: '7' })
    of('b', { kind: 'addDevice', person: 'b', device: { token: 't', platform: 'ios', lastUsed: null, attributes: {} } })
    expect(people.apply({ kind: 'merge', person: 'a', secondary: 'b' }, NOW)).toBe(true)
    expect(people.view('a')).toMatchObject({ attributes: { plan: 'mine', city: 'x' }, eventCount: 2, segments: ['7'], devices: [{ token: 't' }] })
    expect(people.view('b')).toMatchObject({ attributes: {}, destroyed: true, eventCount: 0, segments: [], devices: [] })
    expect(people.apply({ kind: 'merge', person: 'a', secondary: 'b' }, NOW)).toBe(false)
    expect(people.apply({ kind: 'merge', person: 'new', secondary: 'unknown' }, NOW)).toBe(false)
    expect(people.view('new')).toBeUndefined()
  })

  test('an attribute may have any name', () => {
    const view = after(identify(JSON.parse('{"__proto__":{"x":1},"constructor":"c"}')))
    expect(JSON.stringify(view?.attributes)).toBe('{"__proto__":{"x":1},"constructor":"c"}')
  })
})
