// The traffic of a round: that of the shop, some of it with much data.

import { seededChoices } from '../support/random.ts'
import { generateTraffic, type TrafficItem } from '../support/traffic.ts'
import type { Plan } from './plan.ts'

/** What Customer.io takes with an event, less what the shop puts there. */
const MOST_MORE_BYTES = 90_000
const LARGE_TYPES = new Set(['track', 'page', 'screen', 'trackAnonymous'])

/** All records of the round, the backlog first. Pure. */
export function trafficOf({ seed, lengthMs, traffic: { rate, backlog, people, hot, badShare, largeShare } }: Plan): TrafficItem[] {
  const random = seededChoices(seed)
  const events = backlog + Math.round((rate * lengthMs) / 1_000)
  return generateTraffic({ events, people, hot, badShare, seed }).map((item) => (random.chance(largeShare) ? larger(item, random.below(MOST_MORE_BYTES)) : item))
}

function larger(item: TrafficItem, bytes: number): TrafficItem {
  if (item.expect !== 'delivered' || !LARGE_TYPES.has(item.type)) return item
  const envelope = JSON.parse(item.value!.toString()) as { payload: { properties: object } }
  Object.assign(envelope.payload.properties, { note: 'x'.repeat(bytes) })
  return { ...item, value: Buffer.from(JSON.stringify(envelope)) }
}
