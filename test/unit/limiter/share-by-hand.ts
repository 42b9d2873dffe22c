// A share that a test sets, with or without telling.

import type { Demand, ShareSource } from '../../../src/limiter/share.ts'

export interface ShareByHand extends ShareSource {
  set(slots: number): void
  setSilently(slots: number): void
  /** What the limiter would say now. */
  demand: () => Demand
}

export function shareByHand(slots: number): ShareByHand {
  const listeners: (() => void)[] = []
  let owned = slots
  const share: ShareByHand = {
    name: 'set by hand',
    slots: () => owned,
    onChange: (listener) => { listeners.push(listener) },
    follow: (demand) => { share.demand = demand },
    demand: () => { throw new Error('nobody told') },
    setSilently: (to) => { owned = to },
    set: (to) => {
      owned = to
      for (const listener of listeners) listener()
    },
  }
  return share
}
