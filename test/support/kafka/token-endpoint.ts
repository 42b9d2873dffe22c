import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * An OAuth token endpoint (client credentials grant) whose tokens are not signed: Kafka's default validator takes them. Answers 401
 * to other credentials.
 */
export const startTokenEndpoint = async (
  clientId: string,
  clientSecret: string,
): Promise<{ url: string; close(): Promise<void> }> => {
  const expected = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const server = createServer((request, response) => {
    request.resume()
    if (request.headers.authorization !== expected) {
      response.writeHead(401).end()
      return
    }
    const [iat, expires_in] = [Math.floor(Date.now() / 1000), 3600]
    const access_token = `${base64url({ alg: 'none' })}.${base64url({ sub: clientId, iat, exp: iat + expires_in })}.`
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ access_token, token_type: 'bearer', expires_in }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    close: async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}
