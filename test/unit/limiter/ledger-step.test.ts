import * as fc from 'fast-check'
import { grantedInAll, type Entry, type Ledger } from '../../../src/limiter/kubernetes/ledger.ts'
import { claimOf, isActive, reclaim, type Sighting } from '../../../src/limiter/kubernetes/ledger-step.ts'

const NOW = 1_000_000
const waits = { overdueMs: 3_000, silentMs: 8_025, goneMs: 12_035, replacedMs: 4_015, leftMs: 2_010 }

interface One {
  readonly id: string
  /** Of its own name, if not given. */
  readonly pod?: string
  readonly granted?: number
  readonly floor?: number
  readonly wanted?: number
  readonly limit?: number
  readonly left?: true
  readonly reduced?: true
}

const entryOf = ({ id, pod = id, granted = 0, floor = 0, wanted = 10, limit = 10, ...marks }: One): Entry =>
  ({ id, pod, beat: 1, ...marks, waits, claims: { track: { limit, wanted, granted, floor } } })
const ledgerOf = (all: readonly One[]): Ledger => ({ version: 1, open: true, basis: { track: 10 }, entries: all.map(entryOf) })

describe('what is taken back from others', () => {
  /** ms since an entry was first seen, and since it last changed. */
  type Ages = Record<string, readonly [firstSeen: number, unchanged: number]>
  const sightings = (ages: Ages): Map<string, Sighting> =>
    new Map(Object.entries(ages).map(([id, [first, unchanged]]) => [id, { beat: 1, firstSeen: NOW - first, since: NOW - unchanged }]))
  const inWords = ({ id, reduced, left, claims: { track } }: Entry) =>
    `${id} ${track?.granted}/${track?.floor}${reduced ? ' reduced' : ''}${left ? ' left' : ''}`
  const me: One = { id: 'me', granted: 3, floor: 1 }
  const other: One = { id: 'b', granted: 5, floor: 2 }

  test.each<[string, One[], Ages, string[]]>([
    ['nothing, before it is silent for long enough', [me, other], { b: [90_000, 8_024] }, ['me 3/1', 'b 5/2']],
    ['all but its floor, once it is', [me, other], { b: [90_000, 8_025] }, ['me 3/1', 'b 2/2 reduced']],
    ['that only once', [me, { ...other, granted: 2, reduced: true }], { b: [90_000, 12_034] }, ['me 3/1', 'b 2/2 reduced']],
    ['all, after its outage', [me, { ...other, granted: 2, reduced: true }], { b: [90_000, 12_035] }, ['me 3/1']],
    ['all at once, if nobody looked in between', [me, other], { b: [90_000, 12_035] }, ['me 3/1']],
    ['nothing of one that is seen for the first time', [me, other], {}, ['me 3/1', 'b 5/2']],
    ['nothing of the one that looks', [me, other], { me: [90_000, 90_000], b: [90_000, 0] }, ['me 3/1', 'b 5/2']],
    ['nothing of one that has left, before its last requests have left the window',
      [me, { ...other, left: true }], { b: [90_000, 2_009] }, ['me 3/1', 'b 5/2 left']],
    ['all of one that has left, once they have', [me, { ...other, left: true }], { b: [90_000, 2_010] }, ['me 3/1']],
    ['nothing of a dead one, before its last requests have left the window',
      [me, other, { id: 'c', pod: 'b' }], { b: [90_000, 8_000], c: [4_014, 0] }, ['me 3/1', 'b 5/2', 'c 0/0']],
    ['all of a dead one, once they have', [me, other, { id: 'c', pod: 'b' }], { b: [90_000, 8_000], c: [4_015, 0] }, ['me 3/1', 'c 0/0']],
    ['and no sooner than so long after the dead one was last heard of',
      [me, other, { id: 'c', pod: 'b' }], { b: [90_000, 4_014], c: [60_000, 0] }, ['me 3/1', 'b 5/2', 'c 0/0']],
    ['of three of one pod the youngest counts, and stays',
      [me, other, { id: 'c', pod: 'b' }, { id: 'd', pod: 'b' }], { b: [90_000, 4_015], c: [60_000, 4_015], d: [4_015, 0] },
      ['me 3/1', 'd 0/0']],
    ['nothing of a dead one while its successor is seen for the first time',
      [me, other, { id: 'c', pod: 'b' }], { b: [90_000, 7_000] }, ['me 3/1', 'b 5/2', 'c 0/0']],
  ])('%s', (_name, all, ages, expected) => {
    expect(reclaim(ledgerOf(all), 'me', sightings(ages), NOW).entries.map(inWords)).toEqual(expected)
  })

  test('what is left of it in every API is its floor there', () => {
    const claims = { track: { limit: 10, wanted: 10, granted: 5, floor: 2 }, general: { limit: 3, wanted: 3, granted: 3, floor: 1 } }
    const ledger: Ledger = { ...ledgerOf([]), entries: [{ ...entryOf(other), claims }] }
    const [{ claims: left }] = reclaim(ledger, 'me', sightings({ b: [90_000, 8_025] }), NOW).entries as [Entry]
    expect([left['track']?.granted, left['general']?.granted]).toEqual([2, 1])
  })
})

