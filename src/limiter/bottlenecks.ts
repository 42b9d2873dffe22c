import Bottleneck from 'bottleneck'

/** One of them, and what its reservoir is once it has done all that it was told: it does so asynchronously. */
interface Shard {
  readonly bottleneck: Bottleneck
  free: number
  /** The free ones, and one for each job that has not given its own back. */
  capacity: number
}

/**
 * Jobs a second. One Bottleneck alone starts some 420 at most: each start waits for timers of a millisecond, one after the other. Beside
 * real requests it is 300, and slots come back in bursts: at 250 a tenth of a limit of 1,000 was not used, at 125 nearly all of it is
 * (test/bench/limiter.ts). Eight are enough for more than one process has CPU for.
 */
const PER_BOTTLENECK = 125
const MOST_BOTTLENECKS = 8

/** How many it takes to start so many jobs a second. */
export function bottlenecksFor(perSecond: number): number {
  return Math.min(MOST_BOTTLENECKS, Math.max(1, Math.ceil(perSecond / PER_BOTTLENECK)))
}

/**
 * Several Bottlenecks as one: their reservoirs (without refresh) add up to `capacity`, spread evenly. No job
 * waits at one for what another has:
 *
 * - A job goes to the one with the most free. The caller sees to it that fewer jobs than `capacity` have not given back, so there is one.
 * - What a job was promised is there when it starts. A capacity that shrinks takes what is free, and the rest as it comes back.
 */
export class Bottlenecks {
  readonly #shards: readonly Shard[]
  readonly #onError: (error: unknown) => void
  #capacity = 0

  /** @param mostPerSecond jobs a second that may have to be started, at most */
  constructor({ mostPerSecond, onError }: { mostPerSecond: number; onError: (error: unknown) => void }) {
    this.#onError = onError
    this.#shards = Array.from({ length: bottlenecksFor(mostPerSecond) }, () => ({ bottleneck: this.#make(), free: 0, capacity: 0 }))
  }

  /** Jobs that may have begun and not given back, from now on. */
  resize(capacity: number): void {
    if (capacity === this.#capacity) return
    this.#capacity = capacity
    this.#spread()
  }

  /**
   * Starts `job` some ms from now. It must call `giveBack` once, then or later. What it rejects with is told to `onError`.
   * To be called only while fewer than `capacity` have not given back.
   */
  run(job: (giveBack: () => void) => Promise<void>): void {
    const shard = this.#shards.reduce((freest, other) => (other.free > freest.free ? other : freest))
    shard.free -= 1
    const giveBack = (): void => {
      shard.free += 1
      this.#increment(shard, 1)
      this.#spread()
    }
    shard.bottleneck.schedule(async () => job(giveBack)).catch(this.#onError)
  }

  #spread(): void {
    for (const [index, shard] of this.#shards.entries()) {
      const due = Math.ceil((this.#capacity - index) / this.#shards.length)
      const change = Math.max(due - shard.capacity, Math.min(0, -shard.free))
      if (change === 0) continue
      shard.capacity += change
      shard.free += change
      this.#increment(shard, change)
    }
  }

  #increment({ bottleneck }: Shard, by: number): void {
    bottleneck.incrementReservoir(by).catch(this.#onError)
  }

  #make(): Bottleneck {
    // without maxConcurrent, which would bound each of them for itself
    const bottleneck = new Bottleneck({ reservoir: 0 })
    ignoreWallClock(bottleneck)
    bottleneck.on('error', this.#onError)
    return bottleneck
  }
}

/**
 * Bottleneck starts no job before the wall-clock time of the last start, for its minTime (not used here): a step back of the clock would
 * stop all sending for as long as the step. So that time is always 0. Bottleneck is pinned to an exact version; a test steps the clock.
 */
function ignoreWallClock(bottleneck: Bottleneck): void {
  const { _store: store } = bottleneck as unknown as { _store: object }
  Object.defineProperty(store, '_nextRequest', { get: () => 0, set: () => {} })
}
