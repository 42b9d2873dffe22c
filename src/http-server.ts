import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
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
  /** What /readyz?verbose shows beside `ready` and `why`. */
  readonly status: () => object
  /** Most time for a request to come in, and for an idle connection to stay, ms. */
  readonly timeoutMs: number
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

const MOST_HEADER_BYTES = 8_192
/** A body is thrown away; one that is larger takes its connection with it. */
const MOST_BODY_BYTES = 1_048_576
const MOST_CONNECTIONS = 100

const plain = (status: number, text: string): Answer => ({ status, type: 'text/plain', text: `${text}\n` })

/** GET on four paths and nothing else; bounds on size, time and number keep it harmless. */
export async function startHttpServer(options: HttpServerOptions): Promise<{ port: number; stop(): Promise<void> }> {
  const { probes, timeoutMs } = options
  let scrape: ReturnType<HttpServerOptions['metrics']> | undefined
  /** All who ask while it is made get the same one. */
  const metrics = async () => {
    scrape ??= options.metrics().finally(() => { scrape = undefined })
    return scrape
  }

  const answerTo = async ({ method, url = '' }: IncomingMessage): Promise<Answer> => {
    if (method !== 'GET') return plain(405, 'only GET')
    const [path, query] = url.split('?', 2) as [string, string?]
    if (path === '/metrics') return { status: 200, ...await metrics() }
    if (!Object.hasOwn(probes, path)) return plain(404, 'not found')
    const { ok, why } = probes[path as keyof typeof probes]()
    const status = ok ? 200 : 503
    if (path !== '/readyz' || !new URLSearchParams(query).has('verbose')) return plain(status, why)
    return { status, type: 'application/json', text: `${JSON.stringify({ ready: ok, why, ...options.status() }, null, 2)}\n` }
  }

  const server = createServer({
    maxHeaderSize: MOST_HEADER_BYTES, headersTimeout: timeoutMs, requestTimeout: timeoutMs, connectionsCheckingInterval: timeoutMs / 5,
    keepAliveTimeout: timeoutMs, keepAliveTimeoutBuffer: 0,
  }, (request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MOST_BODY_BYTES) request.destroy()
    })
    answerTo(request).catch(() => plain(500, 'failed')).then(({ status, type, text }) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
    })
  })
  // also one who does not read the answer has to go
  server.timeout = 2 * timeoutMs
  server.maxConnections = MOST_CONNECTIONS
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, options.host, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
