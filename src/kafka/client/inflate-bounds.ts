import snappy from 'snappy'

/** Header of snappy-java's framing, which Java producers use: magic, version, least compatible version; then blocks, each after its length. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER = 16

/**
 * Unpacks plain or xerial-framed snappy. Each block names its size up front, so the bound is checked before anything is inflated.
 * @throws RangeError over `limit` bytes, Error if corrupt
 */
export async function unpackSnappy(packed: Buffer, limit: number): Promise<Buffer> {
  const blocks: Buffer[] = []
  if (packed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) {
    for (let at = XERIAL_HEADER; at < packed.length;) {
      const size = packed.readInt32BE(at)
      if (size < 0 || at + 4 + size > packed.length) throw new RangeError('a block of snappy data is torn')
      blocks.push(packed.subarray(at + 4, at + 4 + size))
      at += 4 + size
    }
  } else blocks.push(packed)
  if (blocks.reduce((sum, block) => sum + snappySize(block), 0) > limit) throw new RangeError('over the bound')
  const plain: Buffer[] = []
  for (const block of blocks) plain.push((await snappy.uncompress(block, { asBuffer: true })) as Buffer)
  return Buffer.concat(plain)
}

/** A snappy block begins with its plain size as a varint. */
function snappySize(block: Buffer): number {
  let size = 0
  for (let i = 0; i < 5; i += 1) {
    const byte = block[i] ?? 0
    size += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return size
  }
  throw new RangeError('a block of snappy data has no size')
}

const LZ4_MAGIC = 0x184d2204
const LZ4_UNCOMPRESSED = 0x80000000

/**
 * Walks the blocks of an lz4 frame: each inflates to at most the frame's block size.
 * @throws RangeError if that can be over `limit` bytes, or the frame is torn
 */
export function refuseLz4Bomb(packed: Buffer, limit: number): void {
  if (packed.readUInt32LE(0) !== LZ4_MAGIC) throw new RangeError('not an lz4 frame')
  const flags = packed.readUInt8(4)
  const blockSize = 1 << (8 + 2 * ((packed.readUInt8(5) >> 4) & 7))
  const [blockChecksum, contentSize, dictionary] = [flags & 0x10, flags & 0x08, flags & 0x01]
  let at = 7 + (contentSize ? 8 : 0) + (dictionary ? 4 : 0)
  let most = 0
  for (;;) {
    const word = packed.readUInt32LE(at)
    if (word === 0) return
    const size = word & ~LZ4_UNCOMPRESSED
    most += word >= LZ4_UNCOMPRESSED ? size : blockSize
    // the last block is seldom full, so one block of grace
    if (most > limit + blockSize) throw new RangeError('over the bound')
    at += 4 + size + (blockChecksum ? 4 : 0)
  }
}
