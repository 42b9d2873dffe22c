// What happens to brokers. One at a time: with three, two in sync are what is promised to producers.

import type { Random } from '../support/random.ts'
import { seconds, type Disturbance, type Kind, type Stage } from './disturbance.ts'
import type { Setup } from './setup.ts'

const CLAIM = 'brokers'

function toOne(random: Random, setup: Setup, { name, over, begin, end }: {
  name: (broker: string) => string
  over: string
  begin: (broker: Stage['brokers'][number]) => Promise<void>
  end: (broker: Stage['brokers'][number]) => Promise<void>
}): Disturbance {
  const index = random.below(setup.brokers)
  const broker = `broker ${index + 1}`
  return {
    name: name(broker), over: `${broker} ${over}`, claims: [CLAIM],
    begin: async ({ brokers }) => begin(brokers[index]!),
    end: async ({ brokers }) => end(brokers[index]!),
  }
}

export const ofKafka: readonly Kind[] = [
  {
    kind: 'broker killed', lastsMs: [500, 15_000],
    draw: (random, setup) => toOne(random, setup, {
      name: (broker) => `${broker} killed (SIGKILL)`, over: 'serves again', begin: async (broker) => broker.kill(), end: async (broker) => broker.start(),
    }),
  },
  {
    kind: 'broker stopped', lastsMs: [2_000, 15_000],
    draw: (random, setup) => toOne(random, setup, {
      name: (broker) => `${broker} stopped (SIGTERM)`, over: 'serves again', begin: async (broker) => broker.stop(), end: async (broker) => broker.start(),
    }),
  },
  {
    kind: 'broker frozen', lastsMs: [1_000, 12_000],
    draw: (random, setup, forMs) => toOne(random, setup, {
      name: (broker) => `${broker} frozen for ${seconds(forMs)}`, over: 'goes on', begin: async (broker) => broker.pause(), end: async (broker) => broker.resume(),
    }),
  },
  {
    kind: 'brokers restarted one by one', lastsMs: [30_000, 30_000], fits: ({ brokers }) => brokers === 3,
    draw: () => ({
      name: 'all brokers restarted one by one', claims: [CLAIM],
      begin: async ({ brokers }) => {
        for (const broker of brokers) {
          await broker.stop()
          await broker.start()
        }
      },
      end: () => {},
    }),
  },
]
