import { drainSeconds, lagOf } from '../../src/kafka/lag.ts'

const NOW = 1_700_000_100_000

test.each([
  { name: 'caught up', progress: 10, end: 10, oldest: undefined, known: undefined, expected: [0, 0] },
  { name: 'caught up, whatever was known before', progress: 10, end: 10, oldest: undefined, known: NOW - 9_000, expected: [0, 0] },
  { name: 'the oldest record is at hand', progress: 7, end: 10, oldest: NOW - 4_500, known: undefined, expected: [3, 4.5] },
  { name: 'the record at hand counts, not what was known before', progress: 7, end: 10, oldest: NOW - 4_500, known: NOW - 60_000, expected: [3, 4.5] },
  { name: 'not at hand: the age goes on', progress: 7, end: 10, oldest: undefined, known: NOW - 60_000, expected: [3, 60] },
  { name: 'not at hand, and nothing known', progress: 7, end: 10, oldest: undefined, known: undefined, expected: [3, 0] },
  { name: 'a record without a time', progress: 7, end: 10, oldest: -1, known: undefined, expected: [3, 0] },
  { name: 'a record without a time: the age goes on', progress: 7, end: 10, oldest: -1, known: NOW - 2_000, expected: [3, 2] },
  { name: 'a record from the future', progress: 7, end: 8, oldest: NOW + 5_000, known: undefined, expected: [1, 0] },
  { name: 'progress ahead of an end that was read before', progress: 12, end: 10, oldest: undefined, known: undefined, expected: [0, 0] },
])('$name', ({ progress, end, oldest, known, expected }) => {
  const { partition, records, seconds } = lagOf(3, progress, end, oldest, NOW, known === undefined ? undefined : { oldest: known })
  expect([partition, records, seconds]).toEqual([3, ...expected])
})

test.each([
  [0, 0, 0],
  [0, 80, 0],
  [800, 80, 10],
  [800, 26.67, 30],
  [1, 80, 0.0125],
  [1, 0, Infinity],
])('%d records drain at %d events a second in %d s', (records, perSecond, seconds) => {
  expect(drainSeconds(records, perSecond)).toBeCloseTo(seconds, 1)
})
