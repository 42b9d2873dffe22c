import { EVENTS_KEPT, People, PEOPLE_KEPT } from './people.ts'
import type { Effect, KeptEvent } from './people.ts'

const NOW = 1_700_000_000

function identify(attributes: Record<string, unknown>, timestamp: number | null = null, onlyIfKnown = false): Effect {
  return { kind: 'identify', person: 'p', attributes, timestamp, onlyIfKnown }
}

function event(id: string): KeptEvent {
  return { id, name: 'n', type: 'event', timestamp: null }
}

function after(...effects: Effect[]) {
  const people = new People()
  for (const effect of effects) people.apply(effect, NOW)
  return people.view('p')
}

const SUPPRESS: Effect = { kind: 'suppress', person: 'p' }
const DESTROY: Effect = { kind: 'destroy', person: 'p' }
const UNSUPPRESS: Effect = { kind: 'unsuppress', person: 'p' }

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
    const before: Effect[] = [identify({ a: 1 }, NOW + 99), { kind: 'event', person: 'p', event: event('1') }, DESTROY]
    expect(after(...before)).toEqual({ id: 'p', attributes: {}, suppressed: false, destroyed: true, eventCount: 0, events: [] })
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
    const people = new People()
    for (let n = 0; n <= EVENTS_KEPT; n++) people.apply({ kind: 'event', person: 'p', event: event(`${n}`) }, NOW)
    const view = people.view('p')!
    expect([view.eventCount, view.events.length, view.events[0]?.id, view.events.at(-1)?.id])
      .toEqual([EVENTS_KEPT + 1, EVENTS_KEPT, '1', `${EVENTS_KEPT}`])

    for (let n = 0; n < PEOPLE_KEPT; n++) people.apply({ kind: 'suppress', person: `other-${n}` }, NOW)
    expect([people.view(`other-${PEOPLE_KEPT - 2}`)?.suppressed, people.view(`other-${PEOPLE_KEPT - 1}`)]).toEqual([true, undefined])
    people.apply({ kind: 'destroy', person: 'p' }, NOW)
    expect(people.view('p')?.destroyed).toBe(true)
  })

  test('an attribute may have any name', () => {
    const view = after(identify(JSON.parse('{"__proto__":{"x":1},"constructor":"c"}')))
    expect(JSON.stringify(view?.attributes)).toBe('{"__proto__":{"x":1},"constructor":"c"}')
  })
})
