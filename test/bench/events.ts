// The events of the bench: purchases of some 250 bytes, in the form that producers use.

import { decodeEvent, type CustomerEvent } from '../../src/event.ts'
import { seededChoices } from '../support/random.ts'

export const PEOPLE = 10_000

/** What is published: see publish.ts. */
export interface BenchRecord {
  readonly key: Buffer
  readonly value: Buffer
  readonly headers: Record<string, string>
}

/** Purchases by so many people, in random order. One at a time, so that a million need no memory. */
export function* purchases(events: number, people = PEOPLE): Generator<BenchRecord> {
  const random = seededChoices(1)
  for (let index = 0; index < events; index += 1) yield purchase(`user-${10_000 + random.below(people)}`, index)
}

/** @param extra more properties */
export function purchase(userId: string, index: number, extra: Record<string, unknown> = {}): BenchRecord {
  const properties = {
    orderId: `order-${100_000 + index}`, product: 'Espresso machine, stainless steel', sku: `sku-${1_000 + index % 977}`, price: 100 + index % 900,
    currency: 'EUR', quantity: 1 + index % 3, coupon: null, channel: 'web', ...extra,
  }
  const value = JSON.stringify({ type: 'track', userId, payload: { event: 'purchase', properties } })
  return { key: Buffer.from(userId), value: Buffer.from(value), headers: {} }
}

/** As the worker has read it. */
export function decodedPurchase(userId: string): CustomerEvent {
  const { key, value } = purchase(userId, 1)
  const event = decodeEvent({ topic: 't', partition: 0, offset: 0, timestamp: 1_767_603_600_000, key, value }, undefined, 'bench')
  if (event.kind !== 'event') throw new Error(event.message)
  return event
}
