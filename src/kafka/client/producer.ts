import kafkajs from 'kafkajs'
import type { IHeaders, Kafka, Producer } from 'kafkajs'
import { LetterRefusedError } from '../../errors.ts'

export interface OutgoingRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: IHeaders
}

/** Sends records with acknowledgement by all in-sync replicas. */
export interface RecordProducer {
  /** @throws LetterRefusedError if the broker refuses the record for good; any other error may pass */
  send(topic: string, record: OutgoingRecord): Promise<void>
  stop(): Promise<void>
}

/** The broker's final words on a record. */
const FOR_GOOD = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TIMESTAMP'])

/** After an error the next send begins with a new producer: one that has used a topic which was deleted stays broken. */
export function createProducer(kafka: Kafka): RecordProducer {
  let connecting: Promise<Producer> | undefined
  const connected = async (): Promise<Producer> => {
    const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: kafkajs.Partitioners.DefaultPartitioner, retry: { initialRetryTime: 100, retries: 3 } })
    await producer.connect()
    return producer
  }
  const discard = async (): Promise<void> => {
    const old = connecting
    connecting = undefined
    await old?.then(async (producer) => producer.disconnect()).catch(() => {})
  }
  return {
    send: async (topic, record) => {
      connecting ??= connected()
      const mine = connecting
      try {
        // null values are fine for Kafka, though not in kafkajs's types
        await (await mine).send({ topic, acks: -1, timeout: 10_000, messages: [record as OutgoingRecord & { value: Buffer }] })
      } catch (error) {
        const type = (error as { type?: string; cause?: { type?: string } }).type ?? (error as { cause?: { type?: string } }).cause?.type
        if (type && FOR_GOOD.has(type)) throw new LetterRefusedError(`the broker refused the record: ${type}`)
        if (connecting === mine) await discard()
        throw error
      }
    },
    stop: discard,
  }
}
