import * as fc from 'fast-check'
import { assignPartitions } from '../../src/kafka/assignment.ts'
import type { Member } from '../../src/kafka/assignment.ts'

/** A group in which nobody claims what another claims: each partition has one owner, or none (index -1). */
const group = fc.record({ size: fc.integer({ min: 1, max: 12 }), owners: fc.array(fc.integer({ min: -1, max: 11 }), { maxLength: 60 }) })
  .map(({ size, owners }) => ({
    count: owners.length,
    members: Array.from({ length: size }, (_, n): Member => ({ id: `m${n}`, owned: owners.flatMap((owner, partition) => (owner === n ? [partition] : [])) })),
  }))

const members = (dealt: ReadonlyMap<string, number[]>): Member[] => [...dealt].map(([id, owned]) => ({ id, owned }))
const shuffled = <T>(list: readonly T[]): T[] => list.toReversed()

/** What must hold of any assignment, put so that it can be compared with `fairFor`. */
function summary(dealt: ReadonlyMap<string, number[]>) {
  const sizes = [...dealt.values()].map((owned) => owned.length)
  return { ids: [...dealt.keys()].toSorted(), partitions: [...dealt.values()].flat().toSorted((a, b) => a - b), evenly: Math.max(...sizes) - Math.min(...sizes) <= 1 }
}

function fairFor(of: readonly Member[], count: number): ReturnType<typeof summary> {
  return { ids: of.map(({ id }) => id).toSorted(), partitions: Array.from({ length: count }, (_, partition) => partition), evenly: true }
}

test.each([
  ['nobody', {}, 3, {}],
  ['one gets all', { a: [] }, 3, { a: [0, 1, 2] }],
  ['the odd ones go round', { a: [], b: [], c: [] }, 5, { a: [0, 3], b: [1, 4], c: [2] }],
  ['more members than partitions', { a: [], b: [], c: [] }, 2, { a: [0], b: [1], c: [] }],
  ['no partitions', { a: [0], b: [] }, 0, { a: [], b: [] }],
  ['the odd one stays where it was', { a: [0], b: [1, 2] }, 3, { a: [0], b: [1, 2] }],
  ['a newcomer gets just its part', { a: [0, 1, 2], b: [3, 4, 5], c: [] }, 6, { a: [0, 1], b: [3, 4], c: [2, 5] }],
  ['two claim the same', { a: [0, 1], b: [0, 1] }, 2, { a: [0], b: [1] }],
  ['claims on what does not exist', { a: [7, -1, 1], b: [Number.NaN, 0.5] }, 2, { a: [1], b: [0] }],
] as [string, Record<string, number[]>, number, Record<string, number[]>][])('%s', (_name, owned, count, expected) => {
  const dealt = assignPartitions(Object.entries(owned).map(([id, mine]) => ({ id, owned: mine })), count)
  expect(Object.fromEntries(dealt)).toEqual(expected)
})

test('every partition once and evenly, whatever the members claim', () => {
  const claims = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 10 }).chain((ids) => fc.tuple(...ids.map((id) => fc.record({
    id: fc.constant(id),
    owned: fc.array(fc.oneof(fc.integer({ min: -3, max: 40 }), fc.constantFrom(Number.NaN, 0.5, Infinity, 2 ** 40)), { maxLength: 50 }),
  }))))
  fc.assert(fc.property(claims, fc.nat(40), (claimants, count) => {
    expect(summary(assignPartitions(claimants, count))).toEqual(fairFor(claimants, count))
  }))
})

test('the order in which the members are listed does not matter', () => {
  fc.assert(fc.property(group, ({ members: given, count }) => {
    const [one, other] = [assignPartitions(given, count), assignPartitions(shuffled(given), count)]
    expect(Object.fromEntries(one)).toEqual(Object.fromEntries(other))
  }))
})

test('as many partitions stay as balance allows', () => {
  fc.assert(fc.property(group, ({ members: given, count }) => {
    const dealt = assignPartitions(given, count)
    const stayed = given.reduce((sum, { id, owned }) => sum + owned.filter((partition) => dealt.get(id)!.includes(partition)).length, 0)
    const [least, odd] = [Math.floor(count / given.length), count % given.length]
    const most = given.reduce((sum, { owned }) => sum + Math.min(owned.length, least), 0) + Math.min(odd, given.filter(({ owned }) => owned.length > least).length)
    expect(stayed).toBe(most)
  }))
})

describe('from one balanced assignment to the next', () => {
  const balanced = group.map(({ members: given, count }) => ({ count, before: assignPartitions(given, count) }))

  test('the same members: nothing moves', () => {
    fc.assert(fc.property(balanced, ({ before, count }) => {
      expect(Object.fromEntries(assignPartitions(shuffled(members(before)), count))).toEqual(Object.fromEntries(before))
    }))
  })

  test('one leaves: only what was its own moves', () => {
    fc.assert(fc.property(balanced.filter(({ before }) => before.size > 1), fc.nat(), ({ before, count }, choice) => {
      const leaver = [...before.keys()][choice % before.size]!
      const after = assignPartitions(members(before).filter(({ id }) => id !== leaver), count)
      for (const [id, owned] of after) expect(owned).toEqual(expect.arrayContaining(before.get(id)!))
    }))
  })

  test('one joins: partitions move to the newcomer only', () => {
    fc.assert(fc.property(balanced, ({ before, count }) => {
      const after = assignPartitions([...members(before), { id: 'new', owned: [] }], count)
      for (const [id, owned] of before) expect(owned).toEqual(expect.arrayContaining(after.get(id)!))
    }))
  })

  test('partitions are added: nobody loses one', () => {
    fc.assert(fc.property(balanced, fc.nat(20), ({ before, count }, added) => {
      const after = assignPartitions(members(before), count + added)
      for (const [id, owned] of before) expect(after.get(id)).toEqual(expect.arrayContaining(owned))
    }))
  })
})
