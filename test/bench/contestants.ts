// Who takes part: the worker in both modes, and floors that promise nothing. Each is a process of its own that reads a topic from its start.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { reachEnvironment, type Topics } from '../support/stage.ts'
import { startWorker } from '../support/worker-process.ts'
import type { Progress } from './sink.ts'
import type { Watch } from './sink-process.ts'

export interface Reach extends Topics {
  readonly brokers: string[]
  /** Of the sink. */
  readonly url: string
  /** How many events the topic holds. */
  readonly events: number
}

export interface Contestant {
  readonly id: string
  readonly name: string
  /** Whether it sends many events a request: it is then given more of them. */
  readonly batches: boolean
  /** Id of what it is compared with. */
  readonly floor: string | undefined
  /** Resolves when it is about to read, or has just begun to. */
  start(reach: Reach, nodeFlags?: readonly string[]): Promise<Contender>
}

/** A contestant that runs. */
export interface Contender {
  readonly pid: number
  /** In place of the sink's, for one that sends nothing. */
  readonly watch?: Watch
  /** It does not say when it is about to read: its CPU counts from the first event's arrival. */
  readonly isSilent?: true
  /** Resolves with how it ended, whenever it does. */
  readonly exited: Promise<string>
  /** As it is told to end in production. */
  stop(): Promise<void>
}

/** The share `fixed` sends nothing for the latest arrival and a window after its start; the default of 15 s would only be waited for. */
export const LIMIT_LIFTED = {
  RATE_LIMIT: '1000', RATE_LIMIT_RESERVE: '0', RATE_LIMIT_WINDOW_MS: '100', RATE_LIMIT_SHARE: 'fixed', REQUEST_TIMEOUT_MS: '2000', LATEST_ARRIVAL_MS: '2000',
}

/** What the worker's defaults are, and leave: requests a second. */
export const DEFAULT_LIMIT = { limit: 100, reserve: 20, left: 80 }

export const CONTESTANTS: readonly Contestant[] = [
  floor('nothing', 'floor: kafkajs into nothing', true, undefined),
  floor('batches', 'floor: kafkajs + undici, 500 a call', true, 'nothing'),
  worker('worker-batch', 'worker, batch mode', 'batches', { DELIVERY_MODE: 'batch' }),
  floor('requests', 'floor: kafkajs + undici, one a call', false, 'nothing'),
  floor('customerio', 'floor: kafkajs + customerio-node', false, 'requests'),
  worker('worker-single', 'worker, single mode', 'customerio', { DELIVERY_MODE: 'single', CONCURRENCY: '64' }),
]

/** A worker by its defaults, but for `env`. It is about to read when it has joined the group. */
export async function startWorkerWith(env: Record<string, string>, reach: Omit<Reach, 'events'>, nodeFlags: readonly string[] = []): Promise<Contender> {
  const worker = await startWorker({ name: 'worker', nodeFlags: [...nodeFlags], env: { ...reachEnvironment({ ...reach, limit: DEFAULT_LIMIT.limit }), RATE_LIMIT_RESERVE: String(DEFAULT_LIMIT.reserve), ...env } })
  const stop = async (): Promise<void> => {
    const { code, signal } = await worker.stop()
    if (code !== 0) throw new Error(`the worker ended with ${signal ?? code}`)
  }
  return { pid: worker.pid, exited: worker.exited.then(({ code, signal }) => String(signal ?? code)), stop }
}

function worker(id: string, name: string, floor: string, env: Record<string, string>): Contestant {
  return {
    id, name, floor, batches: id === 'worker-batch',
    start: async (reach, nodeFlags) => startWorkerWith({ ...LIMIT_LIFTED, ...env }, reach, nodeFlags),
  }
}

function floor(id: string, name: string, batches: boolean, floor: string | undefined): Contestant {
  return {
    id, name, batches, floor,
    start: async ({ brokers, topic, group, url, events }) => {
      const child = fork(`${import.meta.dirname}/floors/${id}.ts`, {
        execArgv: [], env: { PATH: process.env.PATH, BROKERS: brokers.join(','), TOPIC: topic, GROUP: group, SINK: url },
      })
      const exited = once(child, 'exit').then(([code, signal]) => String(signal ?? code))
      const watch = id === 'nothing' ? watchMessages(child, events) : undefined
      await Promise.race([once(child, 'message'), exited.then((how) => { throw new Error(`${name} ended with ${how} before it was ready`) })])
      const stop = async (): Promise<void> => {
        child.kill('SIGKILL')
        await exited
      }
      return { pid: child.pid!, ...(watch && { watch }), exited, stop }
    },
  }
}

function watchMessages(child: NodeJS.EventEmitter, events: number): Watch {
  const [began, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<Progress>()]
  child.on('message', (told: 'ready' | { progress: Progress }) => {
    if (told === 'ready') return
    began.resolve()
    if (told.progress.events >= events) ended.resolve(told.progress)
  })
  return { began: began.promise, ended: ended.promise }
}
