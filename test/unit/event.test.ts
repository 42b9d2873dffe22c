import { deliveredTypes } from '../../src/event-schema.ts'
import { decodeEvent } from '../../src/event.ts'
import type { CustomerEvent, InvalidEvent } from '../../src/event.ts'
import { json, recordOf } from './helpers.ts'

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

const decode = (value: Buffer | null, timestamp?: number) => decodeEvent(recordOf({ value, ...(timestamp !== undefined && { timestamp }) }), undefined, 'test')
const decodeText = (text: string) => decode(Buffer.from(text))
const decodeJson = (value: unknown) => decode(json(value))
/** The reason if it is invalid, else 'event'. */
const reasonOf = (decoded: CustomerEvent | InvalidEvent) => (decoded.kind === 'invalid' ? decoded.reason : 'event')

const envelope = (change: Record<string, unknown> = {}) => ({ type: 'track', userId: 'u1', payload: { event: 'login', properties: { a: 1 } }, ...change })
const withProperties = (text: string) => `{"type":"track","userId":"u1","payload":{"event":"login","properties":${text}}}`

describe('good events', () => {
  test.each([
    ['identify', { type: 'identify', userId: 'u1', payload: { email: 'a@b.c' } }, { person: 'u1', name: '', data: { email: 'a@b.c' } }],
    ['identify without attributes', { type: 'identify', userId: 'u1' }, { person: 'u1', name: '', data: {} }],
    ['track', { type: 'track', userId: 'u1', payload: { event: 'purchase', properties: { total: 12.9 } } }, { person: 'u1', name: 'purchase', data: { total: 12.9 } }],
    ['track without properties', { type: 'track', userId: 'u1', payload: { event: 'login' } }, { person: 'u1', name: 'login', data: {} }],
    ['page', { type: 'page', userId: 'u1', payload: { name: 'home', properties: { dark: true } } }, { person: 'u1', name: 'home', data: { dark: true } }],
    ['screen', { type: 'screen', userId: 'u1', payload: { name: 'cart' } }, { person: 'u1', name: 'cart', data: {} }],
    ['trackAnonymous', { type: 'trackAnonymous', anonymousId: 'a1', payload: { event: 'visit' } }, { person: 'a1', name: 'visit', data: {} }],
    ['trackAnonymous with a userId beside', { type: 'trackAnonymous', anonymousId: 'a1', userId: 5, payload: { event: 'visit' } }, { person: 'a1', name: 'visit', data: {} }],
    ['suppress', { type: 'suppress', userId: 'u1' }, { person: 'u1', name: '', data: {} }],
    ['destroy', { type: 'destroy', userId: 'u1', payload: { ignored: true } }, { person: 'u1', name: '', data: {} }],
    ['fields of the producer\'s own', { type: 'track', userId: 'u1', payload: { event: 'login', source: 'x' }, trace: 'y' }, { person: 'u1', name: 'login', data: {} }],
  ])('%s', (_name, value, expected) => {
    const { kind, type, person, id, timestamp, name, data, bytes } = decodeJson(value) as CustomerEvent
    expect({ person, name, data }).toEqual(expected)
    expect({ kind, type, id, timestamp, bytes }).toEqual({ kind: 'event', type: value.type, id: expect.stringMatching(ULID), timestamp: 1_700_000_000, bytes: json(value).length })
  })

  test('a byte order mark in front does no harm', () => {
    expect(reasonOf(decode(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), json(envelope())])))).toBe('event')
  })

  test('null, nested objects, lists and broken surrogates in the data are kept', () => {
    expect(decodeText(withProperties('{"a":null,"b":[{"c":[]}],"d":"\\ud800"}'))).toMatchObject({ data: { a: null, b: [{ c: [] }], d: '\ud800' } })
  })
})

