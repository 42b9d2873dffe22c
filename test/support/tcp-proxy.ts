// A TCP proxy that misbehaves on demand: between a worker and a broker, or a worker and the stand-in.

import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

/** Towards the target, or back. */
export type Way = 'up' | 'down'

export interface TcpProxy {
  /** host:port that it listens on. */
  address: string
  readonly connections: number
  /** Delays every chunk, both ways, order kept. 0 ends it. */
  latency(ms: number, jitterMs?: number): void
  /** Bytes stop and sockets stay open, as when a cable is pulled. */
  stall(way?: Way | 'both'): void
  /** Ends a stall: what was held goes on, except for connections that the client has left meanwhile. */
  flow(): void
  /** Resets (RST) every open connection. */
  reset(): void
  /** No byte passes an open connection any more, for good, and nobody is told; new ones are fine. As when a firewall forgets connections. */
  silence(): void
  /** New connections are reset. */
  refuse(): void
  accept(): void
  /** Resets a connection once it has passed so many bytes down. 0 ends it. */
  tear(bytes: number): void
  /** Ends every fault. */
  heal(): void
  close(): Promise<void>
}

interface Faults {
  delayMs: number
  jitterMs: number
  readonly stalled: Set<Way>
  refusing: boolean
  tearAfter: number
}

interface Link {
  kick(): void
  reset(): void
  silence(): void
}

/** Chunks held in one direction before the sender's window is closed. */
const MOST_HELD = 64

/** Listens at `port` (0 or none = any free one) of `host` (default 127.0.0.1). Rejects if the port is taken. */
export async function startTcpProxy({ target, host = '127.0.0.1', port = 0 }: { target: string; host?: string; port?: number }): Promise<TcpProxy> {
  const [targetHost = '', targetPort] = target.split(':')
  const faults: Faults = { delayMs: 0, jitterMs: 0, stalled: new Set(), refusing: false, tearAfter: 0 }
  const links = new Set<Link>()

  const server = createServer({ noDelay: true }, (client) => {
    client.on('error', () => {})
    if (faults.refusing) {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ host: targetHost, port: Number(targetPort), noDelay: true })
    const end = () => {
      links.delete(link)
      cut(client)
      cut(upstream)
    }
    const kicks = [pass(client, upstream, 'up', faults, end), pass(upstream, client, 'down', faults, end)]
    const link: Link = {
      kick: () => kicks.forEach((kick) => kick()),
      reset: end,
      silence: () => {
        for (const socket of [client, upstream]) socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close').resume()
      },
    }
    links.add(link)
    client.once('close', () => links.delete(link))
  })
  server.listen(port, host)
  await once(server, 'listening')

  const proxy: TcpProxy = {
    address: `${host}:${(server.address() as AddressInfo).port}`,
    get connections() { return links.size },
    latency: (ms, jitterMs = 0) => Object.assign(faults, { delayMs: ms, jitterMs }),
    stall: (way = 'both') => (way === 'both' ? ['up', 'down'] as const : [way]).forEach((one) => faults.stalled.add(one)),
    flow: () => {
      faults.stalled.clear()
      for (const link of links) link.kick()
    },
    reset: () => { for (const link of links) link.reset() },
    silence: () => { for (const link of links) link.silence() },
    refuse: () => { faults.refusing = true },
    accept: () => { faults.refusing = false },
    tear: (bytes) => { faults.tearAfter = bytes },
    heal: () => {
      Object.assign(faults, { delayMs: 0, jitterMs: 0, refusing: false, tearAfter: 0 })
      proxy.flow()
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      proxy.reset()
      await closed
    },
  }
  return proxy
}

/** Resets a connection; one whose FIN is under way can't be reset (EINVAL), and Node would leave its handle open for good. */
function cut(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

/**
 * Passes bytes one way. A client that leaves is gone with all that was held of it: in a network that stalls, bytes of a connection which its
 * owner has given up do not turn up later. Returns the way to look again after a fault has ended.
 */
function pass(from: Socket, to: Socket, way: Way, faults: Faults, end: () => void): () => void {
  const held: { chunk: Buffer; due: number }[] = []
  let timer: NodeJS.Timeout | undefined
  let ended = false
  let passed = 0
  let lastDue = 0

  const drain = () => {
    timer = undefined
    while (held[0] && !faults.stalled.has(way)) {
      const waitMs = held[0].due - performance.now()
      if (waitMs > 0) {
        timer = setTimeout(drain, Math.ceil(waitMs))
        return
      }
      const { chunk } = held.shift()!
      passed += chunk.length
      if (way === 'down' && faults.tearAfter > 0 && passed > faults.tearAfter) {
        to.write(chunk.subarray(0, Math.max(0, faults.tearAfter - (passed - chunk.length))), end)
        return
      }
      if (!to.write(chunk)) {
        from.pause()
        if (to.listenerCount('drain') === 0) to.once('drain', () => from.resume())
      }
    }
    if (ended && held.length === 0) to.end()
    if (held.length > MOST_HELD) from.pause()
    else if (from.isPaused() && !to.writableNeedDrain) from.resume()
  }

  from.on('data', (chunk: Buffer) => {
    lastDue = Math.max(lastDue, performance.now() + faults.delayMs + Math.random() * faults.jitterMs)
    held.push({ chunk, due: lastDue })
    if (timer === undefined) drain()
  })
  from.on('end', () => {
    ended = true
    if (way === 'up' && held.length > 0) end()
    else if (timer === undefined) drain()
  })
  from.on('error', end)
  from.on('close', () => {
    clearTimeout(timer)
    if (!ended) end()
  })
  return () => {
    clearTimeout(timer)
    lastDue = 0
    for (const chunk of held) chunk.due = 0
    drain()
  }
}
