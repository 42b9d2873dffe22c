import { logLevel } from 'kafkajs'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import type { Key } from '../../src/config-keys.ts'
import { bridge, tlsOf } from '../../src/kafka/client/connection.ts'
import { socketFactory } from '../../src/kafka/client/socket.ts'
import { createLogger } from '../../src/logger.ts'
import { certificateAuthority } from '../support/kafka/certificates.ts'

const connectTo = socketFactory()
const authority = certificateAuthority('test')
const files: Partial<Record<Key, string>> = {}

test('a connection to Kafka is made with the certificates that the files hold by then', async () => {
  const server = createServer({ ...authority.issue('broker', ['127.0.0.1']), ca: authority.cert, requestCert: true, rejectUnauthorized: true })
  const presented: string[] = []
  server.on('secureConnection', (socket: TLSSocket) => {
    presented.push(String(socket.getPeerCertificate().subject.CN))
    socket.end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const ssl = tlsOf({ of: (key: Key) => files[key] })
  for (const name of ['first', 'second']) {
    const { cert, key } = authority.issue(name)
    // as they are read: without the line break at the end
    Object.assign(files, { KAFKA_TLS_CA_FILE: authority.cert.trimEnd(), KAFKA_TLS_CERT_FILE: cert.trimEnd(), KAFKA_TLS_KEY_FILE: key.trimEnd() })
    const socket = connectTo({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ssl, onConnect: () => {} })
    await once(socket.resume(), 'close')
  }
  files.KAFKA_TLS_CA_FILE = certificateAuthority('somebody else').cert
  const socket = connectTo({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ssl, onConnect: () => {} })
  await expect(once(socket, 'close')).rejects.toMatchObject({ message: expect.stringMatching(/^the broker's certificate can't be verified: KAFKA_TLS_CA_FILE .* \((?:\w*CERT\w*|\w*SIGNATURE\w*)\)$/) })
  expect(presented).toEqual(['first', 'second'])
  await new Promise((resolve) => { server.close(resolve) })
})

test('a socket that is closed over and over after its end keeps no listeners', async () => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connectTo({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ssl: {}, onConnect: () => {} })
  await new Promise((resolve) => { socket.once('close', resolve) })
  await new Promise((resolve) => { server.close(resolve) })
  for (let n = 0; n < 5; n += 1) expect(socket.end().unref()).toBe(socket)
  expect(socket.listenerCount('connect')).toBe(0)
})

test.each([
  ['an error', 'ERROR', new Error('no way in'), { level: 'error', msg: 'Error: no way in' }],
  ['a text', 'WARN', 'slow', { level: 'warn', msg: 'slow' }],
  ['what every rebalance brings', 'ERROR', 'The group is rebalancing, so a rejoin is needed', { level: 'debug', msg: expect.any(String) }],
  ['a refused login, of which there is a better line', 'ERROR', 'SASL PLAIN authentication failed: x', { level: 'debug', msg: expect.any(String) }],
])('kafkajs logs %s', (_name, label, message, line) => {
  const lines: string[] = []
  bridge({ level: logLevel.ERROR, label, namespace: 'BrokerPool', log: { message: message as string, timestamp: '', logger: '' } }, createLogger('trace', undefined, { write: (text) => void lines.push(text) }))
  expect(lines.map((text) => JSON.parse(text) as unknown)).toEqual([expect.objectContaining({ from: 'kafkajs BrokerPool', ...line })])
})
