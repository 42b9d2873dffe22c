// The workers of a round: a seat is filled again when its worker ends by itself, as an orchestrator would.

import { setTimeout as wait } from 'node:timers/promises'
import type { WorkerProcess } from '../support/worker-process.ts'

export interface Fleet {
  /** Fills the seat. Returns at once: a worker is ready when Kafka lets it. */
  up(seat: string): void
  /** Ends the seat's worker and leaves the seat empty; resolves when it is gone. One that is just starting is ended when it is ready. */
  down(seat: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Undefined while the seat is empty, or its worker is starting. */
  worker(seat: string): WorkerProcess | undefined
  /** Resolves when every seat that is to be filled is. */
  ready(): Promise<void>
  /** Workers that ended though nobody told them to, or did not start. */
  readonly endedByThemselves: number
  /** Fills no seat any more; resolves when none is starting. */
  close(): Promise<void>
}

interface Seat {
  worker: WorkerProcess | undefined
  wanted: boolean
  /** The present start, or those before it. */
  starting: Promise<void>
}

const RESTART_AFTER_MS = 1_000
const STOP_WITHIN_MS = 40_000

/** @param start starts a worker for the seat; rejects if it is not ready in time, having ended it */
export function createFleet(start: (seat: string) => Promise<WorkerProcess>, tell: (what: string) => void): Fleet {
  const seats = new Map<string, Seat>()
  let endedByThemselves = 0
  const seatOf = (name: string): Seat => {
    const seat = seats.get(name) ?? { worker: undefined, wanted: false, starting: Promise.resolve() }
    seats.set(name, seat)
    return seat
  }

  const fill = (name: string, seat: Seat): void => {
    seat.starting = seat.starting.then(async () => {
      while (seat.wanted && !seat.worker) {
        const worker = await start(name).catch((error: Error) => {
          endedByThemselves += 1
          tell(`worker ${name} did not start: ${error.message.split('\n')[0]}`)
        })
        if (!worker) await wait(RESTART_AFTER_MS)
        else {
          seat.worker = worker
          tell(`worker ${name} is ready (${worker.name})`)
          void watch(name, seat, worker)
        }
      }
    })
  }

  const watch = async (name: string, seat: Seat, worker: WorkerProcess): Promise<void> => {
    const { code, signal } = await worker.exited
    if (seat.worker !== worker) return
    seat.worker = undefined
    if (!seat.wanted) return
    endedByThemselves += 1
    tell(`worker ${name} (${worker.name}) ended by itself (${signal ?? `exit code ${code}`})`)
    await wait(RESTART_AFTER_MS)
    fill(name, seat)
  }

  return {
    get endedByThemselves() { return endedByThemselves },
    worker: (name) => seats.get(name)?.worker,
    up: (name) => {
      const seat = seatOf(name)
      seat.wanted = true
      fill(name, seat)
    },
    down: async (name, signal) => {
      const seat = seatOf(name)
      seat.wanted = false
      await seat.starting
      const { worker } = seat
      if (!worker) return
      seat.worker = undefined
      const late = new AbortController()
      if (signal === 'SIGTERM') {
        void wait(STOP_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
          tell(`worker ${name} (${worker.name}) did not end within ${STOP_WITHIN_MS / 1_000} s: killed`)
          return worker.kill()
        }).catch(() => {})
      }
      const exit = await (signal === 'SIGTERM' ? worker.stop() : worker.kill())
      late.abort()
      tell(`worker ${name} (${worker.name}) has ended (${exit.signal ?? `exit code ${exit.code}`})`)
    },
    ready: async () => {
      while ([...seats.values()].some(({ wanted, worker }) => wanted && !worker)) await wait(50)
    },
    close: async () => {
      for (const seat of seats.values()) seat.wanted = false
      await Promise.all([...seats.values()].map(async ({ starting }) => starting))
    },
  }
}
