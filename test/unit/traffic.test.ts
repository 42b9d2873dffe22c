import * as fc from 'fast-check'
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { deliveredTypes } from '../../src/event-schema.ts'
import { decodeEvent } from '../../src/event.ts'
import { generateAppTraffic } from '../support/app-traffic.ts'
import { flaws, flawsOf } from '../support/flaws.ts'
import { generateTraffic, newcomers, trackOf, type TrafficItem } from '../support/traffic.ts'

const options = fc.record({
  events: fc.integer({ min: 1, max: 600 }),
  people: fc.integer({ min: 1, max: 40 }),
  badShare: fc.double({ min: 0, max: 0.5, noNaN: true }),
  seed: fc.integer(),
  hot: fc.constantFrom(0, 0.5),
})

const isGood = ({ expect: expected }: TrafficItem) => expected === 'delivered'
const envelopeOf = ({ value }: TrafficItem) => JSON.parse(String(value)) as Record<string, unknown> & { payload?: Record<string, unknown> }

/** The good events of each person, in the order of publishing. */
function byPerson(items: TrafficItem[]): TrafficItem[][] {
  return [...Map.groupBy(items.filter(isGood), ({ person }) => person).values()]
}

test('a person signs up first, and does nothing after a suppress or destroy', () => {
  fc.assert(
    fc.property(options, (chosen) => {
      for (const events of byPerson(generateTraffic(chosen))) {
        const types = events.map(({ type }) => type).join(' ')
        expect(types).toMatch(/^(?:trackAnonymous ?)+$|^identify(?: (?:identify|track|page|screen))*(?: suppress| destroy)?$/)
      }
    }),
    { numRuns: 50 },
  )
})

test('every record carries its marker, and no two the same', () => {
  fc.assert(
    fc.property(options, (chosen) => {
      const items = generateTraffic(chosen)
      expect(items).toHaveLength(chosen.events)
      expect(new Set(items.map(({ marker }) => marker)).size).toBe(items.length)
      for (const item of items) {
        expect(item.headers.marker).toBe(item.marker)
        if (!item.hasBody) continue
        const { type, payload } = envelopeOf(item)
        expect(type === 'identify' ? payload : payload?.properties).toHaveProperty('_marker', item.marker)
      }
    }),
    { numRuns: 50 },
  )
})

const fromSeed = (seed: number) => generateTraffic({ events: 300, people: 20, seed })

test('the same seed gives the same records, another seed others', () => {
  expect(fromSeed(7)).toEqual(fromSeed(7))
  expect(fromSeed(7)).not.toEqual(fromSeed(8))
})

test('a seed gives the bytes that it has always given: figures of runs stay comparable', () => {
  const hash = createHash('sha256')
  for (const { key, value } of [...generateTraffic({ events: 2_000, people: 30, seed: 11, hot: 0.2 }), ...newcomers(500, 12)]) hash.update(key ?? 'none').update(value ?? 'none')
  expect(hash.digest('hex')).toBe('3f8c816b523645831da461f0b9b5a8e1ee0419d2e5c97d4e802062d2a8ed441b')
})

test('good events are keyed by their person, and half of them bring an id', () => {
  const items = generateTraffic({ events: 2_000, people: 50, seed: 1 }).filter(isGood)
  for (const item of items) {
    const { userId, anonymousId, id } = envelopeOf(item)
    expect(String(item.key)).toBe(item.person)
    expect(userId ?? anonymousId).toBe(item.person)
    expect(id ?? null).toBe(item.eventId)
    expect(id ?? '00000000000000000000000000').toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
  }
  const share = items.filter(({ eventId }) => eventId !== null).length / items.length
  expect(share).toBeGreaterThan(0.45)
  expect(share).toBeLessThan(0.55)
  expect(new Set(items.map(({ type }) => type))).toEqual(
    new Set(['identify', 'track', 'page', 'screen', 'trackAnonymous', 'suppress', 'destroy']),
  )
})

test('every flaw comes up, at the share asked for', () => {
  const items = generateTraffic({ events: 2_000, people: 50, seed: 2, badShare: 0.05 })
  const bad = items.filter((item) => !isGood(item))
  expect(new Set(bad.map(({ type }) => type))).toEqual(new Set(flaws.map(({ name }) => name)))
  expect(bad.length).toBeGreaterThan(60)
  expect(bad.length).toBeLessThan(140)
  expect(generateTraffic({ events: 500, people: 50, seed: 2, badShare: 0 }).every(isGood)).toBe(true)
})

test('one person can have a share of all events', () => {
  const items = generateTraffic({ events: 2_000, people: 50, seed: 3, hot: 0.4 })
  const most = Math.max(...byPerson(items).map((events) => events.length))
  expect(most / items.length).toBeGreaterThan(0.35)
  expect(most / items.length).toBeLessThan(0.45)
})

