// Floor: an undici request for 500 events, 8 side by side.

import { Agent, request } from 'undici'
import { sideBySide } from '../side-by-side.ts'
import { reader, sink, type Purchase } from './reach.ts'

const [CONCURRENCY, BATCH] = [8, 500]
const dispatcher = new Agent({ connections: CONCURRENCY })
const headers = { authorization: `Basic ${Buffer.from('site:key').toString('base64')}`, 'content-type': 'application/json' }

const consumer = await reader()
await consumer.run({
  eachBatch: async ({ batch: { messages }, heartbeat }) => {
    const slices = Array.from({ length: Math.ceil(messages.length / BATCH) }, (_, index) => messages.slice(index * BATCH, (index + 1) * BATCH))
    await sideBySide(CONCURRENCY, slices, async (slice) => {
      const batch = slice.map(({ value }) => {
        const { userId, payload } = JSON.parse(value!.toString()) as Purchase
        return { type: 'person', identifiers: { id: userId }, action: 'event', name: payload.event, attributes: payload.properties }
      })
      const answer = await request(`${sink}/api/v2/batch`, { method: 'POST', headers, body: JSON.stringify({ batch }), dispatcher })
      await answer.body.json()
    })
    await heartbeat()
  },
})
