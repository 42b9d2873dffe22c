// A server that takes whatever comes and answers {}, as a process of its own: as little work a request as node:http allows.
// Forked by sink-process.ts; ends when that does.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { now } from './shared-clock.ts'

export interface SinkOptions {
  /** ms from the whole body to the answer; 0: at once. */
  readonly latencyMs: number
  /** Keeps when each event arrived: those whose body holds `"sentAt":<ms>` can be asked for afterwards. */
  readonly keep: boolean
}

/** What has arrived since the last reset. Times are of `now()` in shared-clock.ts. */
export interface Progress {
  readonly requests: number
  /** Events: one a request, or as many as the batch has operations. */
  readonly events: number
  readonly firstAt: number
  readonly lastAt: number
}

export type Asked = { readonly reset: SinkOptions } | { readonly ask: 'arrivals' }
export type Told = { readonly url: string } | { readonly isReset: true } | { readonly progress: Progress } | { readonly arrivals: Arrival[] }

/** An event's stamp, and when its request had arrived. */
export type Arrival = readonly [sentAt: number, arrivedAt: number]

const TELL_EVERY_MS = 20
/** Each operation of the v2 API has it once. */
const OPERATION = Buffer.from('"identifiers":')
const STAMP = /"sentAt":([\d.]+)/g

const tell = (told: Told): void => { process.send?.(told) }

let options: SinkOptions = { latencyMs: 0, keep: false }
let progress = { requests: 0, events: 0, firstAt: 0, lastAt: 0 }
let told = 0
let kept: { at: number; body: Buffer }[] = []

const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
  const isBatch = request.url?.endsWith('/batch') ?? false
  if (isBatch || options.keep) {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    request.on('end', () => {
      const body = chunks.length === 1 ? chunks[0] as Buffer : Buffer.concat(chunks)
      arrived(request, isBatch ? occurrences(body) : 1, body)
      answer(response)
    })
    return
  }
  request.resume()
  request.on('end', () => {
    arrived(request, 1)
    answer(response)
  })
})

function arrived({ method }: IncomingMessage, events: number, body?: Buffer): void {
  // the account's region is asked for by GET, and is no event
  if (method === 'GET') return
  const at = now()
  progress.requests += 1
  progress.events += events
  progress.lastAt = at
  if (options.keep && body) kept.push({ at, body })
  if (progress.requests > 1) return
  progress.firstAt = at
  tellProgress()
}

function answer(response: ServerResponse): void {
  if (options.latencyMs > 0) setTimeout(() => response.end('{}'), options.latencyMs)
  else response.end('{}')
}

function occurrences(body: Buffer): number {
  let count = 0
  for (let at = body.indexOf(OPERATION); at >= 0; at = body.indexOf(OPERATION, at + OPERATION.length)) count += 1
  return count
}

function tellProgress(): void {
  if (progress.requests === told) return
  told = progress.requests
  tell({ progress })
}

setInterval(tellProgress, TELL_EVERY_MS)
server.listen(0, '127.0.0.1', 4_096, () => tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))

process.on('message', (asked: Asked) => {
  if ('reset' in asked) {
    options = asked.reset
    progress = { requests: 0, events: 0, firstAt: 0, lastAt: 0 }
    told = 0
    kept = []
    tell({ isReset: true })
    return
  }
  // latin1 is enough: a stamp is made of digits
  tell({ arrivals: kept.flatMap(({ at, body }) => [...body.toString('latin1').matchAll(STAMP)].map(([, sentAt]): Arrival => [Number(sentAt), at])) })
})
process.once('disconnect', () => process.exit(0))
