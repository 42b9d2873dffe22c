import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { brokerProperties, clientListeners } from './broker.ts'
import type { Broker, BrokerSpec } from './broker.ts'
import { onDeath } from './guard.ts'
import { watchOutput } from './output.ts'
import { CLUSTER_ID, HEAP_FLAGS } from './settings.ts'

/** What it takes to run a broker: the `java` command, the class path, and JVM flags beyond the usual. */
export interface Runtime {
  java: string
  classPath: string
  flags: string[]
}

export interface KafkaNode extends Broker {
  /** SIGTERM, and SIGKILL after `graceMs` (10 s if not given). */
  stop(graceMs?: number): Promise<void>
  /** Ends the process by force and removes its data. */
  remove(): Promise<void>
}

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

interface Run {
  signal(signal: NodeJS.Signals): void
  ended: Promise<void>
  /** It is ended on purpose. */
  ending: boolean
}

/**
 * One Kafka process, broker and controller in one, on 127.0.0.1; formatted, not started. Its data lies in a directory of its own
 * under the system's temporary one. Process and data end with this process, however this one ends.
 */
export const createNode = async (
  runtime: Runtime,
  spec: BrokerSpec,
  controllers: { voters: string; port: number },
  log: (line: string) => void,
): Promise<KafkaNode> => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'kafka-'))
  const [config, pidFile] = [path.join(directory, 'server.properties'), path.join(directory, 'pid')]
  const callOff = onDeath(['sh', '-c', 'kill -KILL "$(cat "$1/pid")"; sleep 1; rm -rf "$1"', 'sh', directory])
  const base = javaArguments(runtime)
  let run: Run | null = null

  const end = async (signal: 'SIGKILL' | 'SIGTERM', graceMs = 10_000): Promise<void> => {
    if (!run) return
    const { ended } = run
    run.ending = true
    run.signal(signal)
    run.signal('SIGCONT') // a paused one would not see SIGTERM
    const force = setTimeout(() => run?.signal('SIGKILL'), graceMs)
    await ended
    clearTimeout(force)
  }

  const node: KafkaNode = {
    start: async () => {
      if (run) throw new Error(`broker ${spec.id} runs already`)
      // detached: Ctrl-C goes to the whole foreground group, and the tests want their broker while they wind up
      const child = spawn(runtime.java, [...base, 'kafka.Kafka', config], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
      writeFileSync(pidFile, String(child.pid))
      const ended = once(child, 'close').then(() => {
        rmSync(pidFile, { force: true })
        run = null
      })
      const current = { signal: (signal: NodeJS.Signals) => void child.kill(signal), ended, ending: false }
      const { tail, served } = watchOutput([child.stdout, child.stderr], ended)
      run = current
      if (!(await served)) throw new Error(`broker ${spec.id} ended before it was ready:\n${tail.join('\n')}`)
      void ended.then(() => {
        if (!current.ending) log(`Kafka ended unexpectedly (${child.signalCode ?? `exit code ${child.exitCode}`}):\n${tail.join('\n')}`)
      })
    },
    kill: () => end('SIGKILL'),
    stop: (graceMs) => end('SIGTERM', graceMs),
    pause: async () => run?.signal('SIGSTOP'),
    resume: async () => run?.signal('SIGCONT'),
    remove: async () => {
      await end('SIGKILL')
      callOff()
      await rm(directory, { recursive: true, force: true })
    },
  }

  const host = '127.0.0.1'
  const listeners = [
    ...clientListeners(spec, host, { direct: `${host}:${spec.directPort}`, workers: `${host}:${spec.workers?.port}` }),
    { name: 'CONTROLLER', bind: `${host}:${controllers.port}`, protocol: 'PLAINTEXT' },
  ]
  const dataDirectory = path.join(directory, 'data')
  const properties = brokerProperties(spec, { voters: controllers.voters, listeners, interBroker: 'DIRECT', dataDirectory })
  try {
    await writeFile(config, Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join(''))
    await promisify(execFile)(runtime.java, [...base, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config])
  } catch (error) {
    await node.remove()
    throw error
  }
  return node
}
