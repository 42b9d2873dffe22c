import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { onDeath } from '../../support/kafka/guard.ts'
import type { Contender } from '../contestants.ts'

/** Runs a command to its end. @throws with the last of its output if it fails */
export async function run(command: string, args: readonly string[], { cwd, env, signal }: { cwd: string; env?: NodeJS.ProcessEnv; signal: AbortSignal }): Promise<void> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, signal, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output = (output + chunk.toString()).slice(-4_000) })
  const [code] = await once(child, 'close') as [number | null]
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)
}

export async function isThere(command: string): Promise<boolean> {
  const child = spawn(command, ['version'], { stdio: 'ignore' })
  // it rejects if there is no such command
  return once(child, 'close').then(([code]) => code === 0, () => false)
}

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
