import { promisify } from 'node:util'
import { gunzip, zstdCompress, zstdDecompress, gzip } from 'node:zlib'
import kafkajs from 'kafkajs'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { refuseLz4Bomb, unpackSnappy } from './inflate-bounds.ts'
import { undecodableRecords } from './undecodable.ts'

const inflateGzip = promisify(gunzip)
const deflateGzip = promisify(gzip)
const inflateZstd = promisify(zstdDecompress)
const deflateZstd = promisify(zstdCompress)

interface Encoder { readonly buffer: Buffer }

/**
 * Registers gzip, snappy, lz4 and zstd with kafkajs, each with a bound on what a batch may inflate to. A batch that breaks the bound, or
 * that is corrupt, does not crash the consumer: its records come out marked as undecodable and end up as dead letters.
 * @param limit bytes
 */
export function registerCodecs(limit: number): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs
  const codec = (name: string, compress: (plain: Buffer) => Promise<Buffer>, inflate: (packed: Buffer) => Promise<Buffer>) => () => ({
    compress: async (encoder: Encoder) => compress(encoder.buffer),
    decompress: async (packed: Buffer) => {
      try {
        const plain = await inflate(packed)
        if (plain.length <= limit) return plain
      } catch {
        // corrupt, or over the bound: the records say so
      }
      return undecodableRecords(packed, `${name}: corrupt, or inflates to more than ${limit} bytes`)
    },
  })
  CompressionCodecs[CompressionTypes.GZIP] = codec('gzip', async (plain) => deflateGzip(plain), async (packed) => inflateGzip(packed, { maxOutputLength: limit }))
  CompressionCodecs[CompressionTypes.ZSTD] = codec('zstd', async (plain) => deflateZstd(plain), async (packed) => inflateZstd(packed, { maxOutputLength: limit }))
  CompressionCodecs[CompressionTypes.LZ4] = codec('lz4', async (plain) => lz4.compressFrame(plain), async (packed) => {
    refuseLz4Bomb(packed, limit)
    return lz4.decompressFrame(packed)
  })
  CompressionCodecs[CompressionTypes.Snappy] = codec('snappy', async (plain) => snappy.compress(plain), async (packed) => unpackSnappy(packed, limit))
}
