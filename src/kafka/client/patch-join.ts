import kafkajs from 'kafkajs'
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js'
import { setTimeout as wait } from 'node:timers/promises'

/** Longest wait for the broker to let a member go. */
const LEAVE_MS = 2_000

/**
 * kafkajs fetches from each broker in a loop of its own, and each loop joins the group again by itself when it meets new partitions or a
 * moved leader: with several brokers the joins run side by side, and one gives up what another has just been assigned. One join at a time.
 *
 * And after a join that failed for good it goes on fetching with the assignment that was given up, heartbeats and all, so nobody else gets
 * the partitions either. Such a failure crashes the consumer, which then leaves the group and begins anew.
 *
 * Nor does it leave the group when its first join fails half-way: the group would wait for a member that is no more, until its session is over.
 */
export function patchJoin(): void {
  const prototype = ConsumerGroup.prototype
  const original = prototype.joinAndSync
  const joining = new WeakMap<object, Promise<void>>()
  prototype.joinAndSync = async function patched(this: typeof prototype) {
    const present = joining.get(this)
    if (present) return present
    const join = original.call(this)
      .catch(async (error: Error) => {
        await Promise.race([this.leave().catch(() => {}), wait(LEAVE_MS, undefined, { ref: false })])
        throw Object.assign(new kafkajs.KafkaJSNonRetriableError(error), { cause: error })
      })
      .finally(() => joining.delete(this))
    joining.set(this, join)
    return join
  }
}
