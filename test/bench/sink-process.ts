// The sink, as the bench sees it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Arrival, Asked, Progress, SinkOptions, Told } from './sink.ts'

/** A run that is being watched. Times are of shared-clock.ts. */
export interface Watch {
  /** Resolves at the first event. */
  readonly began: Promise<void>
  /** Resolves when so many events have arrived as were expected. */
  readonly ended: Promise<Progress>
}

export interface Sink {
  /** Without a trailing slash. */
  readonly url: string
  /** Forgets what arrived, and watches for `events` more. */
  watch(events: number, options?: Partial<SinkOptions>): Promise<Watch>
  /** What has arrived since the last call of watch. */
  progress(): Progress
  /** Stamps and times of the events since the last call of watch, if it was told to keep them. */
  arrivals(): Promise<Arrival[]>
  stop(): Promise<void>
}

const NOTHING: Progress = { requests: 0, events: 0, firstAt: NaN, lastAt: NaN }

/** Run from the root of the repository. */
export async function startSink(): Promise<Sink> {
  const child = fork('test/bench/sink.ts', { execArgv: [] })
  const exited = once(child, 'exit')
  const ask = (asked: Asked): void => { child.send(asked) }
  const nextOf = async <K extends string>(key: K): Promise<Extract<Told, Record<K, unknown>>> => {
    for (;;) {
      const [told] = await once(child, 'message') as [Told]
      if (key in told) return told as Extract<Told, Record<K, unknown>>
    }
  }
  const { url } = await nextOf('url')
  let progress = NOTHING
  let onProgress = (_progress: Progress): void => {}
  child.on('message', (told: Told) => {
    if (!('progress' in told)) return
    progress = told.progress
    onProgress(progress)
  })
  return {
    url,
    watch: async (events, { latencyMs = 0, keep = false } = {}) => {
      onProgress = () => {}
      ask({ reset: { latencyMs, keep } })
      await nextOf('isReset')
      progress = NOTHING
      const [began, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<Progress>()]
      onProgress = (arrived) => {
        began.resolve()
        if (arrived.events >= events) ended.resolve(arrived)
      }
      return { began: began.promise, ended: ended.promise }
    },
    progress: () => progress,
    arrivals: async () => {
      ask({ ask: 'arrivals' })
      return (await nextOf('arrivals')).arrivals
    },
    stop: async () => {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
