import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import { eventId } from '../../src/event-id.ts'
import type { RecordIdentity } from '../../src/event-id.ts'
import { decodeEvent } from '../../src/event.ts'
import { json, recordOf } from './helpers.ts'

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const GIVEN = '01HF7YAT00QWERTY0123456789'

const record: RecordIdentity = { topic: 'events', partition: 1, offset: 2, timestamp: 1_700_000_000_000, key: Buffer.from('k'), value: Buffer.from('v') }
const made = (change: Partial<RecordIdentity> = {}, namespace = 'n') => eventId(undefined, { ...record, ...change }, namespace)

const fields = {
  topic: fc.string(), partition: fc.nat(), offset: fc.maxSafeNat(), timestamp: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(-1, 2 ** 63, 0.5, 2 ** 48 - 1, 2 ** 48)),
  key: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))), value: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
}
const records = fc.record(fields)

test('a ULID, and the same one each time, whatever the record', () => {
  fc.assert(fc.property(records, fc.string(), (any, namespace) => {
    const id = eventId(undefined, any, namespace)
    expect(id).toMatch(ULID)
    expect(eventId(undefined, { ...any, key: any.key && Buffer.from(any.key) }, namespace)).toBe(id)
  }))
})

/** The same ids, made the plain way: part by part, and bit by bit. */
const plainly = (given: string | undefined, { topic, partition, offset, timestamp, key, value }: RecordIdentity, namespace: string): string => {
  const ulidOf = (bytes: Buffer) => {
    const bits = BigInt(`0x${bytes.toString('hex')}`)
    return Array.from({ length: 26 }, (_, n) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[Number((bits >> BigInt(125 - n * 5)) & 31n)]).join('')
  }
  if (given !== undefined) return ULID.test(given.toUpperCase()) ? given.toUpperCase() : ulidOf(createHash('sha256').update(given).digest().subarray(0, 16))
  const hash = createHash('sha256')
  for (const part of [namespace, topic, String(partition), String(offset)]) hash.update(`${part.length}:${part}`)
  for (const part of [key, value]) hash.update(part ? `${part.length}:` : 'null:').update(part ?? '')
  const time = Buffer.alloc(6)
  time.writeUIntBE(Math.min(Math.max(Math.trunc(timestamp), 0), 2 ** 48 - 1), 0, 6)
  return ulidOf(Buffer.concat([time, hash.digest().subarray(0, 10)]))
}

test('the ids are those of the plain way, whatever the record and the id that is given', () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('\ud800', 'é', GIVEN, GIVEN.toLowerCase()))
  const any = fc.record({ ...fields, topic: texts })
  fc.assert(fc.property(any, texts, fc.option(texts, { nil: undefined }), (record, namespace, given) => {
    expect(eventId(given, record, namespace)).toBe(plainly(given, record, namespace))
  }), { numRuns: 500 })
})

test('an id once made stays for the life of a topic: this one must never change', () => {
  expect([made(), eventId('order-4711', record, 'n')]).toEqual(['01HF7YAT00NHHWDJEZF2Y1XM0Z', '0Q7M6XQZR3869ZNKKWWR6KYP5M'])
})

test.each([
  ['the namespace', made(), made({}, 'm')],
  ['the topic', made(), made({ topic: 'other' })],
  ['the partition', made(), made({ partition: 3 })],
  ['the offset', made(), made({ offset: 3 })],
  ['the time', made(), made({ timestamp: 1_700_000_000_001 })],
  ['the key', made(), made({ key: Buffer.from('l') })],
  ['having no key', made(), made({ key: null })],
  ['having an empty key', made({ key: null }), made({ key: Buffer.alloc(0) })],
  ['the value', made(), made({ value: Buffer.from('w') })],
  ['having no value', made(), made({ value: null })],
  ['bytes that move from the value to the key', made(), made({ key: Buffer.from('kv'), value: Buffer.alloc(0) })],
  ['digits that move from the offset to the partition', made({ partition: 1, offset: 22 }), made({ partition: 12, offset: 2 })],
  ['letters that move from the topic to the namespace', made({ topic: 'ab' }, 'c'), made({ topic: 'b' }, 'ca')],
])('another one by %s', (_name, one, other) => {
  expect(other).not.toBe(one)
})

test('no two of many records have the same', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => made({ partition: n % 10, offset: Math.floor(n / 10) }))
  expect(new Set(ids).size).toBe(ids.length)
})

test('begins with the time of the record, so ids sort by it', () => {
  const ids = [0, 1, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1].map((timestamp) => made({ timestamp }))
  expect(ids.toSorted()).toEqual(ids)
  expect(ids[2]!.slice(0, 10)).toBe('01HF7YAT00')
  expect([made({ timestamp: -1 }).slice(0, 10), made({ timestamp: 2 ** 63 }).slice(0, 10)]).toEqual(['0000000000', '7ZZZZZZZZZ'])
})

describe('an id that is given', () => {
  const idOf = (id: string) => eventId(id, record, 'n')

  test.each([GIVEN, '00000000000000000000000000', '7ZZZZZZZZZZZZZZZZZZZZZZZZZ'])('%s is a ULID and kept', (id) => {
    expect([idOf(id), idOf(id.toLowerCase())]).toEqual([id, id])
  })

  test.each([
    ['too great for 128 bits', '80000000000000000000000000'],
    ['a letter that ULIDs do not have', '01HF7YAT00UUUUUUUUUUUUUUUU'],
    ['too short', '01HF7YAT00QWERTY012345678'],
    ['too long', '01HF7YAT00QWERTY01234567890'],
    ['a UUID', '0b9e2f8a-3c4d-4e5f-8a9b-0c1d2e3f4a5b'],
    ['a blank in front', ` ${GIVEN}`],
    ['any text', 'order-4711'],
  ])('hashed: %s', (_name, id) => {
    expect(idOf(id)).toMatch(ULID)
    expect(idOf(id)).not.toBe(id)
    expect(eventId(id, { ...record, offset: 99, value: null }, 'other')).toBe(idOf(id))
  })

  test('any text comes out as a ULID, different ones as different ones', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 2, maxLength: 5 }), (texts) => {
      const ids = texts.map(idOf)
      for (const id of ids) expect(id).toMatch(ULID)
      expect(new Set(ids).size).toBe(ids.length)
    }))
  })
})

test('an event makes its id when it is asked, and always the same', () => {
  const value = json({ type: 'track', userId: 'u1', payload: { event: 'login' } })
  const event = decodeEvent(recordOf({ value }), undefined, 'n') as { id: string }
  expect(event.id).toBe(eventId(undefined, recordOf({ value }), 'n'))
  value.fill(0)
  expect(event.id).toBe(eventId(undefined, recordOf({ value: json({ type: 'track', userId: 'u1', payload: { event: 'login' } }) }), 'n'))
})

describe('which id counts', () => {
  const decode = (id: string | undefined, replayId: string | undefined) =>
    decodeEvent(recordOf({ value: json({ type: 'track', userId: 'u1', payload: { event: 'login' }, ...(id && { id }) }) }), replayId, 'n') as { id: string }
  const replay = '01HF7YAT00REPRAY0123456789'

  test('that of a replayed letter before that of the envelope, and that before one of our own', () => {
    expect(decode(GIVEN, replay).id).toBe(replay)
    expect(decode(GIVEN, undefined).id).toBe(GIVEN)
    expect(decode(undefined, replay).id).toBe(replay)
    expect([GIVEN, replay]).not.toContain(decode(undefined, undefined).id)
  })
})
