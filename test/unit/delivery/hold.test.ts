import * as fc from 'fast-check'
import { holdOf, HOLDS, type Hold, type HoldView } from '../../../src/delivery/hold.ts'

/** Sends at full tilt, with nothing in its way. */
const free: HoldView = {
  stopping: false, joined: true, partitions: 3, fenced: false, usableSlots: 10, freeSlots: 5, breaker: 'closed', gateClosed: false,
  inFlight: 2, concurrency: 10, ready: 4, waiting: 1, heldUp: 0, writing: 0, pending: 20,
}
const nothingToSend = { ...free, ready: 0, inFlight: 0 }

test.each<[Hold, HoldView]>([
  ['sending', free],
  ['stopping', { ...free, stopping: true }],
  ['not_joined', { ...free, joined: false, partitions: undefined }],
  ['rebalancing', { ...free, partitions: undefined }],
  ['no_partitions', { ...free, partitions: 0 }],
  ['fenced', { ...free, fenced: true }],
  ['no_slots', { ...free, usableSlots: 0, freeSlots: 0 }],
  ['credentials_refused', { ...free, breaker: 'refused' }],
  ['breaker_open', { ...free, breaker: 'open' }],
  ['breaker_half_open', { ...free, breaker: 'half-open' }],
  ['gate_closed', { ...free, gateClosed: true }],
  ['concurrency', { ...free, inFlight: 10 }],
  ['slots_in_use', { ...free, freeSlots: 0 }],
  ['sending', { ...free, ready: 0, freeSlots: 0, inFlight: 10 }],
  ['backoff', { ...nothingToSend, heldUp: 1 }],
  ['dead_letter_topic', { ...nothingToSend, waiting: 0, heldUp: 1, writing: 1 }],
  ['sending', { ...nothingToSend, waiting: 0, writing: 1 }],
  ['commit', { ...nothingToSend, waiting: 0 }],
  ['idle', { ...nothingToSend, waiting: 0, pending: 0 }],
])('%s', (hold, view) => {
  expect(holdOf(view)).toBe(hold)
})

test('of several stops the first in the list is told', () => {
  const stops: [Hold, Partial<HoldView>][] = [
    ['stopping', { stopping: true }], ['not_joined', { joined: false }], ['rebalancing', { partitions: undefined }], ['fenced', { fenced: true }],
    ['no_slots', { usableSlots: 0 }], ['breaker_open', { breaker: 'open' }], ['gate_closed', { gateClosed: true }], ['concurrency', { inFlight: 10 }], ['slots_in_use', { freeSlots: 0 }],
  ]
  fc.assert(fc.property(fc.subarray(stops, { minLength: 1 }), (some) => {
    const view = Object.assign({ ...free }, ...some.map(([, part]) => part)) as HoldView
    expect(holdOf(view)).toBe(HOLDS.find((hold) => some.some(([each]) => each === hold)))
  }))
})
