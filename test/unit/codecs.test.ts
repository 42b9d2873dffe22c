import { randomBytes } from 'node:crypto'
import kafkajs from 'kafkajs'
import { registerCodecs } from '../../src/kafka/client/codecs.ts'
import { UNDECODABLE_HEADER } from '../../src/kafka/client/undecodable.ts'
import { batchOf, HEADER, headerOf, readBatch } from './record-batch.ts'

const LIMIT = 1_000_000
const { CompressionTypes } = kafkajs
const CODECS = [['gzip', CompressionTypes.GZIP], ['snappy', CompressionTypes.Snappy], ['lz4', CompressionTypes.LZ4], ['zstd', CompressionTypes.ZSTD]] as const

beforeAll(() => registerCodecs(LIMIT))

describe.each(CODECS)('%s', (name, type) => {
  const reason = `${name}: corrupt, or inflates to more than ${LIMIT} bytes`
  const inflate = async (packed: Buffer) => kafkajs.CompressionCodecs[type]().decompress(packed)

  /** What the batch came out as; values that are the packed bytes are only named. */
  const summaryOf = async (batch: Buffer) => (await readBatch(batch)).map(({ offset, key, value, headers }) =>
    ({ offset: Number(offset), key, value: value?.equals(batch.subarray(HEADER)) ? 'the packed bytes' : value, headers }))
  /** Marked records at the offsets of the originals, the first with the packed bytes. */
  const undecodable = (...offsets: number[]) => offsets.map((offset, n) =>
    ({ offset, key: null, value: n === 0 ? 'the packed bytes' : null, headers: { [UNDECODABLE_HEADER]: Buffer.from(reason) } }))

  test.each([
    ['text', [Buffer.from('one'), Buffer.from('two'.repeat(1_000)), Buffer.from('')]],
    ['noise', [randomBytes(70_000), randomBytes(70_000), randomBytes(1)]],
    ['nearly as much as the bound', [Buffer.alloc(LIMIT - 200)]],
  ])('what kafkajs packs with it comes out as it was: %s', async (_name, values) => {
    const batch = await batchOf(values, type, 500)
    const records = await readBatch(batch)
    expect(records.map(({ offset, key, headers }) => [offset, String(key), headers])).toEqual(values.map((_value, n) => [String(500 + n), `k${n}`, { n: Buffer.of(n) }]))
    expect(records.every(({ value }, n) => value!.equals(values[n]!))).toBe(true)
  })

  test('80 MB of zeros: over the bound, so its records are marked', async () => {
    const batch = await batchOf([Buffer.alloc(40_000_000), Buffer.alloc(40_000_000)], type, 500)
    expect(batch.length).toBeLessThan(6_000_000)
    expect(await summaryOf(batch)).toEqual(undecodable(500, 501))
  })

  test('the packed bytes that are kept can still be unpacked by somebody with a greater bound', async () => {
    const batch = await batchOf([Buffer.alloc(2 * LIMIT, 'x')], type)
    const [kept] = await readBatch(batch)
    registerCodecs(10 * LIMIT)
    const plain = await inflate(kept!.value!)
    registerCodecs(LIMIT)
    expect(plain.includes(Buffer.alloc(2 * LIMIT, 'x'))).toBe(true)
  })

  test('just over the bound', async () => {
    expect(await summaryOf(await batchOf([Buffer.alloc(LIMIT)], type, 7))).toEqual(undecodable(7))
  })

  test.each<[string, (packed: Buffer) => Buffer]>([
    ['a wrong beginning', (packed) => packed.fill(0xff, 0, 8)],
    ['zeros', (packed) => packed.fill(0)],
    ['half of it is gone', (packed) => packed.subarray(0, Math.floor(packed.length / 2))],
    ['all of it is gone', (packed) => packed.subarray(0, 0)],
  ])('corrupt: %s', async (_name, harm) => {
    const sound = await batchOf([randomBytes(500), Buffer.from('abc'.repeat(500)), randomBytes(500)], type, 90)
    const packed = harm(sound.subarray(HEADER))
    const batch = Buffer.concat([headerOf({ compression: type, firstOffset: 90, recordBytes: packed.length, lastOffsetDelta: 2, count: 3 }), packed])
    expect(await summaryOf(batch)).toEqual(undecodable(90, 91, 92))
  })

  test('without a batch around it, corrupt bytes are an error', async () => {
    await expect(inflate(Buffer.from(new Uint8Array(30).buffer))).rejects.toThrow(reason)
  })
})

test('a batch that is not packed does not meet a codec', async () => {
  expect((await readBatch(await batchOf([Buffer.from('plain')], CompressionTypes.None, 3))).map(({ offset, value }) => [offset, String(value)])).toEqual([['3', 'plain']])
})
