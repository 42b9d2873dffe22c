import BrokerPool from 'kafkajs/src/cluster/brokerPool.js'
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js'
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
import SocketRequest from 'kafkajs/src/network/requestQueue/socketRequest.js'

/**
 * kafkajs measures spans with the wall clock. After a step back by an hour it would, for that hour, send no heartbeat and so miss every
 * rebalance, let no request time out, keep a throttle of the broker in force, and not renew its metadata; after a step forward everything in
 * flight would time out. So it keeps these instants on the monotonic clock; what it writes and reads is the wall-clock time that this is now.
 */
export function patchClock(): void {
  keepMonotonic(ConsumerGroup.prototype, 'lastRequest')
  keepMonotonic(SocketRequest.prototype, 'sentAt')
  keepMonotonic(RequestQueue.prototype, 'throttledUntil')
  keepMonotonic(BrokerPool.prototype, 'metadataExpireAt')
}

function keepMonotonic<K extends string>(prototype: { [key in K]: number | null }, name: K): void {
  const kept = new WeakMap<object, number>()
  Object.defineProperty(prototype, name, {
    configurable: true,
    get(this: object) {
      const instant = kept.get(this)
      return instant === undefined ? null : Math.round(Date.now() + instant - performance.now())
    },
    set(this: object, instant: number | null) {
      if (instant === null) kept.delete(this)
      else kept.set(this, performance.now() + instant - Date.now())
    },
  })
}
