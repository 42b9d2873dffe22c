import * as fc from 'fast-check'
import { isPlain } from '../../src/event-plain.ts'
import { deliveredTypes, schemaOf } from '../../src/event-schema.ts'
import { decodeEvent } from '../../src/event.ts'
import type { CustomerEvent, InvalidEvent } from '../../src/event.ts'
import { generateTraffic } from '../support/traffic.ts'
import { json, recordOf } from './helpers.ts'

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const decode = (value: Buffer) => decodeEvent(recordOf({ value }), undefined, 'test')

const types = [...deliveredTypes, 'teleport']
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', '.', '..', '\ud800', '__proto__', 'u1', '2026-01-01', '2026-02-31T00:00:00Z'))
const anything = fc.oneof(text, fc.jsonValue(), fc.double(), fc.integer())
const object = fc.dictionary(text, anything)
const payload = fc.oneof(anything, object, fc.record({ event: text, name: text, properties: fc.oneof(object, anything) }, { requiredKeys: [] }))
/** Near enough to a good envelope to come far into the decoder. */
const envelopes = fc.record({ type: fc.constantFrom(...types), userId: fc.oneof(fc.constant('u1'), anything), anonymousId: fc.oneof(fc.constant('a1'), anything), id: anything, timestamp: anything, payload },
  { requiredKeys: ['type'] })

/** What the code behind relies on. */
const sound = (decoded: CustomerEvent | InvalidEvent): string[] => {
  if (decoded.kind === 'invalid') return decoded.message.length > 0 ? [] : ['no message']
  const { person, id, timestamp, name, data } = decoded
  return [
    JSON.parse(JSON.stringify({ name, data })) ? '' : 'no body',
    encodeURIComponent(person).length > 0 && Buffer.byteLength(person) <= 150 ? '' : 'no person',
    ULID.test(id) ? '' : 'no ULID',
    timestamp === undefined || (Number.isSafeInteger(timestamp) && timestamp > 0) ? '' : 'no timestamp',
  ].filter(Boolean)
}

test.each([
  ['bytes', fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))],
  ['JSON', fc.json().map((value) => Buffer.from(value))],
  ['text', fc.string({ unit: 'binary' }).map((value) => Buffer.from(value))],
  ['envelopes', envelopes.map(json)],
  ['envelopes with a byte changed', fc.tuple(envelopes, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
    const bytes = json(value)
    bytes[at % bytes.length] = byte
    return bytes
  })],
] as [string, fc.Arbitrary<Buffer>][])('%s: an event that can be sent, or a reason', (_name, values) => {
  fc.assert(fc.property(values, (value) => {
    expect(sound(decode(value))).toEqual([])
  }), { numRuns: 500 })
})

test('good events of any content come out as they went in', () => {
  const properties = fc.dictionary(fc.string().filter((key) => key !== '__proto__'), fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('__proto__')))
  fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme-ascii' }).filter((id) => id.trim() !== '' && !/^\.{1,2}$/.test(id)), properties, (userId, data) => {
    const text = JSON.stringify({ type: 'track', userId, payload: { event: 'login', properties: data } })
    expect(decode(Buffer.from(text))).toMatchObject({ kind: 'event', person: userId, data: JSON.parse(JSON.stringify(data)) as object })
  }))
})

test('a message names fields, and never shows a value', () => {
  const secret = 'ann-4711'
  const secrets = fc.constantFrom<unknown>(secret, [secret], { [secret]: secret }, secret.repeat(30))
  const revealing = fc.record({ type: fc.constantFrom<unknown>(...types, secret), userId: secrets, anonymousId: secrets, id: fc.constantFrom<unknown>([secret], { secret }), timestamp: secrets, payload: secrets },
    { requiredKeys: [] })
  fc.assert(fc.property(revealing, (value) => {
    const decoded = decode(json(value))
    expect(decoded.kind === 'invalid' ? decoded.message : '').not.toContain(secret)
  }))
})

