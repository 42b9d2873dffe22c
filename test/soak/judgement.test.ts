import type { Arrival } from '../stand-in/account.ts'
import type { TrafficItem } from '../support/traffic.ts'
import { computeVerdict } from '../support/verdict.ts'
import { judgementOf } from './judgement.ts'
import { placesOf } from './published.ts'
import type { RoundResult } from './round.ts'
import { createStory } from './story.ts'

const item = (marker: string): TrafficItem => ({
  marker, key: Buffer.from('p'), value: null, headers: { marker }, person: 'p', type: 'track', eventId: null, expect: 'delivered', hasBody: true,
})
const [a, b] = [item('a'), item('b')]
const arrival = (n: number, at: number, marker: string): Arrival => ({
  n, request: n, index: 0, api: 'track', at, answeredAt: at + 10, operation: 'track', person: 'p', subject: null, status: 200, fault: null, eventId: null, timestamp: 1, marker,
})

/** The stand-in's clock is 1,000 s ahead of the story's. */
function round(arrivals: Arrival[], { limit = 10, longPausesEndedAt = [] as number[], troubles = [] as string[] } = {}): RoundResult {
  const published = [a, b]
  const verdict = computeVerdict({ published, arrivals, letters: [], limit, windowMs: 1_000 })
  const judged = {
    published, arrivals, letters: [], places: new Map(), verdict, unit: 'request' as const, zero: { standIn: 1_000_000, wall: 0 },
    recoveryMs: null, doneMs: 0, longestPauseMs: 0, endedByThemselves: 0, longPausesEndedAt,
  }
  return { story: createStory(), judged, troubles }
}

const inOrder = [arrival(0, 1_010_000, 'a'), arrival(1, 1_010_020, 'b')]
const swapped = [arrival(0, 1_010_000, 'b'), arrival(1, 1_010_020, 'a')]

test('a round is kept if its verdict is, and nothing else went wrong', () => {
  expect(judgementOf(round(inOrder))).toBe('kept')
  expect(judgementOf(round(inOrder, { troubles: ['a log shows an address'] }))).toBe('broken')
  expect(judgementOf({ ...round(inOrder), judged: undefined })).toBe('broken')
})

test('the order is not promised to a worker that was frozen for too long, for the moment in which it goes on', () => {
  expect(judgementOf(round(swapped))).toBe('broken')
  expect(judgementOf(round(swapped, { longPausesEndedAt: [9_500] }))).toBe('uncovered')
  expect(judgementOf(round(swapped, { longPausesEndedAt: [5_000] }))).toBe('broken')
})

test('the limit is, whatever the pause', () => {
  expect(judgementOf(round(swapped, { limit: 1, longPausesEndedAt: [9_500] }))).toBe('broken')
})

test('a topic that does not hold what was published says nothing of the workers', () => {
  const record = (marker: string, offset: bigint) => ({ partition: 3, offset, timestamp: 0, key: null, value: null, headers: { marker } })
  expect(placesOf([a, b], [record('a', 4n), record('b', 5n)])).toEqual(new Map([['a', { partition: 3, offset: 4n }], ['b', { partition: 3, offset: 5n }]]))
  expect(() => placesOf([a, b], [record('a', 4n), record('b', 5n), record('a', 6n)])).toThrow('twice')
  expect(() => placesOf([a, b], [record('a', 4n)])).toThrow('did not put b')
  expect(() => placesOf([a, b], [record('b', 4n), record('a', 5n)])).toThrow('before an earlier one')
})
