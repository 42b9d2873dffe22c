import Bottleneck from 'bottleneck'

/**
 * Bottleneck with a reservoir (without refresh) of `capacity` less what was started and not given back. A group of requests is one job with their
 * number as its weight.
 */
export class Reservoir {
  readonly #bottleneck: Bottleneck
  readonly #onError: (error: unknown) => void
  #capacity = 0
  /** What the reservoir has to be changed by: told once for all before a group is started, since each change costs Bottleneck some timers. */
  #change = 0

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
    // without maxConcurrent, which would bound it once more
    this.#bottleneck = new Bottleneck({ reservoir: 0 })
    ignoreWallClock(this.#bottleneck)
    this.#bottleneck.on('error', onError)
  }

  resize(capacity: number): void {
    this.#change += capacity - this.#capacity
    this.#capacity = capacity
  }

  giveBack(count: number): void {
    this.#change += count
  }

  /** Runs `begin` some ms from now, if the reservoir holds `weight` by then: it does, unless the caller starts more than `capacity`. */
  start(weight: number, begin: () => void): void {
    if (this.#change !== 0) {
      this.#bottleneck.incrementReservoir(this.#change).catch(this.#onError)
      this.#change = 0
    }
    this.#bottleneck.schedule({ weight }, async () => begin()).catch(this.#onError)
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