describe('with all operations', () => {
  const ofTrack = [...deliveredTypes].filter((type) => !['email', 'push', 'sms', 'inApp', 'broadcast'].includes(type))
  const fromSeed = (seed: number, events = 6_000) => generateTraffic({ events, people: 40, seed, operations: 'all', badShare: 0.05 })
  const decoded = (item: TrafficItem) => decodeEvent({ topic: 't', partition: 0, offset: 0, timestamp: 0, key: item.key, value: item.value }, undefined, 't')

  test('each operation of the Track API comes up, and each flaw', () => {
    expect(new Set(fromSeed(1).map(({ type }) => type))).toEqual(new Set([...ofTrack, ...flawsOf('all').map(({ name }) => name)]))
  })

  test('the worker takes what is good, in the lane that the item says, and refuses what is not', () => {
    for (const item of fromSeed(2)) {
      const { type, person, key } = item
      expect(decoded(item)).toMatchObject(isGood(item) ? { kind: 'event', type, person: String(key) } : { kind: 'invalid' })
      expect(isGood(item) ? person : 'bad').toBe(isGood(item) ? String(key) : 'bad')
    }
  })

  test('what has a place for the marker carries it; of what has none there is one a person', () => {
    fc.assert(fc.property(fc.integer(), (seed) => {
      const items = fromSeed(seed, 500).filter(isGood)
      for (const { hasBody, value, marker } of items) expect(String(value).includes(`"_marker":"${marker}"`)).toBe(hasBody)
      const bodyless = items.filter(({ hasBody }) => !hasBody).map(({ type, person }) => `${type} ${person}`)
      expect(new Set(bodyless).size).toBe(bodyless.length)
    }), { numRuns: 30 })
  })

  test('nothing comes after a person has left but that a suppressed one is let in again', () => {
    const last = new Map<string, string>()
    for (const { type, person } of fromSeed(3).filter(isGood)) {
      const before = last.get(person as string)
      expect(['destroy', 'unsuppress', 'deleteObject', ...(type === 'unsuppress' ? [] : ['suppress'])]).not.toContain(before)
      last.set(person as string, type)
    }
    expect(new Set(last.values())).toContain('unsuppress')
  })

  test('the App API has traffic of its own', () => {
    const items = generateAppTraffic({ sends: 300, broadcasts: 5, people: 20, seed: 1 })
    expect(items.map(({ type }) => type).filter((type) => type === 'broadcast')).toHaveLength(5)
    expect(new Set(items.map(({ type }) => type))).toEqual(new Set(['email', 'push', 'sms', 'inApp', 'broadcast']))
    for (const item of items) expect(decoded(item)).toMatchObject({ kind: 'event', person: item.person })
    expect(items).toEqual(generateAppTraffic({ sends: 300, broadcasts: 5, people: 20, seed: 1 }))
  })
})

test('newcomers come once each', () => {
  const items = [...newcomers(3_000, 4)]
  expect(new Set(items.map(({ person }) => person)).size).toBe(3_000)
  expect(new Set(items.map(({ marker }) => marker)).size).toBe(3_000)
  expect(new Set(items.map(({ type }) => type))).toEqual(new Set(['identify', 'trackAnonymous']))
})

test.each([100, 100_000])('an event made to measure has %i bytes of data', (dataBytes) => {
  const item = trackOf('u1', 'm1', { dataBytes })
  expect(Buffer.byteLength(JSON.stringify(envelopeOf(item).payload!.properties))).toBe(dataBytes)
  expect(trackOf('u1', 'm1', {}).value!.length).toBeLessThan(100)
})

const valueOf = (name: string) => flaws.find((flaw) => flaw.name === name)!.make('u1', 'm1').value!

describe('a flaw is what its name says', () => {
  test('bytes that are no text, and text that is no JSON', () => {
    expect(isUtf8(valueOf('not UTF-8'))).toBe(false)
    expect(() => JSON.parse(valueOf('not JSON').toString())).toThrow(SyntaxError)
  })

  test('sizes are over in bytes, though not in characters', () => {
    const { userId } = JSON.parse(valueOf('userId too long').toString()) as { userId: string }
    expect([Buffer.byteLength(userId), userId.length < 150]).toEqual([151, true])
    const { payload } = JSON.parse(valueOf('event name too long').toString()) as { payload: { event: string } }
    expect([Buffer.byteLength(payload.event), payload.event.length < 100]).toEqual([101, true])
    expect(valueOf('data too large').length).toBeGreaterThan(100_000)
  })

  test('__proto__ survives as text', () => {
    expect(valueOf('__proto__ in properties').toString()).toContain('"__proto__":{"admin":true}')
  })
})
