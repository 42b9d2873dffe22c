// Preloaded into every worker that a test starts. It ends the worker with its parent, and does to it from within what can't be done from
// outside: block its event loop, step its clock, throw in it, kill it at a given stage of an event's way. Unless told so it changes nothing.

import { subscribe } from 'node:diagnostics_channel'
import { createInterface } from 'node:readline'
import Broker from 'kafkajs/src/broker/index.js'
import type { Command, KillStage } from './inside-commands.ts'

const METHODS = { fetch: 'fetch', commit: 'offsetCommit', letter: 'produce', join: 'joinGroup', sync: 'syncGroup', leave: 'leaveGroup' } as const

// When the test's process is gone, however it went, the pipe at stdin closes. Without this a killed test run would leave workers that go on consuming.
process.stdin.once('close', die)
createInterface({ input: process.stdin }).on('line', (line) => obey(JSON.parse(line) as Command))
// It must not keep a worker alive that has finished.
process.stdin.unref()

const [stage, nth] = process.env.TEST_KILL_AT?.split(':') ?? []
if (stage !== undefined) dieAt(stage as KillStage, Number(nth))

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function obey(command: Command): void {
  if ('stepClock' in command) {
    stepClock(command.stepClock)
    return
  }
  if ('raise' in command) throw new Error(command.raise)
  const until = performance.now() + command.block
  while (performance.now() < until);
}

/** Date goes on `ms` later (or earlier), as when an operator or NTP steps the clock; monotonic clocks and timers know nothing of it. */
function stepClock(ms: number): void {
  const now = Date.now
  Date.now = () => now() + ms
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length > 0 ? args : [Date.now()], newTarget) as Date,
  })
}

function dieAt(stage: KillStage, nth: number): void {
  let left = nth
  const reached = () => {
    left -= 1
    if (left <= 0) die()
  }
  if (stage === 'sent') subscribe('undici:request:bodySent', reached)
  else if (stage === 'answered') subscribe('undici:request:headers', reached)
  else {
    const [when, what] = stage.split(' ') as ['before' | 'after', keyof typeof METHODS]
    const original = Broker.prototype[METHODS[what]]
    Broker.prototype[METHODS[what]] = async function killed(...args) {
      if (when === 'before') reached()
      const answer = await original.apply(this, args)
      if (when === 'after') reached()
      return answer
    }
  }
}
