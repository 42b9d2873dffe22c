// A server that only counts, as a process of its own: 200 and {} after some 20 ms. Forked by limiter.ts; ends when that does.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mostInWindow } from '../support/window.ts'

export type Told = { readonly url: string } | { readonly arrived: number; readonly mostInSecond: number }

const ANSWER_MS = 20

let arrivals: { at: number }[] = []
const server = createServer((request, response) => {
  arrivals.push({ at: performance.now() })
  request.resume()
  setTimeout(() => response.end('{}'), ANSWER_MS)
})
const tell = (told: Told): void => { process.send?.(told) }
server.listen(0, '127.0.0.1', () => tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))

// any message asks for what arrived since the last one
process.on('message', () => {
  tell({ arrived: arrivals.length, mostInSecond: mostInWindow(arrivals, 1_000) })
  arrivals = []
})
process.once('disconnect', () => process.exit(0))
