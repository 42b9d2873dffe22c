import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const TAIL_LINES = 30

/** Reads a broker's output: its last lines, and whether it came so far as to serve before `ended`. */
export const watchOutput = (streams: Readable[], ended: Promise<unknown>): { tail: string[]; served: Promise<boolean> } => {
  const tail: string[] = []
  const served = new Promise<boolean>((resolve) => {
    for (const stream of streams) {
      createInterface({ input: stream }).on('line', (line) => {
        tail.push(line)
        if (tail.length > TAIL_LINES) tail.shift()
        if (line.includes('Kafka Server started')) resolve(true)
      })
    }
    void ended.then(() => resolve(false))
  })
  return { tail, served }
}
