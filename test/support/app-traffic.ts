// Seeded traffic for the App API: what the online shop sends to its customers one by one, and a broadcast now and then.

import { randomUlid, seededChoices, type Random } from './random.ts'
import { customerId, type Payload } from './shop.ts'
import type { TrafficItem } from './traffic.ts'

export interface AppTrafficOptions {
  /** How many transactional messages. */
  sends: number
  /** How many broadcasts among them. Customer.io takes one in ten seconds. */
  broadcasts?: number
  /** How many people get them. */
  people: number
  seed: number
}

/** @returns records in the order in which they are to be published; the marker of each is in its message_data, or in the data of its broadcast */
export function generateAppTraffic({ sends, broadcasts = 0, people, seed }: AppTrafficOptions): TrafficItem[] {
  const random = seededChoices(seed)
  const sometimes = Math.ceil((sends + broadcasts) / Math.max(1, broadcasts))
  return Array.from({ length: sends + broadcasts }, (_, index) => {
    const marker = `a-${seed}-${index}`
    const isBroadcast = index % sometimes === sometimes - 1 && Math.floor(index / sometimes) < broadcasts
    return isBroadcast ? broadcastOf(random, marker) : sendOf(random, customerId(random.below(people)), marker)
  })
}

function sendOf(random: Random, userId: string, marker: string): TrafficItem {
  const message_data = { order: `ord_${random.below(1e6)}`, total: random.below(9_000) / 100, _marker: marker }
  const template = random.pick<string | number>([3, 7, 'order_shipped'])
  const [type, payload] = random.pick<() => [string, Payload]>([
    () => ['email', { to: `${random.below(1e6)}@example.com`, transactional_message_id: template, message_data }],
    () => ['email', { to: 'zoë@example.com', subject: 'Your order', body: '<p>On its way.</p>', from: 'shop@example.com', identifiers: { email: 'zoë@example.com' }, message_data }],
    () => ['push', { transactional_message_id: template, title: 'On its way', custom_device: { token: `${userId}-device-0` }, message_data }],
    () => ['sms', { transactional_message_id: template, to: '+15551234567', message_data }],
    () => ['inApp', { transactional_message_id: template, message_data }],
  ])()
  return itemOf({ type, userId, payload, ...(random.chance(0.5) && { id: randomUlid(random, Date.UTC(2026, 0, 5, 9)) }) }, userId, marker)
}

function broadcastOf(random: Random, marker: string): TrafficItem {
  const recipients = random.pick<Payload>([{ segment: { id: 4 } }, { ids: ['cus_100001', 'cus_100002'], id_ignore_missing: true }, { emails: ['zoë@example.com'] }])
  return itemOf({ type: 'broadcast', payload: { broadcastId: 12, data: { headline: 'Fresh tea', _marker: marker }, recipients } }, 'broadcasts', marker)
}

function itemOf(envelope: { type: string; id?: string } & Record<string, unknown>, lane: string, marker: string): TrafficItem {
  return {
    marker, key: Buffer.from(lane), value: Buffer.from(JSON.stringify(envelope)), headers: { marker }, person: lane, type: envelope.type,
    eventId: envelope.id ?? null, expect: 'delivered', hasBody: true,
  }
}
