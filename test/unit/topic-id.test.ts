import { topicIdOf, type RequestingBroker } from '../../src/kafka/client/topic-id.ts'

const TOPIC = 'events'
const ID = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
const text = (value: string) => Buffer.concat([Buffer.of(value.length + 1), Buffer.from(value)])
const int32 = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff))

/** What Kafka's Metadata answer, version 10, holds behind the correlation id. */
function answer({ id = ID, topics = 2, error = 0 }: { id?: Buffer; topics?: number; error?: number } = {}): Buffer {
  const tagged = Buffer.of(1, 0, 2, 7, 7) // one tag: number 0, two bytes
  return Buffer.concat([
    tagged, int32(0),
    Buffer.of(3), int32(1), text('kafka-1'), int32(9092), Buffer.of(0), Buffer.of(0), int32(2), text('kafka-2'), int32(9092), text('rack'), tagged,
    text('cluster'), int32(1),
    Buffer.of(topics), ...(topics < 2 ? [] : [Buffer.of(0, error), text(TOPIC), id, Buffer.alloc(40)]),
  ])
}

function brokerOf(payload: Buffer, maxVersion = 13) {
  const requests: { apiKey: number; apiVersion: number; body: string }[] = []
  const broker: RequestingBroker = {
    versions: { 3: { maxVersion } },
    connectionPool: {
      send: async ({ request, response }) => {
        const { apiKey, apiVersion, encode } = request as { apiKey: number; apiVersion: number; encode(): Promise<{ buffer: Buffer }> }
        requests.push({ apiKey, apiVersion, body: (await encode()).buffer.toString('hex') })
        const { decode, parse } = response as { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> }
        return parse(await decode(payload))
      },
    },
  }
  return { broker, requests }
}

test('asks for one topic by name, makes none, and finds its id behind brokers and tags', async () => {
  const { broker, requests } = brokerOf(answer())
  expect(await topicIdOf(broker, TOPIC)).toBe(ID.toString('hex'))
  expect(requests).toEqual([{ apiKey: 3, apiVersion: 10, body: `00${'02'}${'00'.repeat(16)}07${Buffer.from(TOPIC).toString('hex')}00${'00'.repeat(4)}` }])
})

test('a long name has a length of two bytes', async () => {
  const { broker, requests } = brokerOf(answer())
  await topicIdOf(broker, 'x'.repeat(249))
  expect(requests[0]?.body.slice(36, 40)).toBe('fa01')
})

test('no leader just now: it is the same topic', async () => {
  expect(await topicIdOf(brokerOf(answer({ error: 5 })).broker, TOPIC)).toBe(ID.toString('hex'))
})

test.each([
  ['there is no such topic', answer({ id: Buffer.alloc(16), error: 3 }), 13, 1],
  ['none is listed', answer({ topics: 1 }), 13, 1],
  ['the broker is too old to be asked', answer(), 9, 0],
])('%s: undefined', async (_name, payload, maxVersion, asked) => {
  const { broker, requests } = brokerOf(payload, maxVersion)
  expect(await topicIdOf(broker, TOPIC)).toBeUndefined()
  expect(requests).toHaveLength(asked)
})