describe('no JSON object', () => {
  test.each([
    ['a tombstone', null, 'tombstone'],
    ['empty', Buffer.alloc(0), 'not_json'],
    ['blank', Buffer.from(' \n'), 'not_json'],
    ['text', Buffer.from('hello'), 'not_json'],
    ['torn JSON', Buffer.from('{"type":"track","userId":"u1"'), 'not_json'],
    ['two objects', Buffer.from('{}{}'), 'not_json'],
    ['NaN', Buffer.from('{"type":NaN}'), 'not_json'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 'not_utf8'],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'not_utf8'],
    ['an encoded half surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not_utf8'],
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'not_utf8'],
    ['an array', Buffer.from('[{"type":"track"}]'), 'not_an_object'],
    ['a string', Buffer.from('"track"'), 'not_an_object'],
    ['null', Buffer.from('null'), 'not_an_object'],
    ['a number', Buffer.from('42'), 'not_an_object'],
    ['true', Buffer.from('true'), 'not_an_object'],
    ['arrays in arrays, 100,000 levels', Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)), 'not_an_object'],
  ])('%s', (_name, value, reason) => {
    expect(reasonOf(decode(value))).toBe(reason)
  })
})

describe('type', () => {
  test.each([[undefined], [null], [7], [''], ['Track'], ['teleport'], ['__proto__'], ['constructor'], [['track']]])('%j is unknown', (type) => {
    expect(reasonOf(decodeJson(envelope({ type })))).toBe('unknown_type')
  })

  test('the message lists what is known', () => {
    expect(decodeJson({})).toMatchObject({ reason: 'unknown_type', message: expect.stringContaining([...deliveredTypes].join(', ')) })
  })

  test('the types are those of the docs', () => {
    expect([...deliveredTypes]).toEqual(['identify', 'track', 'page', 'screen', 'trackAnonymous', 'suppress', 'destroy', 'unsuppress', 'addDevice', 'deleteDevice', 'merge',
      'addToSegment', 'removeFromSegment', 'unsubscribe', 'formSubmit', 'reportMetric', 'identifyObject', 'deleteObject', 'addRelationships', 'deleteRelationships',
      'email', 'push', 'sms', 'inApp', 'broadcast'])
  })
})

describe('ids of people', () => {
  const fits = `${'é'.repeat(75)}`
  const cases = [
    ['none', undefined, 'invalid_user_id'],
    ['null', null, 'invalid_user_id'],
    ['a number', 4711, 'invalid_user_id'],
    ['an object', { id: 'u1' }, 'invalid_user_id'],
    ['empty', '', 'invalid_user_id'],
    ['.', '.', 'invalid_user_id'],
    ['..', '..', 'invalid_user_id'],
    ['a lone high surrogate', 'u\ud800', 'invalid_user_id'],
    ['a lone low surrogate', '\udc00u', 'invalid_user_id'],
    ['151 bytes', 'x'.repeat(151), 'id_too_long'],
    ['151 bytes in 76 characters', `${fits}x`, 'id_too_long'],
    ['150 bytes', 'x'.repeat(150), 'event'],
    ['150 bytes in 75 characters', fits, 'event'],
    ['...', '...', 'event'],
    ['a slash and a question mark', '../a?b#c', 'event'],
    ['a whole surrogate pair', '😀', 'event'],
    ['a blank', ' ', 'invalid_user_id'],
    ['nothing but a no-break space', '\u00a0', 'invalid_user_id'],
  ] as [string, unknown, string][]

  test.each(cases)('userId: %s', (_name, userId, reason) => {
    expect(reasonOf(decodeJson(envelope({ userId })))).toBe(reason)
  })

  test.each(cases)('anonymousId: %s', (_name, anonymousId, reason) => {
    expect(reasonOf(decodeJson({ type: 'trackAnonymous', anonymousId, payload: { event: 'visit' } }))).toBe(reason)
  })
})

