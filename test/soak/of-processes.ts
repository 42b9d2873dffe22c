// What happens to workers.

import type { Random } from '../support/random.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { seconds, type Disturbance, type Kind, type Stage } from './disturbance.ts'
import { CUSTOMERIO_NETWORK } from './of-network.ts'
import type { Setup } from './setup.ts'

const claimOf = (seat: string): string => `worker ${seat}`

/** Ends the workers of some seats, and fills them again at the end. */
function replaced(name: string, seats: readonly string[], signal: 'SIGKILL' | 'SIGTERM'): Disturbance {
  const who = `worker ${seats.join(' and ')}`
  return {
    name: `${who} ${name}`, over: `${who}: a new one starts`, claims: seats.map(claimOf),
    begin: async ({ fleet }) => void await Promise.all(seats.map(async (seat) => fleet.down(seat, signal))),
    end: ({ fleet }) => seats.forEach((seat) => fleet.up(seat)),
  }
}

/** Does something to the worker of a seat, and undoes it if the same one is still there. */
function within(seat: string, begin: (worker: WorkerProcess) => void, end: (worker: WorkerProcess) => void): Pick<Disturbance, 'begin' | 'end'> {
  let worker: WorkerProcess | undefined
  return {
    begin: ({ fleet }: Stage) => {
      worker = fleet.worker(seat)
      if (worker) begin(worker)
    },
    end: ({ fleet }: Stage) => { if (worker && worker === fleet.worker(seat)) end(worker) },
  }
}

const oneOf = (random: Random, { seats }: Setup): string => random.pick(seats).name

export const ofProcesses: readonly Kind[] = [
  { kind: 'worker killed', lastsMs: [0, 5_000], draw: (random, setup) => replaced('killed (SIGKILL)', [oneOf(random, setup)], 'SIGKILL') },
  {
    kind: 'two workers killed', lastsMs: [0, 5_000], fits: ({ seats }) => seats.length > 1,
    draw: (random, { seats }) => {
      const first = random.below(seats.length)
      const second = (first + 1 + random.below(seats.length - 1)) % seats.length
      return replaced('killed (SIGKILL)', [seats[first]!.name, seats[second]!.name], 'SIGKILL')
    },
  },
  {
    kind: 'all workers killed', lastsMs: [0, 3_000], fits: ({ seats }) => seats.length > 2,
    draw: (_, { seats }) => replaced('killed (SIGKILL)', seats.map(({ name }) => name), 'SIGKILL'),
  },
  { kind: 'worker stopped', lastsMs: [0, 5_000], draw: (random, setup) => replaced('stopped (SIGTERM)', [oneOf(random, setup)], 'SIGTERM') },
  {
    kind: 'worker frozen', lastsMs: [1_000, 10_000],
    draw: (random, setup, forMs) => {
      const seat = oneOf(random, setup)
      return {
        name: `worker ${seat} frozen (SIGSTOP) for ${seconds(forMs)}`, over: `worker ${seat} goes on (SIGCONT)`, pausesMs: forMs,
        // a frozen one can't reset what a stalled network holds back, which could then arrive at any time: that is not covered
        claims: [claimOf(seat), CUSTOMERIO_NETWORK],
        ...within(seat, (worker) => worker.signal('SIGSTOP'), (worker) => worker.signal('SIGCONT')),
      }
    },
  },
  {
    kind: 'event loop blocked', lastsMs: [300, 2_000],
    draw: (random, setup, forMs) => {
      const seat = oneOf(random, setup)
      // the machine may add to it
      const ms = Math.min(forMs, Math.round(setup.longestPauseMs * 0.8))
      return {
        name: `event loop of worker ${seat} blocked for ${seconds(ms)}`, pausesMs: ms, claims: [claimOf(seat)],
        ...within(seat, (worker) => worker.tell({ block: ms }), () => {}),
      }
    },
  },
  {
    kind: 'clock stepped', lastsMs: [3_000, 20_000],
    draw: (random, setup) => {
      const seat = oneOf(random, setup)
      const ms = random.pick([-1, 1]) * random.pick([2_000, 60_000, 3_600_000])
      return {
        name: `clock of worker ${seat} stepped by ${seconds(ms)}`, over: `clock of worker ${seat} stepped back`, claims: [claimOf(seat)],
        ...within(seat, (worker) => worker.tell({ stepClock: ms }), (worker) => worker.tell({ stepClock: -ms })),
      }
    },
  },
  {
    kind: 'join and leave', lastsMs: [3_000, 20_000],
    draw: (_, { spare: { name } }) => ({
      name: `worker ${name} joins`, over: `worker ${name} leaves (SIGTERM)`, claims: [claimOf(name)],
      begin: ({ fleet }) => fleet.up(name),
      end: async ({ fleet }) => fleet.down(name, 'SIGTERM'),
    }),
  },
  {
    kind: 'workers replaced one by one', lastsMs: [15_000, 15_000],
    draw: (_, { seats }) => ({
      name: 'all workers replaced one by one (SIGTERM)', claims: seats.map(({ name }) => claimOf(name)),
      begin: async ({ fleet }) => {
        for (const { name } of seats) {
          await fleet.down(name, 'SIGTERM')
          fleet.up(name)
        }
      },
      end: () => {},
    }),
  },
]
