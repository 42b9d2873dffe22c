// Several processes and one server that notes each arrival. A story is made from a seed: the same seed, the same story.

import { fenceMs } from '../../../src/config.ts'
import { seededChoices } from '../../support/random.ts'
import { pass } from '../fake-time.ts'
import { Group } from './group.ts'
import { Sender, type Flaw, type SenderOptions, type Times } from './sender.ts'

const LONGEST_PAUSE_MS = 100
const SESSION_MS = 1_000
const REBALANCE_MS = 800

/** A window of a second would only make each run take longer. */
function timesFor(windowMs: number): Times {
  const latestArrivalMs = 300
  return {
    windowMs, latestArrivalMs, requestTimeoutMs: latestArrivalMs - LONGEST_PAUSE_MS, heartbeatMs: 100,
    fenceMs: fenceMs({ KAFKA_SESSION_TIMEOUT_MS: SESSION_MS, KAFKA_REBALANCE_TIMEOUT_MS: REBALANCE_MS, LONGEST_PAUSE_MS, LATEST_ARRIVAL_MS: latestArrivalMs }),
  }
}

export interface Story {
  readonly seed: number
  readonly limit: number
  readonly partitions: number
  readonly processes: number
  /** How the limit is shared: the group deals it to owners of partitions, or it is divided. */
  readonly share: 'partitions' | 'fixed'
  readonly windowMs: number
}

/** When a request arrived at the server, ms. */
export interface Arrival { readonly at: number }

interface Fleet {
  readonly senders: Sender[]
  readonly arrivals: Arrival[]
  /** Begins one process more. */
  add(): Sender
  /** Lets about so many ms pass. */
  go(ms: number): Promise<void>
}

function fleetOf(story: Story, given: Pick<SenderOptions, 'random' | 'delay' | 'unanswered' | 'flaw'>): Fleet {
  const { limit, partitions, processes } = story
  const arrivals: Arrival[] = []
  const group = story.share === 'partitions' ? new Group({ partitions, times: { sessionMs: SESSION_MS, rebalanceMs: REBALANCE_MS }, random: given.random }) : undefined
  const options: SenderOptions = {
    ...given, limit, group, divisor: processes, concurrency: limit, times: timesFor(story.windowMs),
    onArrival: () => arrivals.push({ at: performance.now() }),
  }
  return {
    senders: Array.from({ length: processes }, () => new Sender(options)),
    arrivals,
    add: () => new Sender(options),
    go: async (ms) => {
      for (const end = performance.now() + ms; performance.now() < end; group?.look()) await pass(5)
    },
  }
}

/**
 * Six seconds in which processes stall, freeze, lose the group, crash, leave and are replaced, ask for a new deal and read another limit
 * than the others, while requests get lost and arrive late.
 * @returns what the server saw
 */
export async function play(story: Story, flaw?: Flaw): Promise<Arrival[]> {
  const random = seededChoices(story.seed)
  const delay = () => 1 + random.below(random.chance(0.1) ? 80 : 15)
  const { senders, arrivals, add, go } = fleetOf(story, { random, delay, unanswered: random.pick([0, 0.05, 0.3]), flaw })
  for (const end = performance.now() + 6_000; performance.now() < end;) {
    await go(random.below(600))
    const index = random.below(senders.length)
    const one = senders[index] as Sender
    switch (random.pick(['stall', 'freeze', 'cut', 'crash', 'leave', 'ask', 'limit', 'nothing'] as const)) {
      case 'stall': one.freeze(random.below(LONGEST_PAUSE_MS)); break
      case 'freeze': one.freeze(random.below(2 * SESSION_MS)); break
      case 'cut': one.cutOff(random.below(2 * SESSION_MS)); break
      case 'crash':
        one.crash()
        // in its place there is another one at once, sooner than the group knows
        senders[index] = add()
        break
      case 'leave':
        if (story.share === 'fixed') break
        void one.leave()
        senders[index] = add()
        break
      case 'ask': one.ask(); break
      case 'limit': one.read(random.pick([story.limit, 1 + random.below(story.limit)])); break
      case 'nothing': break
    }
  }
  jest.clearAllTimers()
  return arrivals
}

/**
 * Nothing goes wrong, and every answer takes as long as the other.
 * @param oneWayMs half of the time between request and answer
 * @returns requests a second, after the start
 */
export async function playCalm(story: Story, oneWayMs: number, forMs: number): Promise<number> {
  const { arrivals, go } = fleetOf(story, { random: seededChoices(story.seed), delay: () => oneWayMs, unanswered: 0, flaw: undefined })
  await go(2 * story.windowMs + 1_000)
  const before = arrivals.length
  await go(forMs)
  jest.clearAllTimers()
  return ((arrivals.length - before) * 1_000) / forMs
}
