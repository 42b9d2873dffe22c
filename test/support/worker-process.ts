// A worker as a process of its own, as it runs in production: settings by environment, log on stdout, stopped by signals.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from './inside-commands.ts'
import { isPrivate } from './private-data.ts'

export interface WorkerOptions {
  /** Only for telling workers apart in messages. */
  name: string
  /** All that the worker's environment holds, besides PATH and HOME. */
  env: Record<string, string>
  /** Where to copy all output to; appended. */
  logFile?: string
  /** Gives up, and kills the worker, when it is not ready after this long. Default 30 s. */
  readyWithinMs?: number
  /** Options of Node. */
  nodeFlags?: string[]
  /** File descriptor that stdout and stderr go to: nothing is known of the log then, and `env` must give HTTP_PORT. */
  output?: number
  /** SIGKILL this long after it listens, when it is about to join the group. */
  killAfterMs?: number
}

export type LogLine = Record<string, unknown> & { msg?: string }

export interface WorkerProcess {
  name: string
  pid: number
  /** Of /metrics, /healthz, /readyz and /startupz. */
  port: number
  /** The text of /metrics. */
  metrics(): Promise<string>
  /** What /readyz?verbose says. */
  state(): Promise<Record<string, unknown>>
  /** The last 2,000 log lines, oldest first; a line that is no JSON is {msg}. */
  logs: readonly LogLine[]
  /** Lines of all output, and of what /metrics answered, that hold personal data of the generated traffic or a secret of the worker's environment. */
  leaks: readonly string[]
  /** Has something done to it from within. */
  tell(command: Command): void
  signal(signal: NodeJS.Signals): void
  /** Nobody reads its stdout and stderr any more, as when the collector of logs died. */
  closeOutput(): void
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

/** Of `npm start`, so that what is tested is what runs. */
const startFlags = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }).scripts.start.split(' ').filter((word) => word.startsWith('--'))
const logLinesKept = 2_000
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
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  const { name, readyWithinMs = 30_000 } = options
  const { child, logs, leaks, port, exited, end } = spawnWorker(options)
  try {
    await beforeReady(isReady(port), exited, readyWithinMs)
  } catch (error) {
    await end('SIGKILL')
    const tail = logs.slice(-20).map((line) => JSON.stringify(line))
    throw new Error(`${name} ${(error as Error).message}\n${tail.join('\n')}`, { cause: error })
  }
  const url = `http://127.0.0.1:${await port}`
  const ask = async (path: string) => {
    const text = await (await fetch(url + path, { signal: AbortSignal.timeout(answerWithinMs) })).text()
    leaks.push(...text.split('\n').filter((line) => isPrivate(line, options.env)))
    return text
  }
  return {
    name,
    pid: child.pid!,
    port: await port,
    metrics: async () => ask('/metrics'),
    state: async () => JSON.parse(await ask('/readyz?verbose')) as Record<string, unknown>,
    logs,
    leaks,
    tell: (command) => void child.stdin!.write(`${JSON.stringify(command)}\n`),
    signal: (signal) => void child.kill(signal),
    closeOutput: () => [child.stdout, child.stderr].forEach((output) => output?.destroy()),
    exited,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

/** One that is to end by itself: ready or not, resolves with its end and its last 2,000 log lines. */
export async function runWorker(options: WorkerOptions): Promise<Exit & { logs: readonly LogLine[]; leaks: readonly string[] }> {
  const { logs, leaks, exited } = spawnWorker(options)
  return { ...(await exited), logs, leaks }
}

function spawnWorker({ env, logFile, nodeFlags = [], output, killAfterMs }: WorkerOptions) {
  const child = spawn(process.execPath, [...startFlags, ...nodeFlags, '--import', './test/support/inside-worker.ts', 'src/main.ts'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['pipe', output ?? 'pipe', output ?? 'pipe'],
  })
  children.add(child)
  // 'close' and not 'exit': by then the whole of the log has been read.
  const exited = once(child, 'close').then(([code, signal]): Exit => {
    children.delete(child)
    return { code, signal }
  })
  const logs: LogLine[] = []
  const leaks: string[] = []
  const onLine = (line: string) => { if (isPrivate(line, env)) leaks.push(line) }
  const port = output === undefined ? collectLogs(child, logs, logFile, onLine) : Promise.resolve(Number(env.HTTP_PORT))
  if (killAfterMs !== undefined) void port.then(async () => wait(killAfterMs, undefined, { ref: false })).then(() => child.kill('SIGKILL'))
  child.stdin!.on('error', () => {}) // it is gone already
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    // one that is stopped (SIGSTOP) takes no other signal
    if (signal !== 'SIGKILL') child.kill('SIGCONT')
    return exited
  }
  return { child, logs, leaks, port, exited, end }
}

/** Fills `logs`, dropping the oldest. Resolves with the port that the worker says it listens on. */
function collectLogs(child: ChildProcess, logs: LogLine[], logFile: string | undefined, onLine: (line: string) => void): Promise<number> {
  const file = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' })
  child.once('close', () => file?.end())
  const { promise, resolve } = Promise.withResolvers<number>()
  for (const output of [child.stdout!, child.stderr!]) {
    createInterface({ input: output }).on('line', (text) => {
      file?.write(`${text}\n`)
      onLine(text)
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
