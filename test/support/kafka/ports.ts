import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** `count` different TCP ports that are free on 127.0.0.1 now. Somebody else can still take one before it is used. */
export const freePorts = async (count: number): Promise<number[]> => {
  // All are held open until the last is known: closed one by one, the same port could come twice.
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
