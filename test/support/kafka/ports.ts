import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the range from which systems take the ports of outgoing connections: such a connection could take the port of a broker
// that is down for a while; and one to that very port could connect to itself.
const [LOWEST, HIGHEST] = [12_000, 29_999]

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  await once(server.close(), 'close')
  return true
}

/** `count` different TCP ports that are free on 127.0.0.1 now. Somebody else can still take one before it is used. */
export const freePorts = async (count: number): Promise<number[]> => {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1))
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

/** Runs `work`, which begins with `freePorts`, and once more if somebody else took one of them meanwhile. */
export const onFreePorts = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (!/already (in use|allocated)|BindException/i.test(String(error))) throw error
    return work()
  }
}
