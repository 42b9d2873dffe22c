import { createServer, type AddressInfo, type Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls'
import { createTrack, type CustomerIo } from '../../../src/delivery/customerio.ts'
import type { CustomerEvent } from '../../../src/event.ts'
import { certificateAuthority, type Certificate } from '../../support/kafka/certificates.ts'

const event: CustomerEvent = { kind: 'event', type: 'destroy', person: 'u1', id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', timestamp: undefined, name: '', data: {}, bytes: 200 }
const attempt = async (client: CustomerIo, one: CustomerEvent) => client.attempt([one], 'alone')

interface Target {
  url: string
  /** How each TCP connection that carried a request ended: by a reset, or in an orderly way. */
  ends: ('reset' | 'end')[]
  /** What happens with a connection once a request has come. */
  answer: (socket: Socket) => void
  close(): Promise<void>
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'

/** @param tls with it the bytes below TLS are seen all the same: TLS is put over the TCP connection by hand */
async function startTarget(tls: Certificate | undefined): Promise<Target> {
  const server = createServer()
  const open = new Set<Socket>()
  const target: Target = {
    url: '', ends: [], answer: (socket) => { socket.write(OK) },
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => { server.close(resolve) })
    },
  }
  server.on('connection', (tcp) => {
    open.add(tcp)
    let asked = false
    const ended = (how: 'reset' | 'end') => (): void => {
      if (asked && open.delete(tcp)) target.ends.push(how)
    }
    const socket = tls ? new TLSSocket(tcp, { isServer: true, key: tls.key, cert: tls.cert }) : tcp
    socket.on('data', () => {
      asked = true
      target.answer(socket)
    })
    socket.on('end', ended('end'))
    socket.on('error', ended('reset'))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  target.url = `http${tls ? 's' : ''}://localhost:${(server.address() as AddressInfo).port}`
  return target
}

const trusted = getCACertificates()
const authority = certificateAuthority('test')
const certificate = authority.issue('localhost', ['localhost'])

beforeAll(() => setDefaultCACertificates([...trusted, authority.cert]))
afterAll(() => setDefaultCACertificates(trusted))

const clientOf = (url: string, timeoutMs: number) =>
  createTrack({ siteId: 's', apiKey: () => 'k', region: 'eu', url, timeoutMs, connections: 1, onRefused: () => {}, maySend: () => true })

describe.each(['http', 'https'])('%s', (protocol) => {
  let target: Target
  let customerIo: CustomerIo

  beforeEach(async () => {
    target = await startTarget(protocol === 'https' ? certificate : undefined)
    customerIo = clientOf(target.url, 500)
  })
  afterEach(async () => {
    await customerIo.close()
    await target.close()
  })

  /** Resolves when so many connections have ended. */
  const ended = async (count: number): Promise<void> => {
    while (target.ends.length < count) await new Promise((resolve) => { setTimeout(resolve, 5) })
  }

  test('requests go through, one after the other over one connection, and its close is orderly', async () => {
    for (let n = 0; n < 3; n += 1) expect(await attempt(customerIo, event)).toEqual({ kind: 'accepted', status: 200 })
    await customerIo.close()
    await ended(1)
    expect(target.ends).toEqual(['end'])
  })

  test('a request without an answer in time: its connection is reset, and the next request has a new one', async () => {
    target.answer = () => {}
    expect(await attempt(customerIo, event)).toEqual({ kind: 'unavailable', status: undefined, cause: 'timeout', answered: false })
    await ended(1)
    expect(target.ends).toEqual(['reset'])
    target.answer = (socket) => { socket.write(OK) }
    expect(await attempt(customerIo, event)).toEqual({ kind: 'accepted', status: 200 })
  })

  test('an answer that does not come whole in time: the same', async () => {
    target.answer = (socket) => { socket.write(OK.slice(0, -1)) }
    expect(await attempt(customerIo, event)).toEqual({ kind: 'accepted', status: 200 })
    await ended(1)
    expect(target.ends).toEqual(['reset'])
  })

  test('a server that asks for the end of the connection gets an orderly one', async () => {
    target.answer = (socket) => { socket.write(OK.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')) }
    expect(await attempt(customerIo, event)).toEqual({ kind: 'accepted', status: 200 })
    await ended(1)
    expect(target.ends).toEqual(['end'])
  })
})

test('a certificate that is not trusted: nothing is sent', async () => {
  setDefaultCACertificates(trusted)
  const target = await startTarget(certificate)
  const seen: string[] = []
  target.answer = () => { seen.push('a request') }
  const customerIo = clientOf(target.url, 5_000)
  expect(await attempt(customerIo, event)).toMatchObject({ kind: 'unavailable', status: undefined, cause: expect.stringMatching(/^network UNABLE_TO_VERIFY/) })
  expect(seen).toEqual([])
  await customerIo.close()
  await target.close()
})
