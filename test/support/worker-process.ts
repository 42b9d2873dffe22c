// A worker as a process of its own, as it runs in production: settings by environment, log on stdout, stopped by signals.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

export interface WorkerOptions {
  /** Only for telling workers apart in messages. */
  name: string
  /** All that the worker's environment holds, besides PATH and HOME. */
  env: Record<string, string>
  /** Where to copy all output to; appended. */
  logFile?: string
  /** Gives up, and kills the worker, when it is not ready after this long. Default 30 s. */
  readyWithinMs?: number
}

export type LogLine = Record<string, unknown> & { msg?: string }

export interface WorkerProcess {
  name: string
  pid: number
  /** Of /metrics, /healthz, /readyz and /startupz. */
  port: number
  /** The text of /metrics. */
  metrics(): Promise<string>
  /** The last 200 log lines, oldest first; a line that is no JSON is {msg}. */
  logs: readonly LogLine[]
  signal(signal: NodeJS.Signals): void
  exited: Promise<Exit>
  /** SIGTERM, then waits for the end. */
  stop(): Promise<Exit>
  /** SIGKILL, then waits for the end. */
  kill(): Promise<Exit>
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

const logLinesKept = 200
const pollMs = 50
const answerWithinMs = 2_000
const children = new Set<ChildProcess>()

// Also ends a worker that is stopped (SIGSTOP), which would not see its stdin close.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/**
 * Starts src/main.ts and resolves once /readyz answers 200; run from the root of the repository.
 * Rejects with the last of its log if it ends before that, or is not ready in time (then it is killed).
 */
export async function startWorker({ name, env, logFile, readyWithinMs = 30_000 }: WorkerOptions): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ['--enable-source-maps', '--import', './test/support/end-with-parent.ts', 'src/main.ts'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.add(child)
  // 'close' and not 'exit': by then the whole of the log has been read.
  const exited = once(child, 'close').then(([code, signal]): Exit => {
    children.delete(child)
    return { code, signal }
  })
  const logs: LogLine[] = []
  const port = collectLogs(child, logs, logFile)
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exited
  }

  try {
    await beforeReady(isReady(port), exited, readyWithinMs)
  } catch (error) {
    await end('SIGKILL')
    const tail = logs.slice(-20).map((line) => JSON.stringify(line))
    throw new Error(`${name} ${(error as Error).message}\n${tail.join('\n')}`, { cause: error })
  }
  const url = `http://127.0.0.1:${await port}`
  return {
    name,
    pid: child.pid!,
    port: await port,
    metrics: async () => (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(answerWithinMs) })).text(),
    logs,
    signal: (signal) => void child.kill(signal),
    exited,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

/** Fills `logs`, dropping the oldest. Resolves with the port that the worker says it listens on. */
function collectLogs(child: ChildProcess, logs: LogLine[], logFile: string | undefined): Promise<number> {
  const file = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' })
  child.once('close', () => file?.end())
  const { promise, resolve } = Promise.withResolvers<number>()
  for (const output of [child.stdout!, child.stderr!]) {
    createInterface({ input: output }).on('line', (text) => {
      file?.write(`${text}\n`)
      const line = parseLine(text)
      logs.push(line)
      if (logs.length > logLinesKept) logs.shift()
      if (line.msg === 'http listening') resolve(Number(line.port))
    })
  }
  return promise
}

function parseLine(text: string): LogLine {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line === 'object' && line !== null) return line as LogLine
  } catch {
    // Node's own warnings and crash reports are plain text.
  }
  return { msg: text }
}

/** Resolves with `ready`; rejects if the worker ends first, or takes too long. */
async function beforeReady(ready: AsyncPoll, exited: Promise<Exit>, withinMs: number): Promise<void> {
  const over = new AbortController()
  const tooLate = wait(withinMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`was not ready within ${withinMs} ms`)
  })
  const ended = exited.then(({ code, signal }) => {
    throw new Error(`ended (${signal ?? code}) before it was ready`)
  })
  try {
    await Promise.race([ready(over.signal), ended, tooLate])
  } finally {
    over.abort()
  }
}

type AsyncPoll = (signal: AbortSignal) => Promise<void>

/** Asks /readyz until it answers 200, or until the signal. */
function isReady(port: Promise<number>): AsyncPoll {
  return async (signal) => {
    const url = `http://127.0.0.1:${await port}/readyz`
    while (!signal.aborted) {
      const response = await fetch(url, { signal }).catch(() => undefined)
      await response?.text()
      if (response?.ok) return
      await wait(pollMs)
    }
  }
}
