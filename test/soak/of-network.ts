// What the network does, between workers and Customer.io, and between workers and Kafka.

import type { Random } from '../support/random.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import { type Disturbance, type Kind, type Stage } from './disturbance.ts'

interface Trouble {
  kind: string
  lastsMs: readonly [number, number]
  /** What the story says, and how it is done. */
  draw(random: Random): { what: string; begin: (proxy: TcpProxy) => void; end?: (proxy: TcpProxy) => void }
}

const TROUBLES: readonly Trouble[] = [
  {
    kind: 'stall', lastsMs: [2_000, 12_000],
    draw: (random) => {
      const way = random.pick(['up', 'down', 'both'] as const)
      return { what: `nothing passes ${way === 'both' ? 'either way' : `on the way ${way === 'up' ? 'there' : 'back'}`}`, begin: (proxy) => proxy.stall(way), end: (proxy) => proxy.flow() }
    },
  },
  {
    kind: 'delay', lastsMs: [2_000, 10_000],
    draw: (random) => {
      const ms = random.pick([50, 150, 400])
      return { what: `${ms} to ${2 * ms} ms more each way`, begin: (proxy) => proxy.latency(ms, ms), end: (proxy) => proxy.latency(0) }
    },
  },
  {
    kind: 'reset', lastsMs: [0, 0],
    draw: () => ({ what: 'all connections reset', begin: (proxy) => proxy.reset() }),
  },
  {
    kind: 'refuse', lastsMs: [2_000, 8_000],
    draw: (random) => {
      const alsoReset = random.chance(0.7)
      const begin = (proxy: TcpProxy) => {
        proxy.refuse()
        if (alsoReset) proxy.reset()
      }
      return { what: `new connections refused${alsoReset ? ', open ones reset' : ''}`, begin, end: (proxy) => proxy.accept() }
    },
  },
  {
    kind: 'tear', lastsMs: [2_000, 8_000],
    draw: (random) => {
      const bytes = random.pick([100, 1_000, 10_000])
      return { what: `connections torn after ${bytes} bytes of answers`, begin: (proxy) => proxy.tear(bytes), end: (proxy) => proxy.tear(0) }
    },
  },
]

const between = (place: string, claim: string, proxies: (stage: Stage, random: number) => TcpProxy[]): Kind[] =>
  TROUBLES.map(({ kind, lastsMs, draw }) => ({
    kind: `${kind} before ${place}`, lastsMs,
    draw: (random): Disturbance => {
      const { what, begin, end } = draw(random)
      const which = random.next()
      const name = `network to ${place}: ${what}`
      return {
        name, ...(end && { over: `${name}: over` }), claims: [claim],
        begin: (stage) => proxies(stage, which).forEach(begin),
        end: (stage) => { if (end) proxies(stage, which).forEach(end) },
      }
    },
  }))

/** Half of the time before all brokers, else before one of them. */
const some = ({ toKafka }: Stage, random: number): TcpProxy[] => (random < 0.5 ? toKafka : [toKafka[Math.floor((random - 0.5) * 2 * toKafka.length)]!])

export const CUSTOMERIO_NETWORK = 'network to Customer.io'

export const ofNetwork: readonly Kind[] = [
  ...between('Customer.io', CUSTOMERIO_NETWORK, ({ toCustomerIo }) => [toCustomerIo]),
  ...between('Kafka', 'network to Kafka', some),
]
