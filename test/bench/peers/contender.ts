import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { onDeath } from '../../support/kafka/guard.ts'
import type { Contender } from '../contestants.ts'

/** A peer that runs. It ends with this process, however that ends. */
export function contenderOf(child: ChildProcess): Contender {
  if (child.pid === undefined) throw new Error('the peer did not start')
  const callOff = onDeath(['kill', '-KILL', String(child.pid)])
  const exited = once(child, 'exit').then(([code, signal]) => String(signal ?? code))
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
    callOff()
  }
  return { pid: child.pid, isSilent: true, exited, stop }
}
