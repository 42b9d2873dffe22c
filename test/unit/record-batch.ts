import Decoder from 'kafkajs/src/protocol/decoder.js'
import decodeBatch from 'kafkajs/src/protocol/recordBatch/v0/decoder.js'
import encodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/index.js'
import batches from 'kafkajs/src/protocol/recordBatch/v0/index.js'

/** Bytes of a batch in front of its records. */
export const HEADER = 61
const TIME = 1_700_000_000_000

/** A batch as a producer sends it, written by kafkajs. @param compression 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd */
export async function batchOf(values: readonly Buffer[], compression: number, firstOffset = 0): Promise<Buffer> {
  const records = values.map((value, n) => encodeRecord({ offsetDelta: n, timestampDelta: n, key: Buffer.from(`k${n}`), value, headers: { n: Buffer.of(n) } }))
  const { buffer } = await batches.RecordBatch({ compression, firstOffset, lastOffsetDelta: values.length - 1, firstTimestamp: TIME, maxTimestamp: TIME, records })
  return Buffer.from(buffer)
}

/** The header of a batch that is written by hand: only what matters for decoding is not zero. */
export function headerOf({ firstOffset = 0, recordBytes = 0, magic = 2, compression = 0, lastOffsetDelta, count }: {
  firstOffset?: number; recordBytes?: number; magic?: number; compression?: number; lastOffsetDelta: number; count: number
}): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeBigInt64BE(BigInt(firstOffset), 0)
  header.writeInt32BE(HEADER - 12 + recordBytes, 8)
  header.writeInt8(magic, 16)
  header.writeInt16BE(compression, 21)
  header.writeInt32BE(lastOffsetDelta, 23)
  header.writeBigInt64BE(BigInt(TIME), 27)
  header.writeInt32BE(count, HEADER - 4)
  return header
}

/** Reads a batch as kafkajs does: somewhere within the answer to a fetch. */
export async function readBatch(batch: Buffer) {
  const before = Buffer.alloc(37, 0xee)
  const decoder = new Decoder(Buffer.concat([before, batch, before]))
  decoder.forward(before.length)
  const { records } = await decodeBatch(decoder)
  return records
}
