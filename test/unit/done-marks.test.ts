import * as fc from 'fast-check'
import { decodeDone, encodeDone } from '../../src/kafka/done-marks.ts'

const roundTrip = (position: number, done: Iterable<number>) => [...decodeDone(position, encodeDone(position, done).metadata)]

test.each([
  ['nothing', 10, [], ''],
  ['the one after the position', 10, [11], 'done1:10:AQ=='],
  ['a gap', 10, [11, 13, 18], 'done1:10:hQ=='],
  ['more than one byte', 0, [1, 9], 'done1:0:AQE='],
])('the form is an interface between releases: %s', (_name, position, done, metadata) => {
  expect(encodeDone(position, done).metadata).toBe(metadata)
  expect([...decodeDone(position, metadata)]).toEqual(done)
})

test('what was marked comes out again, whatever the order, wherever the position', () => {
  fc.assert(fc.property(fc.maxSafeNat().filter((n) => n < 2 ** 52), fc.uniqueArray(fc.integer({ min: 1, max: 24_000 })), (position, beyond) => {
    expect(roundTrip(position, beyond.map((delta) => position + delta))).toEqual(beyond.toSorted((a, b) => a - b).map((delta) => position + delta))
  }))
})

test('marks that were copied to a commit of another offset are not believed', () => {
  expect([...decodeDone(500, encodeDone(100, [103, 105]).metadata)]).toEqual([])
})

test('the position itself and what is behind it are never marked', () => {
  expect(roundTrip(10, [3, 9, 10, 12])).toEqual([12])
})

test('it fits into what a broker takes; what does not is left out, and the end says so', () => {
  const all = Array.from({ length: 40_000 }, (_, n) => 101 + n)
  const { metadata, end } = encodeDone(100, all)
  expect(metadata.length).toBeLessThanOrEqual(4_096)
  const marked = decodeDone(100, metadata)
  expect(marked).toEqual(new Set(all.filter((offset) => offset < end)))
  expect(marked.size).toBeGreaterThan(24_000)
})

test.each([null, '', 'x', 'done2:AQ==', 'done1:', 'done1:***', '{"offset":1}'])('metadata of somebody else marks nothing: %j', (metadata) => {
  expect(decodeDone(5, metadata).size).toBe(0)
})
