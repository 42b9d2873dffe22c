import * as fc from 'fast-check'
import { deliveredTypes, laterTypes } from '../../src/event-schema.ts'
import { decodeEvent } from '../../src/event.ts'
import type { CustomerEvent, InvalidEvent } from '../../src/event.ts'
import { json, recordOf } from './helpers.ts'

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const decode = (value: Buffer) => decodeEvent(recordOf({ value }), undefined, 'test')

const types = [...deliveredTypes, ...laterTypes, 'teleport']
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