describe('the quick check', () => {
  const ids = fc.oneof(fc.constantFrom('u1', 'é'.repeat(75), `${'é'.repeat(75)}x`, 'x'.repeat(151), '.', '..', ' ', '\u00a0', '\ud800', '😀', 'x'.repeat(1_000), 'x'.repeat(1_001)), text, anything)
  const times = fc.oneof(
    fc.date({ min: new Date(-1e12), max: new Date(5e12), noInvalidDate: true }).map((date) => date.toISOString()),
    fc.constantFrom<unknown>('2026-02-29T00:00:00Z', '2024-02-29T00:00:00.5Z', '2026-02-31T10:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T23:59:60Z', '2026-13-01T00:00:00Z', '1970-01-01T00:00:00.999Z',
      '1970-01-01T00:00:01Z', '2100-01-01T00:00:00Z', '2100-01-01T00:00:00.001Z', '0000-01-01T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00+01:00', 0, 1, 1.5, 4_102_444_800, 4_102_444_801, -0),
    anything,
  )
  const names = fc.oneof(fc.constantFrom('login', 'é'.repeat(50), `${'é'.repeat(50)}x`, ' ', ''), text)
  const attributes = fc.oneof(
    fc.dictionary(fc.oneof(text, fc.constantFrom('é'.repeat(75), `${'é'.repeat(75)}x`, '_update', '_timestamp', 'cio_relationships')),
      fc.oneof(anything, fc.constantFrom<unknown>('é'.repeat(500), `${'é'.repeat(500)}x`, { a: 'x'.repeat(992) }, { a: 'x'.repeat(993) }))),
    fc.constantFrom(299, 300, 301, 302).map((count) => Object.fromEntries(Array.from({ length: count }, (_, n) => [n === 0 ? '_timestamp' : `a${n}`, n]))),
  )
  const payloads = fc.oneof(payload, attributes, fc.record({ event: names, name: names, properties: fc.oneof(object, anything) }, { requiredKeys: [] }), fc.constant({ event: 'login' }), fc.constant({ name: 'home' }))
  const near = fc.record({ type: fc.constantFrom('identify', 'track', 'page', 'screen', 'trackAnonymous', 'suppress'), userId: ids, anonymousId: ids, id: ids, timestamp: times, payload: payloads },
    { requiredKeys: ['type'] })

  test('what it takes the schema takes, too, and gives the same', () => {
    let taken = 0
    fc.assert(fc.property(near, (any) => {
      const value = JSON.parse(JSON.stringify(any)) as Record<string, unknown>
      // values with such a key are refused before
      if (JSON.stringify(value).includes('__proto__') || !isPlain(value)) return
      taken += 1
      expect(schemaOf(value.type)?.safeParse(value)).toEqual({ success: true, data: value })
    }), { numRuns: 5_000 })
    expect(taken).toBeGreaterThan(50)
  })

  test('it takes what is common: otherwise it would save no time', () => {
    const common = generateTraffic({ events: 1_000, people: 50, seed: 1, badShare: 0 }).filter(({ type }) => !['suppress', 'destroy'].includes(type))
    expect(common.filter(({ value }) => !isPlain(JSON.parse(String(value)) as Record<string, unknown>))).toEqual([])
  })
})

test('bytes are UTF-8 exactly where a strict decoder takes them, and a byte order mark is left out', () => {
  const mark = Buffer.from([0xef, 0xbb, 0xbf])
  const pieces = fc.array(fc.oneof(fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)), fc.string({ unit: 'grapheme', maxLength: 3 }).map((piece) => Buffer.from(piece)), fc.constant(mark)), { maxLength: 5 })
  fc.assert(fc.property(pieces, fc.boolean(), (inside, isMarked) => {
    const value = Buffer.concat([...(isMarked ? [mark] : []), Buffer.from('{"type":"track","userId":"u1","payload":{"event":"'), ...inside, Buffer.from('"}}')])
    let expected: string | undefined
    try {
      expected = (JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as { payload: { event: string } }).payload.event
    } catch (error) {
      expected = error instanceof SyntaxError ? 'not_json' : 'not_utf8'
    }
    const event = decode(value)
    expect(event.kind === 'event' ? event.name : event.reason).toBe(event.kind === 'invalid' && event.reason === 'invalid_payload' ? 'invalid_payload' : expected)
  }), { numRuns: 1_000 })
})

test('bytes: nothing takes more when it is written anew', () => {
  const numbers = fc.constantFrom('1e20', '1E5', '-1.5e-6', '1e-7', '123.456e+18', '1e300', '0.1e-5', '10e9', '1', '0.10')
  const blanks = fc.constantFrom('', ' ', '\n')
  const values: fc.Arbitrary<string> = fc.oneof(numbers, fc.array(fc.tuple(blanks, numbers, blanks).map((parts) => parts.join(''))).map((list) => `[${list.join(',')}]`), fc.json(), fc.string({ unit: 'binary' }).map((piece) => JSON.stringify(piece)))
  fc.assert(fc.property(fc.array(values, { maxLength: 20 }), (list) => {
    const value = Buffer.from(`{"type":"track","userId":"u1","payload":{"event":"login","properties":{"list":[${list.join(',')}]}}}`)
    const event = decode(value) as CustomerEvent
    if (event.kind !== 'event') return
    expect(event.bytes).toBeGreaterThanOrEqual(Buffer.byteLength(JSON.stringify(JSON.parse(String(value)))))
    expect(event.bytes).toBeGreaterThanOrEqual(value.length)
  }), { numRuns: 1_000 })
})
