import * as fc from 'fast-check'
import type { Budgets, Claimant } from '../../../src/budget.ts'
import { dealToGroup } from '../../../src/limiter/group-deal.ts'

/** What each member has of one API, by its name. */
const slotsOf = (members: readonly Claimant[]) =>
  Object.fromEntries([...dealToGroup(members)].map(([id, parts]) => [id, parts['track']?.slots]))
const member = (id: string, limit: number, wanted: number, partitions = 1): Claimant =>
  ({ id, partitions, budgets: { track: { limit, wanted } } })

test.each<[string, Claimant[], Record<string, number | undefined>]>([
  ['nobody', [], {}],
  ['one has all', [member('a', 80, 0)], { a: 80 }],
  ['all want all: evenly', [member('a', 80, Infinity), member('b', 80, Infinity), member('c', 80, Infinity)], { a: 27, b: 27, c: 26 }],
  ['nobody wants anything: evenly', [member('a', 80, 0), member('b', 80, 0)], { a: 40, b: 40 }],
  ['what others do not want goes to who does', [member('a', 80, Infinity), member('b', 80, 15)], { a: 65, b: 15 }],
  ['an idle one keeps a quarter of an even part', [member('a', 80, Infinity), member('b', 80, 0)], { a: 70, b: 10 }],
  ['a quarter of little is still one', [member('a', 4, Infinity), member('b', 4, 0), member('c', 4, 0)], { a: 2, b: 1, c: 1 }],
  ['fewer slots than members: who wants some goes first', [member('a', 1, 0), member('b', 1, 1)], { a: 0, b: 1 }],
  ['without partitions nothing', [member('a', 80, Infinity), member('b', 80, Infinity, 0)], { a: 80, b: undefined }],
  ['nobody owns a partition', [member('a', 80, Infinity, 0)], { a: undefined }],
  ['the smallest limit that one reads is dealt, also if it has no partitions',
    [member('a', 80, Infinity), member('b', 100, Infinity), member('c', 60, 0, 0)], { a: 30, b: 30, c: undefined }],
  ['who says nothing wants all, and has no word on the limit',
    [member('a', 80, Infinity), { id: 'b', partitions: 2, budgets: {} }], { a: 40, b: 40 }],
  ['nobody says anything', [{ id: 'a', partitions: 2, budgets: {} }], { a: undefined }],
])('%s', (_name, members, expected) => {
  expect(slotsOf(members)).toEqual(expected)
})

test('each API for itself, with the limit that was dealt', () => {
  const parts = dealToGroup([
    { id: 'a', partitions: 1, budgets: { track: { limit: 80, wanted: Infinity }, general: { limit: 10, wanted: 0 } } },
    { id: 'b', partitions: 1, budgets: { track: { limit: 90, wanted: 0 }, general: { limit: 8, wanted: Infinity } } },
  ])
  expect(Object.fromEntries(parts)).toEqual({
    a: { track: { limit: 80, slots: 70 }, general: { limit: 8, slots: 1 } },
    b: { track: { limit: 80, slots: 10 }, general: { limit: 8, slots: 7 } },
  })
})

const wanted = fc.oneof(fc.nat(1_200), fc.constant(Infinity), fc.double({ min: 0, max: 100, noNaN: true }))
const budget = fc.record({ limit: fc.integer({ min: 1, max: 1_000 }), wanted })
const budgets: fc.Arbitrary<Budgets> = fc.dictionary(fc.constantFrom('track', 'general'), budget)
const group = fc.array(fc.record({ partitions: fc.nat(3), budgets }), { maxLength: 12 })
  .map((members): Claimant[] => members.map((one, n) => ({ id: `m${n}`, ...one })))

test('the slots add up to the smallest limit that one reads; who owns partitions has a quarter of its even part, and one', () => {
  fc.assert(fc.property(group, fc.constantFrom('track', 'general'), (members, api) => {
    const dealt = dealToGroup(members)
    const limit = Math.min(...members.map((one) => one.budgets[api]?.limit ?? Infinity))
    const owners = members.filter(({ partitions }) => partitions > 0)
    const parts = owners.map(({ id }) => dealt.get(id)?.[api])
    const known = limit < Infinity
    expect(parts.reduce((sum, part) => sum + (part?.slots ?? 0), 0)).toBe(known && owners.length > 0 ? limit : 0)
    const least = owners.length > limit ? 0 : Math.max(1, Math.floor(limit / owners.length / 4))
    expect(parts.every((part) => (known ? part!.limit === limit && part!.slots >= least : part === undefined))).toBe(true)
    expect(members.every(({ id, partitions }) => partitions > 0 || dealt.get(id)?.[api] === undefined)).toBe(true)
  }), { numRuns: 1_000 })
})

test('the order in which the members are listed does not matter', () => {
  fc.assert(fc.property(group, (members) => {
    const sorted = (parts: ReadonlyMap<string, unknown>) => Object.fromEntries(parts)
    expect(sorted(dealToGroup(members.toReversed()))).toEqual(sorted(dealToGroup(members)))
  }))
})
