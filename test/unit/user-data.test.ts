import * as fc from 'fast-check'
import { decodeAssignmentData, decodeMemberData, encodeUserData } from '../../src/kafka/client/user-data.ts'
import { json } from './helpers.ts'

const nothing = { owned: [], budgets: {} }

test('what a member tells is read as it was told; wanting all is Infinity', () => {
  const data = { owned: [0, 3], budgets: { track: { limit: 80, wanted: Infinity }, general: { limit: 10, wanted: 2.5 } } }
  expect(decodeMemberData(encodeUserData({ ...data, asked: 3 }))).toEqual(data)
})

test.each<[string, unknown, object]>([
  ['null', null, nothing],
  ['a list', [0, 1], nothing],
  ['text', 'x', nothing],
  ['other types', { owned: 'all', budgets: 7 }, nothing],
  ['budgets as a list', { budgets: [1] }, nothing],
  ['partitions that are none', { owned: [1, '2', 0.5, null, 3] }, { owned: [1, 3], budgets: {} }],
  ['a limit that is none', { budgets: { a: { limit: 0 }, b: { limit: 1.5 }, c: { limit: '8' }, d: null, f: { limit: 1e99 } } }, nothing],
  ['what is wanted can\'t be read: all', { budgets: { a: { limit: 5, wanted: -1 }, b: { limit: 5 }, c: { limit: 5, wanted: 'x' } } },
    { owned: [], budgets: { a: { limit: 5, wanted: Infinity }, b: { limit: 5, wanted: Infinity }, c: { limit: 5, wanted: Infinity } } }],
])('of a member: %s', (_name, data, expected) => {
  expect(decodeMemberData(json(data))).toEqual(expected)
})

test('of a member: whatever the bytes are, it never throws', () => {
  expect([decodeMemberData(undefined), decodeMemberData(null)]).toEqual([nothing, nothing])
  const anything = fc.oneof(fc.uint8Array().map((bytes) => Buffer.from(bytes)), fc.json().map((text) => Buffer.from(text)))
  fc.assert(fc.property(anything, (bytes) => {
    expect(decodeMemberData(bytes)).toMatchObject({ owned: expect.any(Array), budgets: expect.any(Object) })
  }))
})

test('what the leader tells is read as it was told', () => {
  const data = { partitions: 8, slots: { track: { limit: 80, slots: 27 }, general: { limit: 10, slots: 0 } } }
  expect(decodeAssignmentData(encodeUserData(data))).toEqual(data)
})

test.each<[string, unknown]>([
  ['none', {}], ['null', null], ['null inside', { a: null }], ['no slots', { a: { limit: 8 } }], ['of none', { a: { limit: 0, slots: 0 } }],
  ['more than the limit', { a: { limit: 80, slots: 81 } }], ['less than none', { a: { limit: 80, slots: -1 } }],
  ['half a slot', { a: { limit: 80, slots: 0.5 } }],
])('a part that can\'t be read is none: %s', (_name, slots) => {
  expect(decodeAssignmentData(json({ partitions: 8, slots }))).toEqual({ partitions: 8, slots: {} })
})

const ofOthers = [undefined, json({}), json({ partitions: 0 }), json({ partitions: '8' }), Buffer.from('{')]
test.each(ofOthers)('without the number of partitions it is refused: %s', (bytes) => {
  expect(() => decodeAssignmentData(bytes)).toThrow('another kind of consumer')
})
