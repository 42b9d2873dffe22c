// Floor: kafkajs into nothing. Tells the bench what the sink tells of the others.

import type { Progress } from '../sink.ts'
import { now } from '../shared-clock.ts'
import { reader } from './reach.ts'

let progress: Progress = { requests: 0, events: 0, firstAt: NaN, lastAt: NaN }

const consumer = await reader()
await consumer.run({
  eachBatch: async ({ batch }) => {
    const [at, events] = [now(), progress.events + batch.messages.length]
    progress = { requests: 0, events, firstAt: events === batch.messages.length ? at : progress.firstAt, lastAt: at }
    process.send?.({ progress })
  },
})
