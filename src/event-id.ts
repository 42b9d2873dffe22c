import { createHash } from 'node:crypto'
import type { KafkaRecord } from './kafka/record.ts'

/** Crockford's base 32, the alphabet of ULIDs. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** What a deterministic id is made from. */
export type RecordIdentity = Pick<KafkaRecord, 'topic' | 'partition' | 'offset' | 'timestamp' | 'key' | 'value'>

/**
 * The id under which Customer.io drops a repeated event: always a ULID, and the same one at each delivery of the same record.
 * @param given the id of a replayed letter or of the envelope: a ULID is kept (in upper case), anything else is hashed to a ULID's 128 bits
 * @param namespace tells two deployments apart that read topics of the same name
 */
export function eventId(given: string | undefined, record: RecordIdentity, namespace: string): string {
  if (given !== undefined) {
    const upper = given.toUpperCase()
    return ULID.test(upper) ? upper : ulid(createHash('sha256').update(given).digest().subarray(0, 16))
  }
  const hash = createHash('sha256')
  for (const part of [namespace, record.topic, String(record.partition), String(record.offset)]) hash.update(`${part.length}:${part}`)
  for (const part of [record.key, record.value]) hash.update(part ? `${part.length}:` : 'null:').update(part ?? '')
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(Math.min(Math.max(Math.trunc(record.timestamp), 0), 2 ** 48 - 1), 0, 6)
  hash.digest().copy(bytes, 6, 0, 10)
  return ulid(bytes)
}

/** 16 bytes as 26 characters of 5 bits, the first holding 3. */
function ulid(bytes: Buffer): string {
  let bits = BigInt(`0x${bytes.toString('hex')}`)
  let text = ''
  for (let i = 0; i < 26; i += 1) {
    text = (ALPHABET[Number(bits & 31n)] as string) + text
    bits >>= 5n
  }
  return text
}
