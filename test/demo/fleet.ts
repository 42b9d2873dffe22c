// The workers of the demo: started, killed, stopped, and never lost sight of.

import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startWorker, type Exit, type WorkerProcess } from '../support/worker-process.ts'

export interface Member {
  name: string
  state: 'starting' | 'running' | 'killed' | 'stopped' | 'broken'
  process: WorkerProcess | null
  exit: Exit | null
}

export interface Fleet {
  members: readonly Member[]
  /** Starts one more worker and resolves when it is ready. Rejects, with the end of its log, if it does not get there. */
  add(): Promise<void>
  /** SIGKILL, as when a machine dies. */
  kill(member: Member): Promise<void>
  /** SIGTERM to all that run; one that has not ended within 30 s is killed, which shows as its exit. */
  stopAll(): Promise<void>
}

const stopWithinMs = 30_000

/** @param logFolder gets a file of each worker's log */
export function createFleet(env: Record<string, string>, logFolder: string): Fleet {
  const members: Member[] = []

  async function add(): Promise<void> {
    const name = `worker-${members.length + 1}`
    const member: Member = { name, state: 'starting', process: null, exit: null }
    members.push(member)
    try {
      member.process = await startWorker({ name, env: { ...env, KAFKA_CLIENT_ID: name }, logFile: join(logFolder, `${name}.log`) })
    } catch (error) {
      member.state = 'broken'
      throw error
    }
    member.state = 'running'
    void watchEnd(member, member.process)
  }

  return { members, add, kill: (member) => end(member, 'killed', 'SIGKILL'), stopAll }

  async function stopAll(): Promise<void> {
    await Promise.all(members.filter(({ state }) => state === 'running').map((member) => end(member, 'stopped', 'SIGTERM')))
  }
}

async function end(member: Member, state: 'killed' | 'stopped', signal: NodeJS.Signals): Promise<void> {
  const { process: worker } = member
  if (worker === null) return
  member.state = state
  worker.signal(signal)
  const giveUp = new AbortController()
  const late = wait(stopWithinMs, 'late' as const, { signal: giveUp.signal }).catch(() => 'called off' as const)
  const first = await Promise.race([worker.exited, late])
  giveUp.abort()
  if (first === 'late') worker.signal('SIGKILL')
  member.exit = await worker.exited
}

async function watchEnd(member: Member, worker: WorkerProcess): Promise<void> {
  const exit = await worker.exited
  member.exit = exit
  if (member.state === 'running') member.state = 'broken'
}
