import { varint } from './varint.ts'

/** What is needed of kafkajs's broker to send it a request of our own. */
export interface RequestingBroker {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null
  readonly connectionPool: { send(exchange: { request: object; response: object }): Promise<unknown> }
}

/** The Metadata request; its version 10 (Kafka 2.8) is the first that tells ids. kafkajs stops at 6. */
const METADATA = { key: 3, version: 10 }
const NO_TAGS = 0

/**
 * The id that a topic is given when it is made. One that was deleted and made anew has the same name, and other records at the same offsets:
 * only the id tells.
 * @returns undefined if the broker is too old to tell, or has no such topic at present
 * @throws kafkajs's error if the broker does not answer
 */
export async function topicIdOf(broker: RequestingBroker, topic: string): Promise<string | undefined> {
  if ((broker.versions?.[METADATA.key]?.maxVersion ?? 0) < METADATA.version) return undefined
  const body = encodeRequest(topic)
  const id = await broker.connectionPool.send({
    request: { apiKey: METADATA.key, apiVersion: METADATA.version, apiName: 'Metadata', encode: async () => ({ buf: body, buffer: body }) },
    response: { decode: async (payload: Buffer) => decodeTopicId(payload), parse: async (decoded: unknown) => decoded },
  })
  return id as string | undefined
}

/** All that follows the client id: kafkajs writes no tags into the header, so they come first. */
function encodeRequest(topic: string): Buffer {
  const name = Buffer.from(topic)
  const [anyId, no] = [Buffer.alloc(16), 0]
  return Buffer.concat([
    Buffer.of(NO_TAGS), varint(2), anyId, varint(name.length + 1), name, Buffer.of(NO_TAGS),
    Buffer.of(no, no, no, NO_TAGS), // make the topic if it is missing, tell what is allowed on the cluster, on the topic
  ])
}

/** @param payload the answer behind its correlation id */
export function decodeTopicId(payload: Buffer): string | undefined {
  let at = 0
  const skip = (bytes: number): void => { at += bytes }
  const readVarint = (): number => {
    for (let [value, shift] = [0, 0]; ; shift += 7) {
      const byte = payload.readUInt8(at)
      skip(1)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  // lengths are one more than what follows; 0 is null
  const skipText = (): void => skip(Math.max(0, readVarint() - 1))
  const skipTags = (): void => {
    for (let left = readVarint(); left > 0; left -= 1) {
      readVarint()
      skip(readVarint())
    }
  }

  skipTags()
  skip(4) // throttle time
  for (let brokers = readVarint() - 1; brokers > 0; brokers -= 1) {
    skip(4) // its id
    skipText()
    skip(4) // port
    skipText()
    skipTags()
  }
  skipText() // of the cluster
  skip(4) // controller
  if (readVarint() !== 2) return undefined
  skip(2) // error: an id is there even if the topic has no leader just now
  skipText()
  const id = payload.subarray(at, at + 16)
  return id.every((byte) => byte === 0) ? undefined : id.toString('hex')
}