describe('who the slots are dealt to', () => {
  test.each<[string, One, boolean]>([
    ['one that is heard of', { id: 'a' }, true],
    ['not one that has left', { id: 'a', left: true }, false],
    ['not one that is silent', { id: 'a', reduced: true }, false],
  ])('%s', (_name, one, expected) => {
    expect(isActive(entryOf(one))).toBe(expected)
  })
})

describe('what a process claims', () => {
  interface Mine { readonly limit?: number; readonly held?: number; readonly wanted?: number }
  const ALL = Infinity
  const claim = (all: readonly One[], { limit = 10, held = 0, wanted = ALL }: Mine, part = 0.5, late: readonly string[] = []) =>
    claimOf(ledgerOf(all), 'me', 'track', { limit, held, wanted }, { floorPart: part, overdue: ({ id }) => late.includes(id) })
  const me = (granted: number): One => ({ id: 'me', granted })
  const other = (granted: number, wanted = 10): One => ({ id: 'b', granted, wanted })

  test.each<[string, One[], Mine, { granted: number; cap: number }]>([
    ['alone: all', [me(0)], {}, { granted: 10, cap: ALL }],
    ['alone, and nothing is wanted: all', [me(0)], { wanted: 0 }, { granted: 10, cap: ALL }],
    ['one that is not in the ledger yet begins with nothing', [other(0)], {}, { granted: 0, cap: ALL }],
    ['what is free, and no more', [me(0), other(7)], {}, { granted: 3, cap: ALL }],
    ['no more than the even part of what is free', [me(0), other(0)], {}, { granted: 5, cap: ALL }],
    ['nothing, if nothing is free', [me(0), other(10)], {}, { granted: 0, cap: ALL }],
    ['all but the even part is given up at once, if it is not in use', [me(10), other(0)], {}, { granted: 5, cap: 5 }],
    ['what is in use is not given up, but not used again', [me(10), other(0)], { held: 8 }, { granted: 8, cap: 5 }],
    ['what is in use counts no more than what is granted', [me(6), other(0)], { held: 8 }, { granted: 6, cap: 5 }],
    ['nothing is given up while nobody else is short', [me(8), other(2, 2)], { wanted: 1 }, { granted: 8, cap: ALL }],
    ['one that wants nothing gives up all but what the other does not want', [me(5), other(5)], { wanted: 0 }, { granted: 1, cap: 1 }],
    ['one that wants nothing is short without a single slot', [me(10), other(0, 0)], {}, { granted: 9, cap: 9 }],
    ['one that reads a lower limit gives up what is above it', [me(10)], { limit: 6 }, { granted: 6, cap: 6 }],
    ['so it does if somebody else reads a lower limit', [me(5), { ...other(5), limit: 6 }], {}, { granted: 3, cap: 3 }],
    ['a higher one counts when all read it', [me(5), other(5)], { limit: 20 }, { granted: 5, cap: ALL }],
    ['then its part is taken', [me(5), { ...other(5), limit: 20, wanted: 20 }], { limit: 20 }, { granted: 10, cap: ALL }],
    ['the limit of one that has left does not count', [me(5), { ...other(0), limit: 2, left: true }], {}, { granted: 10, cap: ALL }],
    ['the limit of one that is silent does: it may still send',
      [me(2), { ...other(0), limit: 2, reduced: true }], {}, { granted: 2, cap: ALL }],
    ['slots of one that is silent are nobody\'s', [me(5), { ...other(2), reduced: true }], {}, { granted: 8, cap: ALL }],
    ['nor are they dealt',
      [me(8), other(0), { id: 'c', granted: 2, reduced: true }], {}, { granted: 4, cap: 4 }],
    ['slots of one that has left are nobody\'s', [me(5), { ...other(2), left: true }], {}, { granted: 8, cap: ALL }],
    ['one that is silent does not get any, and is not short', [me(8), { ...other(2), reduced: true }], {}, { granted: 8, cap: ALL }],
    ['more is granted than there is (somebody has edited it): nothing is taken', [me(3), other(9)], {}, { granted: 3, cap: ALL }],
    ['and what is above the part is given up', [me(9), other(3)], {}, { granted: 5, cap: 5 }],
  ])('%s', (_name, all, mine, { granted, cap }) => {
    const position = claim(all, mine)
    expect({ granted: position.claim.granted, cap: position.cap }).toEqual({ granted, cap })
  })

  test('one that is overdue is dealt no more than it has, so that what is free is not kept for it; what it has stays its own', () => {
    const both = [me(4), other(2)]
    expect([claim(both, {}), claim(both, {}, 0.5, ['b'])].map(({ claim: { granted } }) => granted)).toEqual([5, 8])
  })

  test.each([
    [0.5, 10, 5], [0.5, 5, 2], [0.5, 1, 1], [0.1, 5, 1], [0, 10, 0], [1, 7, 7], [0.5, 0, 0],
  ])('of the slots kept for an outage: a part of %p of %i is %i', (part, granted, floor) => {
    expect(claim([me(granted)], { limit: granted }, part).claim.floor).toBe(floor)
  })

  test('somebody is short: below its target and below what it wants', () => {
    const short = (all: readonly One[], mine: Mine = {}) => claim(all, mine).anyoneShort
    expect([short([me(5), other(5)]), short([me(10), other(0)]), short([me(0), other(10)])]).toEqual([false, true, true])
    const idle = { wanted: 0 }
    expect([short([me(9), other(1, 1)], idle), short([me(9), other(0, 0)], idle)]).toEqual([false, true])
  })

  const limits = fc.integer({ min: 1, max: 30 })
  const mark = fc.constantFrom({}, {}, {}, { left: true } as const, { reduced: true } as const)
  const ones = fc.array(fc.record({ granted: fc.nat(8), wanted: fc.nat(30), limit: limits, mark }), { maxLength: 8 })
    .map((all) => all.map(({ mark: marks, ...one }, n): One => ({ id: `p${n}`, ...one, ...marks })))
  const mineAtAnyTime = fc.record({ granted: fc.nat(8), limit: limits, held: fc.nat(8), wanted: fc.oneof(fc.nat(30), fc.constant(ALL)) })

  test('grants never grow above the smallest limit, what is in use is kept, and the basis holds all grants', () => {
    fc.assert(fc.property(ones, mineAtAnyTime, fc.boolean(), (others, { granted, ...mine }, isNew) => {
      const before = ledgerOf(isNew ? others : [...others, me(granted)])
      const { claim: mineNow, basis } = claimOf(before, 'me', 'track', mine, { floorPart: 0.5, overdue: () => false })
      const was = isNew ? 0 : granted
      const all = grantedInAll(before, 'track') - was + mineNow.granted
      const smallest = Math.min(mine.limit, ...others.filter(({ left }) => !left).map(({ limit }) => limit as number))
      expect(mineNow.granted <= was || all <= smallest).toBe(true)
      expect(mineNow.granted).toBeGreaterThanOrEqual(Math.min(was, mine.held))
      expect(basis).toBe(Math.max(smallest, all))
      expect(mineNow.floor).toBeLessThanOrEqual(mineNow.granted)
    }), { numRuns: 500 })
  })
})
