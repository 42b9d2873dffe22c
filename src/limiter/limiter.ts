import Bottleneck from 'bottleneck'
import type { MonotonicClock } from '../clock.ts'
import type { ShareSource } from './share.ts'

/** How a request ended, for the slot that it used. */
export interface SlotUse {
  /** false: no answer came, so the request may still arrive until `sentAt` + latest arrival. */
  readonly answered: boolean
  readonly sentAt: number
}

/** What a slot is for: sends one request and settles when there is a verdict. Must not reject. */
export type Send = () => Promise<SlotUse>

export interface LimiterOptions {
  readonly share: ShareSource
  /** ms in which the limit counts, margin included. */
  readonly windowMs: number
  /** ms after sending at which a request without an answer could still arrive, margin included. */
  readonly latestArrivalMs: number
  /** Most requests in flight. */
  readonly concurrency: number
  readonly clock: MonotonicClock
  /** Runs `run` no earlier than `ms` from now. */
  readonly after: (ms: number, run: () => void) => void
  readonly onDepleted?: () => void
  readonly onError?: (error: unknown) => void
}

export interface LimiterStats {
  readonly share: string
  readonly owned: number
  readonly free: number
  readonly queued: number
  readonly running: number
  readonly done: number
}

/**
 * The limit, as integer slots over Bottleneck. A slot is held from the sending of a request until one window after its response:
 *
 *   arrival2 >= send2 >= response1 + W >= arrival1 + W
 *
 * so no window of length W at the server holds two requests of one slot, whatever the latency and without a common clock. A request
 * that had no answer holds its slot until it can't arrive any more, plus W.
 *
 * Bottleneck's reservoir (without refresh) is the number of free slots, its maxConcurrent the concurrency. The ledger here has the last
 * word: Bottleneck starts a job asynchronously, and the share may have shrunk since.
 */
export class SlotLimiter {
  readonly #options: LimiterOptions
  readonly #bottleneck: Bottleneck
  /** Slots known to Bottleneck; it follows the share. */
  #capacity = 0
  #held = 0
  #unsettled = 0
  #done = 0
  #part = 1
  #idle: (() => void)[] = []

  constructor(options: LimiterOptions) {
    this.#options = options
    this.#bottleneck = new Bottleneck({ reservoir: 0, maxConcurrent: options.concurrency })
    ignoreWallClock(this.#bottleneck)
    this.#bottleneck.on('depleted', () => options.onDepleted?.())
    this.#bottleneck.on('error', (error) => options.onError?.(error))
    options.share.onChange(() => this.#follow())
  }

  /**
   * Asks for one slot. When it is there, `pick` chooses what to send at the last moment; if it has nothing any more, the slot is free again.
   * @param settled called after each use, and after each slot that was not used
   */
  take(pick: () => Send | undefined, settled: () => void): void {
    const job = async () => {
      const send = this.#held < this.usable() ? pick() : undefined
      if (send) await this.#use(send)
      else this.#giveBack()
      settled()
    }
    this.#bottleneck.schedule(job).catch((error: unknown) => this.#options.onError?.(error))
  }

  /** Uses only a part (0..1] of the owned slots from now on, at least one. To be called before slots are asked for: a fence opens and shuts the share without a word. */
  usePart(part: number): void {
    this.#part = part
    this.#follow()
  }

  /** Slots that may be held now. */
  usable(): number {
    const owned = this.#options.share.slots()
    return owned === 0 ? 0 : Math.max(1, Math.floor(owned * this.#part))
  }

  /** Attempts that were asked for and have not begun. */
  queued(): number {
    const { RECEIVED, QUEUED, RUNNING } = this.#bottleneck.counts()
    return RECEIVED + QUEUED + RUNNING
  }

  stats(): LimiterStats {
    const owned = this.#options.share.slots()
    return { share: this.#options.share.name, owned, free: Math.max(0, this.usable() - this.#held), queued: this.queued(), running: this.#bottleneck.counts().EXECUTING, done: this.#done }
  }

  /** Resolves when no request is under way that could still arrive at the server: answered, or sent longer ago than the latest arrival. */
  async quiet(): Promise<void> {
    if (this.#unsettled === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async #use(send: Send): Promise<void> {
    const { clock, after, windowMs, latestArrivalMs } = this.#options
    this.#held += 1
    this.#unsettled += 1
    const { answered, sentAt } = await send()
    this.#done += 1
    const left = answered ? 0 : Math.max(0, sentAt + latestArrivalMs - clock())
    if (left === 0) this.#settle()
    else after(left, () => this.#settle())
    after(left + windowMs, () => {
      this.#held -= 1
      this.#giveBack()
    })
  }

  #settle(): void {
    this.#unsettled -= 1
    if (this.#unsettled > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }

  #giveBack(): void {
    this.#increment(1)
    this.#follow()
  }

  #follow(): void {
    const delta = this.usable() - this.#capacity
    if (delta === 0) return
    this.#capacity += delta
    this.#increment(delta)
  }

  #increment(by: number): void {
    this.#bottleneck.incrementReservoir(by).catch((error: unknown) => this.#options.onError?.(error))
  }
}

/**
 * Bottleneck starts no job before the wall-clock time of the last start, for its minTime (not used here): a step back of the clock would
 * stop all sending for as long as the step. So that time is always 0. Bottleneck is pinned to an exact version; a unit test steps the clock.
 */
function ignoreWallClock(bottleneck: Bottleneck): void {
  const { _store: store } = bottleneck as unknown as { _store: object }
  Object.defineProperty(store, '_nextRequest', { get: () => 0, set: () => {} })
}
