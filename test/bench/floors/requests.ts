// Floor: an undici request an event, 64 side by side.

import { Agent, request } from 'undici'
import { sideBySide } from '../side-by-side.ts'
import { reader, sink, type Purchase } from './reach.ts'

const CONCURRENCY = 64
const dispatcher = new Agent({ connections: CONCURRENCY })
const headers = { authorization: `Basic ${Buffer.from('site:key').toString('base64')}`, 'content-type': 'application/json' }

const consumer = await reader()
await consumer.run({
  eachBatch: async ({ batch, heartbeat }) => {
    await sideBySide(CONCURRENCY, batch.messages, async ({ value }) => {
      const { userId, payload } = JSON.parse(value!.toString()) as Purchase
      const body = JSON.stringify({ name: payload.event, data: payload.properties })
      const answer = await request(`${sink}/api/v1/customers/${userId}/events`, { method: 'POST', headers, body, dispatcher })
      await answer.body.json()
    })
    await heartbeat()
  },
})
