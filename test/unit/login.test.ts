import type { AuthenticationProviderArgs } from 'kafkajs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from '../../src/config.ts'
import { StartupError } from '../../src/errors.ts'
import { loginOf } from '../../src/kafka/client/login.ts'
import type { Key } from '../../src/config-keys.ts'
import { startTokenEndpoint } from '../support/kafka/token-endpoint.ts'

const settings = (given: Partial<Config>): Config => ({ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'worker', ...given }) as Config

/** What was sent at each login, as text; the broker refuses those that `refuses` says. */
function brokerThat(refuses: (sent: string) => boolean) {
  const logins: string[] = []
  const silent = { info: () => {}, error: () => {}, warn: () => {}, debug: () => {} }
  const connection = {
    host: 'kafka', port: 9092, logger: silent,
    saslAuthenticate: async ({ request }: { request: { encode(): Buffer | Promise<Buffer> } }) => {
      const sent = (await request.encode()).toString()
      logins.push(sent)
      if (refuses(sent)) throw Object.assign(new Error('Authentication failed: Invalid username or password'), { type: 'SASL_AUTHENTICATION_FAILED' })
    },
  }
  return { logins, connection: connection as unknown as AuthenticationProviderArgs }
}

/** Secrets whose files hold `next` when they are looked at. */
function secretsOf(first: Partial<Record<Key, string>>) {
  const state = { present: first, next: first }
  return { state, look: async () => { state.present = state.next }, of: (key: Key) => state.present[key] }
}

test('no mechanism, no login', () => {
  expect(loginOf(settings({ KAFKA_SASL_MECHANISM: 'none' }), secretsOf({}))).toBeUndefined()
})

test('each login uses the password that its file holds by then', async () => {
  const { logins, connection } = brokerThat(() => false)
  const secrets = secretsOf({ KAFKA_SASL_PASSWORD: 'first' })
  const login = loginOf(settings({}), secrets)!
  await login.authenticationProvider(connection).authenticate()
  secrets.state.next = { KAFKA_SASL_PASSWORD: 'second' }
  await login.authenticationProvider(connection).authenticate()
  expect(logins.map((sent) => sent.split('\0').slice(-2))).toEqual([['worker', 'first'], ['worker', 'second']])
})

test('a first login that is refused is final; later ones are tried again, with what the file holds then', async () => {
  const { connection } = brokerThat((sent) => !sent.endsWith('good'))
  const secrets = secretsOf({ KAFKA_SASL_PASSWORD: 'bad' })
  const login = loginOf(settings({}), secrets)!
  const authenticate = async () => login.authenticationProvider(connection).authenticate()
  await expect(authenticate()).rejects.toEqual(new StartupError('the broker refuses the login, look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: Authentication failed: Invalid username or password'))
  secrets.state.next = { KAFKA_SASL_PASSWORD: 'good' }
  await authenticate()
  secrets.state.next = { KAFKA_SASL_PASSWORD: 'bad' }
  await expect(authenticate()).rejects.toMatchObject({ name: 'KafkaJSConnectionError', retriable: true, broker: 'kafka:9092', message: expect.stringContaining('look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD') })
  secrets.state.next = { KAFKA_SASL_PASSWORD: 'good' }
  await authenticate()
})

test('an access token is asked for with the secret of that moment; a token endpoint that refuses it is no end either', async () => {
  const endpoint = await startTokenEndpoint('worker', 'second')
  const { logins, connection } = brokerThat(() => false)
  const secrets = secretsOf({ KAFKA_SASL_OAUTH_CLIENT_SECRET: 'second' })
  const login = loginOf(settings({ KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_URL: endpoint.url, KAFKA_SASL_OAUTH_CLIENT_ID: 'worker' }), secrets)!
  const authenticate = async () => login.authenticationProvider(connection).authenticate()
  await authenticate()
  secrets.state.next = { KAFKA_SASL_OAUTH_CLIENT_SECRET: 'first' }
  await expect(authenticate()).rejects.toMatchObject({ name: 'KafkaJSConnectionError', message: expect.stringContaining('KAFKA_SASL_OAUTH_TOKEN_URL answers 401: look at it') })
  secrets.state.next = { KAFKA_SASL_OAUTH_CLIENT_SECRET: 'second' }
  await authenticate()
  await endpoint.close()
  expect(logins).toHaveLength(2)
  for (const sent of logins) expect(sent).toMatch(/auth=Bearer /)
})

