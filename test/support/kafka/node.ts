import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { onDeath } from './guard.ts'
import { freePorts } from './ports.ts'
import { CLUSTER_ID, FAST_PROPS, HEAP_FLAGS } from './settings.ts'

/** What it takes to run a broker: the `java` command, the class path, and JVM flags beyond the usual. */
export interface Runtime {
  java: string
  classPath: string
  flags: string[]
}

export interface NodeOptions {
  id: number
  props: Record<string, string>
  log: (line: string) => void
}

export interface KafkaNode {
  /** host:port for clients */
  address: string
  /** Ends the process, by force after `graceMs`, and removes its data. */
  stop(graceMs?: number): Promise<void>
}

const TAIL_LINES = 30

const javaArguments = ({ classPath, flags }: Runtime): string[] => [
  // Short lives: what matters is the start, not the peak.
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  ...HEAP_FLAGS,
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  // the line by which readiness is seen
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  ...flags,
  '-cp',
  classPath,
]

const serverProperties = (directory: string, port: number, controllerPort: number, { id, props }: NodeOptions): string => {
  const all: Record<string, string> = {
    ...FAST_PROPS,
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': `${id}@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'log.dirs': path.join(directory, 'data'),
    ...props,
  }
  return Object.entries(all).map(([key, value]) => `${key}=${value}\n`).join('')
}

/**
 * Starts one Kafka process, broker and controller in one, on free ports of 127.0.0.1, and resolves when it serves. Its data
 * lies in a directory of its own under the system's temporary one. The process ends with this one, however this one ends.
 */
export const startNode = async (runtime: Runtime, options: NodeOptions): Promise<KafkaNode> => {
  const [port = 0, controllerPort = 0] = await freePorts(2)
  const directory = await mkdtemp(path.join(os.tmpdir(), 'kafka-'))
  const config = path.join(directory, 'server.properties')
  const base = javaArguments(runtime)
  const cleanUp = () => rm(directory, { recursive: true, force: true })

  try {
    await writeFile(config, serverProperties(directory, port, controllerPort, options))
    await promisify(execFile)(runtime.java, [...base, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config])
  } catch (error) {
    await cleanUp()
    throw error
  }

  // detached: Ctrl-C goes to the whole foreground group, and the tests want their broker while they wind up
  const child = spawn(runtime.java, [...base, 'kafka.Kafka', config], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  const callOff = onDeath(['sh', '-c', 'kill -KILL "$1"; sleep 1; rm -rf "$2"', 'sh', String(child.pid), directory])

  const tail: string[] = []
  const started = new Promise<boolean>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        tail.push(line)
        if (tail.length > TAIL_LINES) tail.shift()
        if (line.includes('Kafka Server started')) resolve(true)
      })
    }
    child.once('close', () => resolve(false))
  })

  let stopping = false
  const stop = async (graceMs = 10_000): Promise<void> => {
    stopping = true
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(force)
    }
    callOff()
    await cleanUp()
  }

  if (!(await started)) {
    await stop()
    throw new Error(`the broker ended before it was ready:\n${tail.join('\n')}`)
  }
  child.once('close', (code, signal) => {
    if (!stopping) options.log(`Kafka ended unexpectedly (${signal ?? `exit code ${code}`}):\n${tail.join('\n')}`)
  })
  return { address: `127.0.0.1:${port}`, stop }
}
