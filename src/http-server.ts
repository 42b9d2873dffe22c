import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the probes answer with. */
export interface ProbeAnswer {
  readonly ok: boolean
  /** A word or two: shown as plain text. */
  readonly why: string
}

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  readonly metrics: () => Promise<{ type: string; text: string }>
  readonly probes: Readonly<Record<'/healthz' | '/readyz' | '/startupz', () => ProbeAnswer>>
}

/** GET on four paths and nothing else; bounds on header size and time keep it harmless. */
export async function startHttpServer(options: HttpServerOptions): Promise<{ port: number; stop(): Promise<void> }> {
  const server = createServer({ maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000 }, (request, response) => {
    const answer = (status: number, type: string, text: string) => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
    const path = (request.url ?? '').split('?', 1)[0] as string
    request.resume()
    if (request.method !== 'GET') return void answer(405, 'text/plain', 'only GET\n')
    if (path === '/metrics') {
      return void options.metrics().then(({ type, text }) => answer(200, type, text), () => answer(500, 'text/plain', 'metrics failed\n'))
    }
    if (!Object.hasOwn(options.probes, path)) return void answer(404, 'text/plain', 'not found\n')
    const { ok, why } = options.probes[path as keyof HttpServerOptions['probes']]()
    answer(ok ? 200 : 503, 'text/plain', `${why}\n`)
  })
  server.maxConnections = 100
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, options.host, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
