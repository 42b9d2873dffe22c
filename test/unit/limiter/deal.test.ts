import * as fc from 'fast-check'
import { deal } from '../../../src/limiter/deal.ts'

const ALL = Infinity

test.each<[string, number, number[], number[]]>([
  ['nobody', 10, [], []],
  ['nothing to deal', 0, [ALL, ALL], [0, 0]],
  ['less than nothing to deal', -3, [ALL, 0], [0, 0]],
  ['one has all, wanted or not', 10, [0], [10]],
  ['all want all: evenly', 9, [ALL, ALL, ALL], [3, 3, 3]],
  ['what does not divide goes to the first by rank', 11, [ALL, ALL, ALL], [4, 4, 3]],
  ['nobody wants anything: evenly', 10, [0, 0, 0], [4, 3, 3]],
  ['who wants little gets that, the others share the rest', 10, [ALL, 2, ALL], [4, 2, 4]],
  ['who wants nothing keeps one', 10, [ALL, 0], [9, 1]],
  ['all have what they want: what is left over raises the lowest', 10, [5, 1, 1], [5, 3, 2]],
  ['a part of a slot is wanted: a whole one', 4, [1.2, ALL], [2, 2]],
  ['fewer slots than processes: those who want some, first by rank', 2, [0, ALL, 0, 1, ALL], [0, 1, 0, 1, 0]],
  ['fewer slots than processes, and not all are wanted', 3, [0, ALL, 0, 0], [1, 1, 1, 0]],
  ['as many slots as processes', 3, [0, ALL, ALL], [1, 1, 1]],
])('%s', (_name, total, wants, expected) => {
  expect(deal(total, wants)).toEqual(expected)
})

const want = fc.oneof(fc.nat(40), fc.constant(ALL), fc.double({ min: 0, max: 40, noNaN: true }))
const wantsOfAll = fc.array(want, { minLength: 1, maxLength: 30 })
const total = fc.nat(200)
const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0)
/** One is kept for everybody, so nobody is said to want less. */
const atLeastOne = (wanted: number): number => Math.max(1, Math.ceil(wanted))

test('whole slots, none negative, that add up to the total', () => {
  fc.assert(fc.property(total, wantsOfAll, (slots, wants) => {
    const dealt = deal(slots, wants)
    expect(dealt).toHaveLength(wants.length)
    expect(sum(dealt)).toBe(slots)
    expect(dealt.every((one) => Number.isInteger(one) && one >= 0)).toBe(true)
  }), { numRuns: 500 })
})

test('everybody gets one while there are any; if there are too few, those who want some go first', () => {
  fc.assert(fc.property(total, wantsOfAll, (slots, wants) => {
    const dealt = deal(slots, wants)
    const without = wants.filter((_, rank) => dealt[rank] === 0)
    expect(without).toHaveLength(Math.max(0, wants.length - slots))
    const isPassedOver = without.some((wanted) => wanted > 0) && wants.some((wanted, rank) => wanted <= 0 && dealt[rank] === 1)
    expect(isPassedOver).toBe(false)
  }), { numRuns: 500 })
})

test('nobody is above what they want while somebody else is below it', () => {
  fc.assert(fc.property(total, wantsOfAll, (slots, wants) => {
    const dealt = deal(slots, wants)
    const anyoneAbove = wants.some((wanted, rank) => (dealt[rank] as number) > atLeastOne(wanted))
    const anyoneBelow = wants.some((wanted, rank) => (dealt[rank] as number) < Math.ceil(wanted) && slots > (dealt[rank] as number))
    expect(anyoneAbove && anyoneBelow).toBe(false)
  }), { numRuns: 500 })
})

test('nobody who wants more has two less than somebody else, and nobody at all two less than one who has more than it wants', () => {
  fc.assert(fc.property(total, wantsOfAll, (slots, wants) => {
    const dealt = deal(slots, wants)
    const most = Math.max(...dealt)
    const short = dealt.filter((one, rank) => one < Math.min(slots, atLeastOne(wants[rank] as number)))
    expect(short.every((one) => most - one <= 1)).toBe(true)
    const raised = Math.max(0, ...dealt.filter((one, rank) => one > atLeastOne(wants[rank] as number)))
    expect(dealt.every((one) => raised - one <= 1)).toBe(true)
  }), { numRuns: 500 })
})

test('with equal wants: ceil((total - rank) / n), which never grows when n or the rank grows', () => {
  fc.assert(fc.property(total, fc.integer({ min: 1, max: 40 }), want, (slots, count, wanted) => {
    const dealt = deal(slots, Array.from({ length: count }, () => wanted))
    expect(dealt).toEqual(dealt.map((_, rank) => Math.max(0, Math.ceil((slots - rank) / count))))
    expect(dealt.every((one, rank) => rank === 0 || one <= (dealt[rank - 1] as number))).toBe(true)
    const amongMore = deal(slots, Array.from({ length: count + 1 }, () => wanted))
    expect(dealt.every((one, rank) => one >= (amongMore[rank] as number))).toBe(true)
  }), { numRuns: 500 })
})

test('who wants more never gets less for it', () => {
  fc.assert(fc.property(total, wantsOfAll, fc.nat(29), fc.nat(10), (slots, wants, who, more) => {
    const index = who % wants.length
    const before = deal(slots, wants)
    const after = deal(slots, wants.map((wanted, rank) => (rank === index ? wanted + more : wanted)))
    expect(after[index]).toBeGreaterThanOrEqual(before[index] as number)
  }), { numRuns: 500 })
})
