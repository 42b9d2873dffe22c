// The topic of a simulated day: what comes into each partition, second by second, and what waits there, oldest first.

import type { Random } from '../support/random.ts'
import { PARTITIONS, STEP_SECONDS, type WorkerKind } from './stage.ts'

const HOUR = 3_600

/** Part of the day's mean at a second of the day: little at night, most at noon and in the evening. The mean over a day is 1. */
export function curveAt(second: number): number {
  const turn = (second / (24 * HOUR)) * 2 * Math.PI
  return 1 - 0.6 * Math.cos(turn - 0.35) - 0.25 * Math.cos(2 * turn - 1.2)
}

interface Waiting { readonly at: number; count: number }

class Partition {
  /** Offsets, as Kafka would tell them. */
  end = 0
  committed = 0
  readonly #waiting: Waiting[] = []
  #first = 0

  get records(): number {
    return this.end - this.committed
  }

  /** When the oldest record that waits came; undefined if none does. */
  get oldest(): number | undefined {
    return this.#waiting[this.#first]?.at
  }

  publish(count: number, at: number): void {
    if (count === 0) return
    this.end += count
    this.#waiting.push({ at, count })
  }

  deliver(count: number): void {
    this.committed += count
    for (let left = count; left > 0;) {
      const oldest = this.#waiting[this.#first] as Waiting
      const taken = Math.min(left, oldest.count)
      oldest.count -= taken
      left -= taken
      if (oldest.count === 0) this.#first += 1
    }
    if (this.#first > 10_000) this.#waiting.splice(0, this.#first)
    if (this.#first > 10_000) this.#first = 0
  }
}

export class Topic {
  readonly partitions = Array.from({ length: PARTITIONS }, () => new Partition())
  readonly #random: Random
  readonly #kind: WorkerKind
  /** People are not spread evenly. */
  readonly #weights: number[]
  #noise = 1

  constructor(kind: WorkerKind, random: Random) {
    this.#kind = kind
    this.#random = random
    const raw = this.partitions.map(() => 0.8 + 0.4 * random.next())
    const all = raw.reduce((sum, weight) => sum + weight, 0)
    this.#weights = raw.map((weight) => weight / all)
  }

  get records(): number {
    return this.partitions.reduce((sum, { records }) => sum + records, 0)
  }

  /** What comes in one step. */
  publish(second: number): void {
    const { mean, campaign } = this.#kind
    if (second % 60 === 0) this.#noise = 0.8 + 0.4 * this.#random.next()
    const ofCampaign = second >= campaign.at && second < campaign.at + campaign.seconds ? campaign.events / campaign.seconds : 0
    const expected = (mean * curveAt(second) * this.#noise + ofCampaign) * STEP_SECONDS
    for (const [index, partition] of this.partitions.entries()) {
      const exact = expected * (this.#weights[index] as number)
      partition.publish(Math.floor(exact) + (this.#random.next() < exact % 1 ? 1 : 0), second)
    }
  }
}
