import { hash } from 'node:crypto'
import type { KafkaRecord } from './kafka/record.ts'

/** Crockford's base 32, the alphabet of ULIDs. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Two characters at a time: ten bits. */
const PAIRS = Array.from({ length: 1_024 }, (_, bits) => `${ALPHABET[bits >> 5]}${ALPHABET[bits & 31]}`)
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
/** The greatest time that a ULID can hold, ms. */
const LAST_MS = 2 ** 48 - 1

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
    if (ULID.test(upper)) return upper
    const digest = hash('sha256', given, 'buffer')
    return ulid(digest.readUIntBE(0, 6), digest.toString('latin1', 6, 16))
  }
  return ulid(Math.min(Math.max(Math.trunc(record.timestamp), 0), LAST_MS), hash('sha256', identityOf(record, namespace), 'binary'))
}

/** Room for most records: used anew for each, since ids are made for most of them. */
const scratch = Buffer.allocUnsafe(16_384)

/** Each part with its length in front, so that no two records have the same bytes. To be read before it is called again. */
function identityOf({ topic, partition, offset, key, value }: RecordIdentity, namespace: string): Buffer {
  const head = `${lengthened(namespace)}${lengthened(topic)}${lengthened(String(partition))}${lengthened(String(offset))}${lengthOf(key)}`
  const middle = lengthOf(value)
  const most = head.length * 3 + (key?.length ?? 0) + middle.length + (value?.length ?? 0)
  const bytes = most <= scratch.length ? scratch : Buffer.allocUnsafe(most)
  let end = bytes.write(head)
  if (key) bytes.set(key, end)
  end += key?.length ?? 0
  end += bytes.write(middle, end)
  if (value) bytes.set(value, end)
  return bytes.subarray(0, end + (value?.length ?? 0))
}

const lengthened = (text: string): string => `${text.length}:${text}`
const lengthOf = (part: Buffer | null): string => (part === null ? 'null:' : `${part.length}:`)

/**
 * @param ms the first 48 bits
 * @param rest the other 80 bits: the first ten characters, a byte each
 */
function ulid(ms: number, rest: string): string {
  const early = Math.floor(ms / 2 ** 20)
  const byte = (at: number) => rest.charCodeAt(at)
  let text = `${PAIRS[early >> 20]}${twentyBits(early)}${twentyBits(ms % 2 ** 20)}`
  for (let at = 0; at < 10; at += 5) {
    text += twentyBits((byte(at) << 12) | (byte(at + 1) << 4) | (byte(at + 2) >> 4))
    text += twentyBits(((byte(at + 2) & 15) << 16) | (byte(at + 3) << 8) | byte(at + 4))
  }
  return text
}

/** The last 20 bits as four characters. */
const twentyBits = (bits: number): string => `${PAIRS[(bits >> 10) & 1_023]}${PAIRS[bits & 1_023]}`
