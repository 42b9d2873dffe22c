// The pods of a simulated day: they start, join, share the partitions and the budget, and leave. Each that comes or goes is a rebalance.

import type { Random } from '../support/random.ts'
import { REBALANCE_SECONDS, START_SECONDS, STEP_SECONDS, type WorkerKind } from './stage.ts'
import type { Topic } from './topic.ts'

export class Fleet {
  readonly #kind: WorkerKind
  readonly #random: Random
  /** When those that start will join. */
  #joins: number[] = []
  #members: number
  #stillUntil = 0
  rebalances = 0

  constructor(kind: WorkerKind, members: number, random: Random) {
    this.#kind = kind
    this.#members = members
    this.#random = random
  }

  /** Pods that run, joined or not. */
  get running(): number {
    return this.#members + this.#joins.length
  }

  get members(): number {
    return this.#members
  }

  /** To so many pods. The youngest go first, as a ReplicaSet does. */
  scale(replicas: number, second: number): void {
    while (this.running < replicas) this.#joins.push(second + START_SECONDS.least + this.#random.below(START_SECONDS.most - START_SECONDS.least + 1))
    while (this.running > replicas) {
      if (this.#joins.pop() === undefined) this.#change(-1, second)
    }
  }

  /**
   * One step of delivery.
   * @param stuck a partition whose first event can't be delivered
   * @param isHeld by Customer.io: nothing is accepted
   * @returns events delivered
   */
  deliver(topic: Topic, second: number, { stuck, isHeld }: { stuck: number | undefined; isHeld: boolean }): number {
    const starting = this.#joins.length
    this.#joins = this.#joins.filter((at) => at > second)
    for (let joined = this.#joins.length; joined < starting; joined += 1) this.#change(1, second)
    const seconds = STEP_SECONDS - Math.min(STEP_SECONDS, Math.max(0, this.#stillUntil - second))
    if (seconds === 0 || isHeld || this.#members === 0) return 0
    // partitions are dealt evenly; slots go to who can use them, so the budget is one
    const room = Array.from({ length: Math.min(this.#members, topic.partitions.length) }, () => this.#kind.podRate * seconds)
    const waiting = topic.partitions.reduce((sum, { records }, index) => sum + (index === stuck ? 0 : records), 0)
    const budget = this.#kind.budget * seconds
    const part = Math.min(1, budget / waiting)
    let left = budget
    const turn = (second / STEP_SECONDS) % topic.partitions.length
    for (let step = 0; step < topic.partitions.length && left > 0; step += 1) {
      const index = (turn + step) % topic.partitions.length
      const partition = topic.partitions[index]
      if (!partition || index === stuck) continue
      const pod = index % room.length
      const count = Math.min(partition.records, Math.ceil(partition.records * part), room[pod] as number, left)
      partition.deliver(count)
      room[pod] = (room[pod] as number) - count
      left -= count
    }
    return budget - left
  }

  #change(by: number, second: number): void {
    this.#members += by
    this.rebalances += 1
    this.#stillUntil = Math.max(this.#stillUntil, second) + REBALANCE_SECONDS
  }
}
