import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

const TAIL_LINES = 15
const LOOK_EVERY_MS = 100

export interface Service {
  /** Resolves when it serves. Rejects with its last lines if it ends before. */
  start(): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Resolves when it has ended. After SIGTERM it has 10 s. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

/**
 * A process that serves, with its id in `<name>.pid` of `directory`, for a guard to end it.
 * @param serves asked again and again until it is true
 */
export const createService = (
  { name, command, args, directory, serves, log }:
  { name: string; command: string; args: string[]; directory: string; serves: () => Promise<boolean>; log: (line: string) => void },
): Service => {
  const pidFile = path.join(directory, `${name}.pid`)
  let run: { signal: (signal: NodeJS.Signals) => void; ended: Promise<unknown>; ending: boolean } | undefined

  return {
    start: async () => {
      if (run) throw new Error(`${name} runs already`)
      // detached: Ctrl-C goes to the whole foreground group, and the tests want it while they wind up
      const child = spawn(command, args, { cwd: directory, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
      writeFileSync(pidFile, `${child.pid}\n`) // a line: the guard reads those of all services at once
      const tail: string[] = []
      createInterface({ input: child.stderr }).on('line', (line) => {
        tail.push(line)
        if (tail.length > TAIL_LINES) tail.shift()
      })
      const current = { signal: (signal: NodeJS.Signals) => void child.kill(signal), ended: once(child, 'close'), ending: false }
      run = current
      void current.ended.then(() => {
        rmSync(pidFile, { force: true })
        run = undefined
        if (!current.ending) log(`${name} ended (${child.signalCode ?? `exit code ${child.exitCode}`}):\n${tail.join('\n')}`)
      })
      while (!(await serves())) {
        if (run !== current) throw new Error(`${name} ended before it served:\n${tail.join('\n')}`)
        await wait(LOOK_EVERY_MS)
      }
    },
    signal: (signal) => run?.signal(signal),
    end: async (signal) => {
      if (!run) return
      const current = run
      current.ending = true
      current.signal(signal)
      current.signal('SIGCONT') // a paused one would not see SIGTERM
      const force = setTimeout(() => current.signal('SIGKILL'), 10_000)
      await current.ended
      clearTimeout(force)
    },
  }
}
