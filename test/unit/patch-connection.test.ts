import kafkajs from 'kafkajs'
import Connection from 'kafkajs/src/network/connection.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { patchConnection } from '../../src/kafka/client/patch-connection.ts'
import { patchRequestQueue } from '../../src/kafka/client/patch-request-queue.ts'

beforeAll(() => {
  patchConnection()
  patchRequestQueue()
})

/** An answer to a request of kafkajs: length, the request's correlation id, text. */
function answerTo(request: Buffer, text: string): Buffer {
  const answer = Buffer.alloc(8 + text.length)
  answer.writeInt32BE(4 + text.length)
  request.copy(answer, 4, 8, 12)
  answer.write(text, 8)
  return answer
}

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const sockets: Socket[] = []
let server: Server
let connection: Connection

/** @param serve is given each connection's socket and number, from 1 */
async function open(serve: (socket: Socket, n: number) => void): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket)
    serve(socket.on('error', () => {}), sockets.length)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  connection = new Connection({
    host: '127.0.0.1', port, logger: { namespace: () => quiet }, connectionTimeout: 1_000, requestTimeout: 2_000,
    socketFactory: ({ onConnect }: { onConnect: () => void }) => connect({ host: '127.0.0.1', port }, onConnect),
  })
}

const ask = async (): Promise<string> => connection.send({
  request: { apiKey: 18, apiVersion: 0, apiName: 'ApiVersions', encode: async () => new Encoder() },
  response: { decode: async (payload) => ({ payload }), parse: async (decoded) => (decoded as { payload: Buffer }).payload.toString() },
})

afterEach(async () => {
  await connection.disconnect()
  for (const socket of sockets.splice(0)) socket.destroy()
  await once(server.close(), 'close')
})

test('what came of an answer that was torn off is forgotten on the next connection', async () => {
  await open((socket, n) => socket.on('data', (request) => {
    const answer = answerTo(request, 'the answer')
    if (n > 1) socket.write(answer)
    else socket.write(answer.subarray(0, 11), () => setImmediate(() => socket.resetAndDestroy()))
  }))
  await connection.connect()
  await expect(ask()).rejects.toBeInstanceOf(kafkajs.KafkaJSConnectionError)
  await connection.connect()
  expect(await ask()).toBe('the answer')
})

test('nothing that a former connection still brings is read as an answer', async () => {
  await open((socket, n) => socket.on('data', (request) => socket.write(answerTo(request, `from ${n}`))))
  await connection.connect()
  const [former] = sockets
  await connection.disconnect()
  await connection.connect()
  // half of an answer, which the next whole one would be read as the rest of
  former!.write(Buffer.from([0, 0, 0, 20, 1, 2, 3]))
  expect(await ask()).toBe('from 2')
})

test('connections that are asked for side by side are one', async () => {
  await open((socket, n) => socket.on('data', (request) => socket.write(answerTo(request, `from ${n}`))))
  expect(await Promise.all([connection.connect(), connection.connect()])).toEqual([true, true])
  expect(await ask()).toBe('from 1')
  expect(sockets).toHaveLength(1)
})
