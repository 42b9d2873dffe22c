import type { Standing } from './partitions.ts'

/**
 * Least time between two deals, ms. A deal costs every member a drain, the wait for the last one to join (who hears of it within a
 * heartbeat interval), and one window without sending: some 4 s by default at most. So asking takes a seventh of the throughput at most.
 */
const INTERVAL_MS = 30_000
/** Longest time between two deals while new ones bring nothing, ms: the others need their slots themselves, and that may last for hours. */
const LONGEST_INTERVAL_MS = 600_000
/** ms without interruption that a cause must last: a burst that is over sooner is not worth a deal. */
const PATIENCE_MS = 5_000

/**
 * Decides when a member asks its group for a new deal of one API's limit. Pure; monotonic ms. It asks for one of two causes:
 * - It is short: all its slots are in use, and more is waiting.
 * - Its reading of the limit has risen since the last deal. Once only: if the deal after it is still of a lower limit, another member reads
 *   that one, and asks by itself when it reads more.
 *
 * It does not ask where nothing can be had: with the whole limit already (so it never asks alone), or without a deal. Whenever a deal
 * comes, whoever asked, while this member is short, and gives it no more than before, the time to the next asking doubles; one that gives
 * more resets it.
 *
 * What that costs a member that was idle and gave its slots away: when its events come again it has a quarter of its even part at once. The
 * rest it has after the patience, or what is left of the interval if that is longer (30 s at most by default; more, if it was short in vain
 * lately), and a rebalance.
 */
export class Redeal {
  readonly #intervalMs: number
  readonly #patienceMs: number
  #wait: number
  #askedAt = -Infinity
  /** The deal that was seen last, and what the limit was then. */
  #deal = { since: -Infinity, slots: 0, limit: Infinity }
  #shortSince: number | undefined
  #risenSince: number | undefined

  /** @param intervalMs least time between two deals @param patienceMs how long a cause must last */
  constructor({ intervalMs = INTERVAL_MS, patienceMs = PATIENCE_MS }: { intervalMs?: number; patienceMs?: number } = {}) {
    this.#intervalMs = intervalMs
    this.#patienceMs = patienceMs
    this.#wait = intervalMs
  }

  /**
   * To be called some times a second.
   * @param standing undefined while nothing can be told: then nothing is concluded
   * @returns whether to ask for a new deal now
   */
  look(now: number, standing: Standing | undefined): boolean {
    if (!standing) return false
    const { slots, limit, wanted, since } = standing
    if (since !== this.#deal.since) this.#seeDeal(standing)
    this.#deal.slots = slots
    this.#shortSince = wanted === Infinity ? this.#shortSince ?? now : undefined
    this.#risenSince = limit > this.#deal.limit ? this.#risenSince ?? now : undefined
    const hasLasted = [this.#shortSince, this.#risenSince].some((from) => from !== undefined && now - from >= this.#patienceMs)
    if (!hasLasted || slots >= limit || now - Math.max(since, this.#askedAt) < this.#wait) return false
    this.#askedAt = now
    return true
  }

  #seeDeal({ since, slots, limit }: Standing): void {
    if (slots > this.#deal.slots) this.#wait = this.#intervalMs
    // workers that start or stop one after the other are one deal in vain, not five
    else if (this.#shortSince !== undefined && since - this.#deal.since >= this.#intervalMs) {
      this.#wait = Math.min(2 * this.#wait, LONGEST_INTERVAL_MS)
    }
    this.#deal = { since, slots, limit }
    this.#shortSince = this.#risenSince = undefined
  }
}
