// The limiter's own bench (limiter.ts), as a part of the whole: a process of its own, since it measures its own CPU.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Part } from './part.ts'

/** A row, in place of the 20 s that it takes by itself. */
const SECONDS = '5'

export const limiter: Part = async ({ program, results }) => {
  const child = spawn(process.execPath, ['test/bench/limiter.ts'], { stdio: ['ignore', 'pipe', 'inherit'], env: { SECONDS, ...process.env }, signal: program.signal })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString() })
  const [code] = await once(child, 'close') as [number | null]
  if (code !== 0) throw new Error(`the limiter's bench ended with ${code}:\n${output}`)
  results.table('limiter', 'The limiter over HTTP', output.trimEnd().split('\n'))
}
