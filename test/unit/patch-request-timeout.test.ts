import ConnectionPool from 'kafkajs/src/network/connectionPool.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { patchRequestQueue } from '../../src/kafka/client/patch-request-queue.ts'
import { patchRequestTimeout } from '../../src/kafka/client/patch-request-timeout.ts'

/** Kafka's numbers of requests; fetches have a connection of their own. */
const [API_VERSIONS, FETCH] = [18, 1]

beforeAll(() => {
  patchRequestTimeout()
  patchRequestQueue()
})

let server: Server
let pool: ConnectionPool
const sockets: Socket[] = []

/** Takes connections and never answers. */
beforeEach(async () => {
  server = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, namespace: () => quiet }
  pool = new ConnectionPool({
    host: '127.0.0.1', port, logger: quiet, connectionTimeout: 1_000, requestTimeout: 100,
    socketFactory: ({ onConnect }: { onConnect: () => void }) => connect({ host: '127.0.0.1', port }, onConnect),
  })
  await Promise.all(pool.pool.map(async (connection) => connection.connect()))
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await once(server.close(), 'close')
})

const ask = async (apiKey: number, requestTimeout?: number) => pool.send({
  request: { apiKey, apiVersion: 0, apiName: 'Test', encode: async () => new Encoder() },
  response: { decode: async (payload) => payload, parse: async (decoded) => decoded },
  ...(requestTimeout !== undefined && { requestTimeout }),
})
const timesOut = async (answer: Promise<unknown>) => expect(answer).rejects.toMatchObject({ name: 'KafkaJSRequestTimeoutError' })
const closeOf = async (socket: Socket) => new Promise<void>((resolve) => { socket.once('close', () => resolve()) })

test('a request that got no answer in time ends both connections to the broker; the next one makes a new one', async () => {
  const old = pool.pool.map(({ socket }) => socket!)
  await Promise.all([timesOut(ask(API_VERSIONS)), ...old.map(closeOf)])
  expect(pool.pool.map((connection) => connection.isConnected())).toEqual([false, false])
  await timesOut(ask(FETCH))
  expect(old).not.toContain(pool.pool[1].socket)
})

test('behind one that may take longer it says nothing of that connection; the longer one does', async () => {
  const [first, fetching] = pool.pool.map(({ socket }) => socket!) as [Socket, Socket]
  const join = timesOut(ask(API_VERSIONS, 400))
  await Promise.all([timesOut(ask(API_VERSIONS)), closeOf(fetching)])
  expect([pool.pool[0].isConnected(), first.destroyed]).toEqual([true, false])
  await Promise.all([join, closeOf(first)])
})
