import { randomBytes } from 'node:crypto'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { refuseLz4Bomb, unpackSnappy } from '../../src/kafka/client/inflate-bounds.ts'

const LIMIT = 100_000

describe('snappy', () => {
  const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1])
  const sized = (bytes: Buffer, size = bytes.length) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(size)
    return Buffer.concat([length, bytes])
  }
  /** As Java producers write it: a header, then blocks of at most 32 KiB. */
  const framed = async (...parts: Buffer[]) => Buffer.concat([XERIAL, ...await Promise.all(parts.map(async (part) => sized(await snappy.compress(part))))])

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['noise', randomBytes(LIMIT)],
    ['just the bound', Buffer.alloc(LIMIT)],
  ])('plain: %s', async (_name, plain) => {
    expect((await unpackSnappy(await snappy.compress(plain), LIMIT)).equals(plain)).toBe(true)
  })

  test('framed by hand: the blocks come out in order', async () => {
    const parts = [Buffer.from('one'), randomBytes(32_768), Buffer.alloc(0), Buffer.from('two')]
    expect((await unpackSnappy(await framed(...parts), LIMIT)).equals(Buffer.concat(parts))).toBe(true)
  })

  test('framed, without a block', async () => {
    expect(await unpackSnappy(XERIAL, LIMIT)).toHaveLength(0)
  })

  test('framed: the bound holds for all blocks together', async () => {
    const half = Buffer.alloc(LIMIT / 2)
    expect(await unpackSnappy(await framed(half, half), LIMIT)).toHaveLength(LIMIT)
    await expect(unpackSnappy(await framed(half, half, Buffer.of(1)), LIMIT)).rejects.toThrow('over the bound')
  })

  test('plain: the bound holds', async () => {
    await expect(unpackSnappy(await snappy.compress(Buffer.alloc(LIMIT + 1)), LIMIT)).rejects.toThrow('over the bound')
  })

  test('a size that is a lie is not believed: nothing is set aside for it', async () => {
    await expect(unpackSnappy(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]), LIMIT)).rejects.toThrow('over the bound')
    await expect(unpackSnappy(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), LIMIT)).rejects.toThrow('no size')
  })

  test.each([
    ['a block longer than what is left', sized(Buffer.from('abc'), 4), 'torn'],
    ['a negative size', sized(Buffer.from('abc'), -1), 'torn'],
    ['half a size', Buffer.of(0, 0), 'out of range'],
    ['a block that is no snappy', sized(Buffer.from([5, 0xff, 0xff])), 'corrupt'],
  ])('framed and torn: %s', async (_name, rest, message) => {
    await expect(unpackSnappy(Buffer.concat([await framed(Buffer.from('good')), rest]), LIMIT)).rejects.toThrow(message)
  })
})

describe('lz4', () => {
  const MAGIC = [0x04, 0x22, 0x4d, 0x18]
  const BLOCK = 65_536
  const word = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    return bytes
  }
  /** A frame as the format has it; what is in the blocks does not matter for the bound. @param flags 0x10 checksum a block, 0x08 size of the content, 0x01 dictionary */
  const frame = (blocks: { size: number; plain?: boolean }[], { flags = 0, blockSize = 4, end = true } = {}) => Buffer.concat([
    Buffer.from([...MAGIC, 0x60 | flags, blockSize << 4]),
    Buffer.alloc((flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0) + 1),
    ...blocks.flatMap(({ size, plain }) => [word(plain ? (size | 0x80000000) >>> 0 : size), Buffer.alloc(size + (flags & 0x10 ? 4 : 0), 0xaa)]),
    ...(end ? [word(0)] : []),
  ])
  const packedBlocks = (count: number) => Array.from({ length: count }, () => ({ size: 100 }))
  const allowed = (packed: Buffer, limit: number) => {
    refuseLz4Bomb(packed, limit)
    return true
  }

  test('what the codec itself writes is let through up to the bound', async () => {
    for (const plain of [Buffer.alloc(0), Buffer.from('hello'), randomBytes(LIMIT), Buffer.alloc(LIMIT)]) {
      for (const options of [{}, { blockChecksums: true }, { contentChecksum: true }]) {
        expect(allowed(await lz4.compressFrame(plain, options), LIMIT)).toBe(true)
      }
    }
  })

  test('what it writes of much more is refused', async () => {
    for (const blockChecksums of [false, true]) {
      const bomb = await lz4.compressFrame(Buffer.alloc(80_000_000), { blockChecksums })
      expect(() => refuseLz4Bomb(bomb, LIMIT)).toThrow('over the bound')
    }
  })

  test.each([
    ['nothing but the end', frame([]), 0],
    ['packed blocks count as full ones, and one is forgiven', frame(packedBlocks(3)), 2 * BLOCK],
    ['blocks that are not packed count as what they are', frame([{ size: 1_000, plain: true }, { size: 500, plain: true }]), 0],
    ['with checksums of the blocks', frame(packedBlocks(3), { flags: 0x10 }), 2 * BLOCK],
    ['with the size of the content', frame(packedBlocks(3), { flags: 0x08 }), 2 * BLOCK],
    ['with a dictionary', frame(packedBlocks(3), { flags: 0x01 }), 2 * BLOCK],
    ['with all of these', frame(packedBlocks(3), { flags: 0x19 }), 2 * BLOCK],
    ['great blocks', frame(packedBlocks(2), { blockSize: 7 }), 4 * 1024 * 1024],
    ['what comes after the frame', Buffer.concat([frame([]), Buffer.alloc(5, 0xff)]), 0],
  ])('allowed: %s', (_name, packed, limit) => {
    expect(allowed(packed, limit)).toBe(true)
  })

  test.each([
    ['one block too many', frame(packedBlocks(3)), 2 * BLOCK - 1],
    ['with checksums of the blocks', frame(packedBlocks(3), { flags: 0x10 }), 2 * BLOCK - 1],
    ['with the size of the content', frame(packedBlocks(3), { flags: 0x08 }), 2 * BLOCK - 1],
    ['with a dictionary', frame(packedBlocks(3), { flags: 0x01 }), 2 * BLOCK - 1],
    ['great blocks', frame(packedBlocks(2), { blockSize: 7 }), 4 * 1024 * 1024 - 1],
    ['a claim of a huge block that is not packed', Buffer.concat([frame([], { end: false }), word(0xffffffff)]), LIMIT],
  ])('over the bound: %s', (_name, packed, limit) => {
    expect(() => refuseLz4Bomb(packed, limit)).toThrow('over the bound')
  })

  test.each([
    ['nothing', Buffer.alloc(0), 'outside buffer bounds'],
    ['another format', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), 'not an lz4 frame'],
    ['only the beginning', Buffer.from(MAGIC), 'out of range'],
    ['no end', frame(packedBlocks(1), { end: false }), 'out of range'],
    ['a torn block', frame(packedBlocks(1)).subarray(0, 50), 'out of range'],
  ])('torn: %s', (_name, packed, message) => {
    expect(() => refuseLz4Bomb(packed, LIMIT)).toThrow(message)
  })
})
