// One way of calling, alone in its process. Forked by client.ts with the way's number, the sink's URL and how long to measure, ms.

import { CONCURRENCY, WAYS } from './client-ways.ts'

/** What it tells. */
export interface ClientFigures {
  /** User and system seconds for 1,000 events. */
  readonly cpuPerThousand: number
  readonly eventsPerSecond: number
}

/** Not counted: connections are made, code is compiled. */
const WARM_UP_MS = 1_000
const PEOPLE = 1_000

const [, , number, sink = '', measureMs] = process.argv
const way = WAYS[Number(number)]!
const send = way.open(sink)

/** So many calls side by side, again and again. @returns how many there were */
async function callFor(ms: number): Promise<number> {
  const until = performance.now() + ms
  let calls = 0
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (performance.now() < until) {
      calls += 1
      await send(`user-${10_000 + calls % PEOPLE}`)
    }
  }))
  return calls
}

await callFor(WARM_UP_MS)
const [began, cpu] = [performance.now(), process.cpuUsage()]
const events = await callFor(Number(measureMs)) * way.events
const { user, system } = process.cpuUsage(cpu)
const figures: ClientFigures = { cpuPerThousand: (user + system) / 1_000 / events, eventsPerSecond: events * 1_000 / (performance.now() - began) }
process.send?.(figures, () => process.exit(0))
