import * as fc from 'fast-check'
import { UNDECODABLE_HEADER, undecodableRecords } from '../../src/kafka/client/undecodable.ts'
import { headerOf, readBatch } from './record-batch.ts'

const REASON = 'gzip: corrupt'

/** The records made in place of `packed`, as kafkajs reads them in a batch that is not compressed. */
async function recordsFor(packed: Buffer, batch: { firstOffset?: number; lastOffsetDelta: number; count: number }) {
  const whole = Buffer.concat([Buffer.alloc(13), headerOf(batch), packed])
  const records = undecodableRecords(whole.subarray(13 + 61), REASON)
  return readBatch(Buffer.concat([headerOf({ ...batch, recordBytes: records.length }), records]))
}

test.each([
  ['one record', { count: 1, lastOffsetDelta: 0 }, [0]],
  ['three records', { firstOffset: 1_000, count: 3, lastOffsetDelta: 2 }, [1_000, 1_001, 1_002]],
  ['a compacted batch ends where it says', { firstOffset: 10, count: 3, lastOffsetDelta: 99 }, [10, 11, 109]],
  ['offsets beyond 32 bits', { firstOffset: 2 ** 40, count: 2, lastOffsetDelta: 1 }, [2 ** 40, 2 ** 40 + 1]],
])('%s: at its offsets, each marked, the packed bytes in the first', async (_name, batch, offsets) => {
  const packed = Buffer.from([1, 2, 3, 255])
  const records = await recordsFor(packed, batch)
  expect(records.map(({ offset }) => Number(offset))).toEqual(offsets)
  for (const { key, headers, timestamp } of records) {
    expect([key, headers, timestamp]).toEqual([null, { [UNDECODABLE_HEADER]: Buffer.from(REASON) }, '1700000000000'])
  }
  expect(records.map(({ value }) => value)).toEqual([packed, ...offsets.slice(1).map(() => null)])
})

test('any number of records, any number of bytes', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.nat(1_000_000), fc.constantFrom(0, 1, 63, 64, 8_191, 8_192, 1_100_000), async (count, spread, bytes) => {
    const packed = Buffer.alloc(bytes, 7)
    const records = await recordsFor(packed, { firstOffset: 5, count, lastOffsetDelta: count - 1 + spread })
    expect(records).toHaveLength(count)
    expect(records[0]!.value!.equals(packed)).toBe(true)
    expect(Number(records.at(-1)!.offset)).toBe(5 + count - 1 + spread)
    expect(records.slice(0, -1).every(({ offset }, n) => Number(offset) === 5 + n)).toBe(true)
  }), { numRuns: 50 })
})

test.each([
  ['an older format', Buffer.concat([headerOf({ magic: 1, lastOffsetDelta: 0, count: 1 }), Buffer.from('x')]).subarray(61)],
  ['nothing in front', Buffer.from(new Uint8Array(100).buffer, 0)],
  ['too little in front', Buffer.from(new Uint8Array(100).buffer, 60)],
])('no header of a batch in front: it throws the reason, so the fetch is tried again (%s)', (_name, packed) => {
  expect(() => undecodableRecords(packed, REASON)).toThrow(REASON)
})
