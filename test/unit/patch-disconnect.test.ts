import Connection from 'kafkajs/src/network/connection.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { patchDisconnect } from '../../src/kafka/client/patch-disconnect.ts'
import { pass, useFakeTime } from './fake-time.ts'

useFakeTime()
beforeAll(patchDisconnect)

// A server that answers no request, and a connection of kafkajs to it.
let server: Server
let connection: Connection
const sockets: Socket[] = []
let received = 0

beforeEach(async () => {
  received = 0
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {}).on('data', () => { received += 1 })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  connection = new Connection({
    host: '127.0.0.1', port, logger: { namespace: () => quiet }, connectionTimeout: 1_000, requestTimeout: 30_000,
    socketFactory: ({ onConnect }: { onConnect: () => void }) => connect({ host: '127.0.0.1', port }, onConnect),
  })
  await connection.connect()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await once(server.close(), 'close')
})

const ask = async () => connection.send({
  request: { apiKey: 18, apiVersion: 0, apiName: 'ApiVersions', encode: async () => new Encoder() },
  response: { decode: async () => ({}), parse: async () => 'an answer' },
})
const asked = async (count: number): Promise<void> => {
  for (let before = received; before < count; before = received) await pass(1)
}

test('a request that is not answered while its connection is closed fails, and the close ends', async () => {
  const answer = ask().catch((error: Error) => error)
  await asked(1)
  const closed = connection.disconnect()
  await pass(2_000, 10)
  expect(await closed).toBe(true)
  expect(await answer).toMatchObject({ name: 'KafkaJSConnectionError', message: 'Closed connection', retriable: true })
})

test('so does one that was made on the next connection, which the close ends, too', async () => {
  const first = ask().catch((error: Error) => error)
  await asked(1)
  const closed = connection.disconnect()
  await connection.connect()
  const second = ask().catch((error: Error) => error)
  await asked(2)
  await pass(2_000, 10)
  await closed
  expect([await first, await second]).toEqual([expect.any(Error), expect.any(Error)])
  expect(connection.isConnected()).toBe(false)
})
