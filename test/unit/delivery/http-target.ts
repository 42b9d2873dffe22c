// A real HTTP server that answers as a test says, and keeps what it was sent.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface Received {
  readonly method: string
  /** As it came, not decoded. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Respond = (response: ServerResponse, request: IncomingMessage) => void

export interface HttpTarget {
  readonly url: string
  readonly received: Received[]
  /** How the next requests are answered. */
  respond: Respond
  /** Sockets open at present. */
  readonly sockets: ReadonlySet<Socket>
  close(): Promise<void>
}

export const answer = (status: number, body = '', headers: Record<string, string> = {}): Respond => (response) => { response.writeHead(status, headers).end(body) }

export async function startHttpTarget(): Promise<HttpTarget> {
  const received: Received[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      received.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: Buffer.concat(parts).toString() })
      target.respond(response, request)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const target: HttpTarget = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    respond: answer(200, '{}'),
    sockets,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => { server.close(resolve) })
    },
  }
  return target
}