test.each([['scram-sha-256', 'SCRAM-SHA-256'], ['scram-sha-512', 'SCRAM-SHA-512']] as const)('%s begins with the user, and never sends the password', async (mechanism, name) => {
  const { logins, connection } = brokerThat(() => true)
  const login = loginOf(settings({ KAFKA_SASL_MECHANISM: mechanism }), secretsOf({ KAFKA_SASL_PASSWORD: 'hidden-hidden' }))!
  expect(login.mechanism.toUpperCase()).toBe(name)
  await expect(login.authenticationProvider(connection).authenticate()).rejects.toThrow('KAFKA_SASL_PASSWORD')
  expect(logins).toEqual([expect.stringMatching(/n,,n=worker,r=/)])
})

test('a first login that breaks off, without having been refused, is tried again', async () => {
  const { connection } = brokerThat(() => false)
  const torn = { ...connection, saslAuthenticate: async () => { throw new Error('Closed connection') } }
  const login = loginOf(settings({}), secretsOf({ KAFKA_SASL_PASSWORD: 'good' }))!
  await expect(login.authenticationProvider(torn).authenticate()).rejects.toMatchObject({ name: 'KafkaJSConnectionError', retriable: true, message: expect.stringContaining('Closed connection') })
})

describe('oauthbearer', () => {
  const oauth = (url: string) => loginOf(settings({ KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_URL: url, KAFKA_SASL_OAUTH_CLIENT_ID: 'worker' }), secretsOf({ KAFKA_SASL_OAUTH_CLIENT_SECRET: 'right' }))!
  const answering = (text: string) => ({
    ...brokerThat(() => false).connection,
    // as kafkajs: the answer's bytes behind their length, and what becomes of them is the caller's word
    saslAuthenticate: async ({ response }: { response?: { decode(bytes: Buffer): Buffer; parse(bytes: Buffer): unknown } }) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(text.length)
      return response?.parse(response.decode(Buffer.concat([length, Buffer.from(text)])))
    },
  }) as AuthenticationProviderArgs

  test('a token that the broker refuses is a refused login', async () => {
    const endpoint = await startTokenEndpoint('worker', 'right')
    const login = oauth(endpoint.url)
    await expect(login.authenticationProvider(answering('{"status":"invalid_token"}')).authenticate()).rejects
      .toEqual(new StartupError('the broker refuses the login, look at the KAFKA_SASL_OAUTH_ settings: {"status":"invalid_token"}'))
    await login.authenticationProvider(answering('')).authenticate()
    await endpoint.close()
  })

  test.each([
    ['refuses the client', 401, { name: 'StartupError' }, 'KAFKA_SASL_OAUTH_TOKEN_URL answers 401: look at it, at KAFKA_SASL_OAUTH_CLIENT_ID and at KAFKA_SASL_OAUTH_CLIENT_SECRET'],
    ['is in trouble', 503, { name: 'KafkaJSConnectionError', retriable: true }, 'KAFKA_SASL_OAUTH_TOKEN_URL answers 503'],
    ['gives no token', 200, { name: 'KafkaJSConnectionError', retriable: true }, 'KAFKA_SASL_OAUTH_TOKEN_URL gives no access_token'],
  ])('a token endpoint that %s', async (_name, status, error, text) => {
    const server = createServer((_request, response) => void response.writeHead(status).end('not json')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const login = oauth(`http://127.0.0.1:${(server.address() as AddressInfo).port}/token`)
    await expect(login.authenticationProvider(answering('')).authenticate()).rejects.toMatchObject({ ...error, message: expect.stringContaining(text) })
    server.closeAllConnections()
    await once(server.close(), 'close')
  })

  test('a token endpoint that can\'t be reached', async () => {
    const endpoint = await startTokenEndpoint('worker', 'right')
    await endpoint.close()
    await expect(oauth(endpoint.url).authenticationProvider(answering('')).authenticate()).rejects
      .toMatchObject({ name: 'KafkaJSConnectionError', retriable: true, message: 'Error: KAFKA_SASL_OAUTH_TOKEN_URL gives no answer (ECONNREFUSED)' })
  })
})
