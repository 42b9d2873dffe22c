import * as fc from 'fast-check'
import { isUtf8 } from 'node:buffer'
import { flaws } from '../support/flaws.ts'
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
