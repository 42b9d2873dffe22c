import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let server: Server
let proxy: TcpProxy
let received: string
const clients: Socket[] = []

beforeEach(async () => {
  received = ''
  server = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString()
      socket.write(`echo ${chunk.toString()}`)
    }).on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await startTcpProxy({ target: `127.0.0.1:${(server.address() as AddressInfo).port}` })
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.close()
  server.close()
})

/** A client through the proxy; `text()` is all that it has received, `error` what ended it. */
async function open() {
  const [, port] = proxy.address.split(':')
  const socket = connect(Number(port), '127.0.0.1')
  clients.push(socket)
  const seen = { text: '', error: '', closed: false }
  socket.on('data', (chunk: Buffer) => { seen.text += chunk.toString() })
  socket.on('error', (error: NodeJS.ErrnoException) => { seen.error = error.code ?? '' })
  socket.on('close', () => { seen.closed = true })
  await new Promise((resolve) => { socket.once('connect', resolve).once('close', resolve) })
  return { socket, seen }
}

const until = async (holds: () => boolean) => { while (!holds()) await new Promise((resolve) => { setImmediate(resolve) }) }
/** Long enough for what may pass to have passed: another connection made a round trip meanwhile. */
const roundTrips = async (count = 3) => {
  for (let left = count; left > 0; left -= 1) await new Promise((resolve) => { setTimeout(resolve, 20) })
}

test('without a fault it passes everything, both ways', async () => {
  const { socket, seen } = await open()
  socket.write('one')
  await until(() => seen.text === 'echo one')
  expect(proxy.connections).toBe(1)
})

test('latency delays, and keeps the order', async () => {
  const { socket, seen } = await open()
  proxy.latency(30, 20)
  const began = performance.now()
  socket.write('a')
  await until(() => received === 'a')
  expect(performance.now() - began).toBeGreaterThanOrEqual(30)
  socket.write('b')
  socket.write('c')
  await until(() => received === 'abc' && seen.text.replaceAll('echo ', '') === 'abc')
})

test.each(['up', 'down', 'both'] as const)('a stall %s holds the bytes, and lets them go on when it ends', async (way) => {
  const { socket, seen } = await open()
  proxy.stall(way)
  socket.write('held')
  await roundTrips()
  expect(received).toBe(way === 'down' ? 'held' : '')
  expect(seen).toMatchObject({ text: '', closed: false })
  proxy.flow()
  await until(() => seen.text === 'echo held')
})

test('what a client sent before it left in a stall never arrives', async () => {
  const { socket } = await open()
  proxy.stall()
  socket.write('late')
  await roundTrips()
  socket.destroy()
  await until(() => proxy.connections === 0)
  proxy.flow()
  await roundTrips()
  expect(received).toBe('')
})

test('reset ends what is open with ECONNRESET; refuse also what is new, until accept', async () => {
  const { socket, seen } = await open()
  proxy.refuse()
  proxy.reset()
  await until(() => seen.closed)
  expect(seen.error).toBe('ECONNRESET')
  const refused = await open()
  refused.socket.write('x')
  await until(() => refused.seen.closed)
  proxy.accept()
  const { socket: again, seen: seenAgain } = await open()
  again.write('back')
  await until(() => seenAgain.text === 'echo back')
  expect(socket.destroyed).toBe(true)
})

test('tear cuts an answer short', async () => {
  const { socket, seen } = await open()
  proxy.tear(6)
  socket.write('long')
  await until(() => seen.closed)
  expect('echo lo'.startsWith(seen.text)).toBe(true)
  expect(received).toBe('long')
})

test('heal ends every fault, for what is held as well', async () => {
  const { socket, seen } = await open()
  proxy.latency(60_000)
  socket.write('all is ')
  await roundTrips()
  proxy.stall()
  proxy.refuse()
  proxy.tear(1)
  proxy.heal()
  socket.write('well')
  await until(() => seen.text.replaceAll('echo ', '').length >= 'all is well'.length)
  expect(seen.text.replaceAll('echo ', '')).toBe('all is well')
})

test('a silent connection passes nothing any more, not even its end; a new one does', async () => {
  const old = await open()
  old.socket.write('a')
  await until(() => old.seen.text === 'echo a')
  proxy.silence()
  old.socket.write('lost')
  const fresh = await open()
  fresh.socket.write('b')
  await until(() => fresh.seen.text === 'echo b')
  await roundTrips()
  expect([received, old.seen]).toEqual(['ab', { text: 'echo a', error: '', closed: false }])
})
