import { varint } from './varint.ts'

/** Header that marks a record whose batch could not be inflated; its value is the reason. */
export const UNDECODABLE_HEADER = 'cio-undecodable'

/** Bytes of a record batch (magic 2) in front of its records: the count is in the last four, the offset of the last record at 23. */
const BATCH_HEADER = 61
const MAGIC_AT = 16
const LAST_OFFSET_DELTA_AT = 23

/**
 * Records in place of those of a batch that can't be inflated: as many as the batch says that it holds, at its offsets, each marked with
 * UNDECODABLE_HEADER. The first carries the packed bytes as its value, so that nothing is lost: they go to the dead letters.
 *
 * kafkajs hands a codec a view of the packed bytes within the fetched batch, so the batch's header is right in front of it.
 * @throws Error if there is no such header: then the fetch fails and is tried again
 */
export function undecodableRecords(packed: Buffer, reason: string): Buffer {
  const start = packed.byteOffset - BATCH_HEADER
  const header = start >= 0 ? Buffer.from(packed.buffer, start, BATCH_HEADER) : undefined
  if (header?.readInt8(MAGIC_AT) !== 2) throw new Error(reason)
  const count = header.readInt32BE(BATCH_HEADER - 4)
  const lastDelta = header.readInt32BE(LAST_OFFSET_DELTA_AT)
  const mark = Buffer.concat([sized(Buffer.from(UNDECODABLE_HEADER)), sized(Buffer.from(reason))])
  const records: Buffer[] = []
  for (let i = 0; i < count; i += 1) {
    const delta = i === count - 1 ? lastDelta : i
    const body = Buffer.concat([Buffer.of(0), zigzag(0), zigzag(delta), zigzag(-1), i === 0 ? sized(packed) : zigzag(-1), zigzag(1), mark])
    records.push(sized(body))
  }
  return Buffer.concat(records)
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([zigzag(bytes.length), bytes])
}

/** A signed number as records have it. */
function zigzag(value: number): Buffer {
  return varint(value >= 0 ? value * 2 : -value * 2 - 1)
}
