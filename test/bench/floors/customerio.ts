// Floor: a loop over customerio-node's track, its options left alone, 64 side by side.

import { TrackClient } from 'customerio-node'
import { sideBySide } from '../side-by-side.ts'
import { reader, sink, type Purchase } from './reach.ts'

const CONCURRENCY = 64
const client = new TrackClient('site', 'key', { url: `${sink}/api/v1` })

const consumer = await reader()
await consumer.run({
  eachBatch: async ({ batch, heartbeat }) => {
    await sideBySide(CONCURRENCY, batch.messages, async ({ value }) => {
      const { userId, payload } = JSON.parse(value!.toString()) as Purchase
      await client.track(userId, { name: payload.event, data: payload.properties })
    })
    await heartbeat()
  },
})