describe('the event\'s own id', () => {
  test.each([[''], [7], [null], ['x'.repeat(1_001)]])('%j is none', (id) => {
    expect(reasonOf(decodeJson(envelope({ id })))).toBe('invalid_id')
  })

  test.each([['01hf7yat00qwerty0123456789'], ['order-4711'], ['x'.repeat(1_000)]])('%j comes out as a ULID', (id) => {
    expect(decodeJson(envelope({ id }))).toMatchObject({ id: expect.stringMatching(ULID) })
  })
})

describe('shapes that cost much to look at', () => {
  test.each([
    ['a key as long as an event may be', withProperties(`{"${'k'.repeat(99_000)}":1}`), undefined],
    ['a key that is longer', withProperties(`{"${'k'.repeat(1_000_000)}":1}`), 'event_too_large'],
    ['a hundred thousand keys', withProperties(`{${Array.from({ length: 100_000 }, (_, n) => `"${n}":1`).join(',')}}`), 'event_too_large'],
    ['a million empty lists', withProperties(`{"a":[${'[],'.repeat(1_000_000)}0]}`), 'event_too_large'],
    ['one key a hundred thousand times', withProperties(`{${'"a":1,'.repeat(100_000)}"a":2}`), undefined],
  ])('%s', (_name, text, reason) => {
    const event = decodeText(text)
    expect(event.kind === 'invalid' ? event.reason : undefined).toBe(reason)
  })

  test('nothing of an event reaches the prototypes that all objects share', () => {
    decodeText(withProperties('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'))
    decodeText(withProperties('{"constructor":{"prototype":{"polluted":1}}}'))
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('__proto__ as a key', () => {
  test.each([
    ['in the envelope', '{"__proto__":{},"type":"track","userId":"u1","payload":{"event":"login"}}'],
    ['in the payload', '{"type":"track","userId":"u1","payload":{"event":"login","__proto__":null}}'],
    ['in the properties', withProperties('{"__proto__":{"admin":true}}')],
    ['in a list deep inside', withProperties('{"a":[1,[{"b":{"__proto__":1}}]]}')],
    ['with its first letter as an escape', withProperties('{"\\u005f_proto__":1}')],
    ['with upper-case digits', withProperties('{"__proto_\\u005F":1}')],
    ['with another letter as an escape', withProperties('{"__pr\\u006fto__":1}')],
    ['all in escapes', withProperties(`{"${[...'__proto__'].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')}":1}`)],
  ])('%s', (_name, text) => {
    expect(reasonOf(decodeText(text))).toBe('forbidden_key')
  })

  test.each([
    ['as a value', '{"a":"__proto__"}'],
    ['as an escaped value', '{"a":"\\u005f_proto__"}'],
    ['as a part of a key', '{"__proto__x":1}'],
    ['other names of prototypes', '{"constructor":1,"prototype":2}'],
  ])('but not %s', (_name, properties) => {
    expect(decodeText(withProperties(properties))).toMatchObject({ kind: 'event', data: JSON.parse(properties) as object })
  })
})

describe('nesting', () => {
  const lists = (levels: number) => withProperties(`{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`)

  test.each([
    ['100,000 lists', lists(100_000)],
    ['100,000 objects', withProperties(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)],
    ['one level too many', lists(999)],
  ])('too deep: %s', (_name, text) => {
    expect(reasonOf(decodeText(text))).toBe('too_deep')
  })

  test('as deep as is allowed: it can be written as JSON again', () => {
    const event = decodeText(lists(998)) as CustomerEvent
    expect(JSON.stringify(event.data)).toBe(`{"a":${'['.repeat(998)}${']'.repeat(998)}}`)
  })
})

describe('size of the data', () => {
  /** Properties that take just so many bytes. */
  const sized = (bytes: number, letter = 'x') => withProperties(JSON.stringify({ a: letter.repeat((bytes - '{"a":""}'.length) / Buffer.byteLength(letter)) }))
  const numbers = (count: number) => withProperties(`{"a":[${Array.from({ length: count }, () => '1e20').join()}]}`)

  test.each([
    ['100,000 bytes', sized(100_000), 'event'],
    ['100,001 bytes', sized(100_001), 'event_too_large'],
    ['100,000 bytes in 50,000 characters', sized(100_000, 'é'), 'event'],
    ['100,002 bytes in 50,001 characters', sized(100_002, 'é'), 'event_too_large'],
    ['blanks around it do not count', `${' '.repeat(150_000)}${sized(1_000)}`, 'event'],
    ['numbers that are longer when written out', numbers(19_000), 'event_too_large'],
    ['10 MB', sized(10_000_000), 'event_too_large'],
  ])('%s', (_name, text, reason) => {
    expect(reasonOf(decodeText(text))).toBe(reason)
  })
})

describe('payload', () => {
  test.each([
    ['none', { type: 'track', userId: 'u1' }],
    ['a list', envelope({ payload: [] })],
    ['null', envelope({ payload: null })],
    ['no event name', envelope({ payload: { properties: {} } })],
    ['an empty event name', envelope({ payload: { event: '' } })],
    ['an event name that is a number', envelope({ payload: { event: 7 } })],
    ['an event name of 101 bytes', envelope({ payload: { event: `${'é'.repeat(50)}x` } })],
    ['properties that are a list', envelope({ payload: { event: 'login', properties: [] } })],
    ['properties that are null', envelope({ payload: { event: 'login', properties: null } })],
    ['a page without a name', { type: 'page', userId: 'u1', payload: { event: 'home' } }],
    ['attributes that are text', { type: 'identify', userId: 'u1', payload: 'email' }],
  ])('%s', (_name, value) => {
    expect(reasonOf(decodeJson(value))).toBe('invalid_payload')
  })

  test('an event name of 100 bytes is fine', () => {
    expect(decodeJson(envelope({ payload: { event: 'é'.repeat(50) } }))).toMatchObject({ name: 'é'.repeat(50) })
  })
})

describe('timestamp', () => {
  test.each([
    ['2026-02-31'], ['2026-02-29'], ['2026-02-31T00:00:00Z'], ['2026-13-01'], ['yesterday'], [''], ['1700000000'], ['1969-12-31'], ['1969-12-31T23:59:59Z'], ['1970-01-01'],
    ['2100-01-02'], ['2026-01-01T10:00:00'], ['2026-01-01 10:00:00Z'], ['2026-01-01T24:00:00Z'], ['01/02/2026'],
    [-1], [0], [1e30], [1_700_000_000_000], [4_102_444_801], [1_700_000_000.5], [null], [true], [{}], [[1_700_000_000]],
  ])('%j is none', (timestamp) => {
    expect(reasonOf(decodeJson(envelope({ timestamp })))).toBe('invalid_timestamp')
  })

  test.each([
    [1, 1],
    [1_767_225_600, 1_767_225_600],
    [4_102_444_800, 4_102_444_800],
    ['2026-01-01', 1_767_225_600],
    ['2024-02-29', 1_709_164_800],
    ['2026-01-01T00:00:00Z', 1_767_225_600],
    ['2026-01-01T00:00:00.999Z', 1_767_225_600],
    ['2026-01-01T02:00:00+02:00', 1_767_225_600],
    ['2025-12-31T19:00:00-05:00', 1_767_225_600],
    ['1970-01-01T00:00:01Z', 1],
  ])('%j is %d', (timestamp, seconds) => {
    expect(decodeJson(envelope({ timestamp }))).toMatchObject({ timestamp: seconds })
  })

  test.each([
    [1_700_000_000_999, 1_700_000_000],
    [1_000, 1],
    [999, undefined],
    [0, undefined],
    [-1, undefined],
  ])('none given: that of the record, %d ms', (ms, seconds) => {
    expect((decode(json(envelope()), ms) as CustomerEvent).timestamp).toBe(seconds)
  })
})
