// One process in virtual time: it takes real slots (src/limiter/slots.ts) for requests that get lost, come late, or are never answered, by a clock of
// its own that runs a little fast or slow.

import { Slots } from '../../src/limiter/slots.ts'
import type { Demand } from '../../src/limiter/share.ts'
import { withMargin } from '../../src/clock.ts'
import type { Random } from '../support/random.ts'
import type { World } from './world.ts'

export interface SenderOptions {
  readonly world: World
  readonly name: string
  /** A request without an answer counts as failed after so long, ms. */
  readonly requestTimeoutMs: number
  /** Part of the requests that are never answered. */
  readonly unanswered: () => number
  /** Part of the requests before which the process stands still, between the check and the sending. */
  readonly paused: number
  /** Slots are free again when the answer is there, or at the time-out: rules left out, to show that they are needed. */
  readonly flaw?: 'slot free at the response' | 'slot free at the time-out' | undefined
}

/** Clocks drift apart by at most so much. */
const DRIFT = 0.001
const SLOWEST_ANSWER_MS = 80

/** What is allowed at most goes wrong first: half of the times nearly that. */
const extreme = (random: Random, most: number): number => (random.chance(0.5) ? most * (0.98 + 0.02 * random.next()) : random.next() * most)

export abstract class Sender {
  readonly world: World
  readonly name: string
  readonly slotBook: Slots
  readonly #options: SenderOptions
  readonly #rate: number
  readonly #offset: number
  #frozenUntil = -Infinity
  #underWay = 0
  #quiet: (() => void)[] = []
  /** Slots that it would use, if it had them. */
  appetite = Infinity
  isDead = false
  /** Where its slots are kept hears and says nothing until then, ms of the story. */
  cutUntil = -Infinity
  /** More than half of the answers from there get lost until then. */
  loseAnswersUntil = -Infinity
  /** Sends nothing new. */
  isHeld = false

  constructor(options: SenderOptions) {
    const { world, flaw } = options
    const { windowMs, latestArrivalMs } = world.options
    this.#options = options
    this.world = world
    this.name = options.name
    this.slotBook = new Slots({
      windowMs: flaw === 'slot free at the response' ? 0 : withMargin(windowMs),
      latestArrivalMs: flaw === 'slot free at the time-out' ? 0 : withMargin(latestArrivalMs),
    })
    this.#rate = 1 + (2 * world.random.next() - 1) * DRIFT
    this.#offset = world.random.below(1_000_000)
  }

  /** Slots that may be used now. */
  abstract usable(): number

  /** Another limit, from now on. */
  abstract reads(limit: number): void

  /** Ends in good order. */
  abstract leave(): void

  clock(): number {
    return this.world.now * this.#rate + this.#offset
  }

  /** Nothing of it runs for so long. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.world.now + ms)
  }

  get isFrozen(): boolean {
    return this.world.now < this.#frozenUntil
  }

  /** Runs no earlier than `ms` from now by its own clock, once it is awake, unless it is dead. */
  after(ms: number, run: () => void): void {
    this.world.in(ms / this.#rate, () => {
      if (this.isDead) return
      if (this.isFrozen) this.world.in(this.#frozenUntil - this.world.now, () => this.after(0, run))
      else run()
    })
  }

  /** Ends at once. What it has sent still arrives. */
  die(): void {
    if (this.isDead) return
    this.isDead = true
    this.world.reads(this, undefined)
  }

  demand(): Demand {
    const { held } = this.slotBook
    return { held, wanted: this.appetite === Infinity && held < this.usable() ? held + 1 : this.appetite }
  }

  /** Sends as much as it may and wants. */
  pump(): void {
    if (this.isDead || this.isHeld || this.isFrozen) return
    while (!this.isFrozen && this.slotBook.held < this.appetite && this.slotBook.take(this.usable())) this.#send()
  }

  /** Slots that it could use now. */
  free(): number {
    return this.isDead || this.isHeld ? 0 : Math.max(0, this.usable() - this.slotBook.held)
  }

  /** Calls back when all that was sent is answered, or can't arrive any more. */
  whenQuiet(run: () => void): void {
    if (this.#underWay === 0) run()
    else this.#quiet.push(run)
  }

  #send(): void {
    const { world } = this
    const { random, options: { latestArrivalMs, longestPauseMs } } = world
    const { requestTimeoutMs, unanswered, paused } = this.#options
    this.#underWay += 1
    // between the check and the sending the process may stand still
    const pause = random.chance(paused) ? extreme(random, longestPauseMs) : 0
    if (pause > 0) this.freeze(pause)
    const isLost = random.chance(unanswered())
    const onTheWay = isLost ? extreme(random, latestArrivalMs) : 1 + random.below(random.chance(0.1) ? SLOWEST_ANSWER_MS : 15)
    if (!(isLost && random.chance(0.3))) world.request(pause, onTheWay, this)
    const sentAt = this.clock() + pause
    const answerIn = pause + (isLost ? requestTimeoutMs : onTheWay + random.below(15))
    // an answer needs no process to be on its way; it is noticed when the process is awake
    this.after(answerIn, () => this.#ended(!isLost, sentAt))
  }

  #ended(answered: boolean, sentAt: number): void {
    const { quietMs, freeMs } = this.slotBook.ended({ answered, sentAt }, this.clock())
    this.after(quietMs, () => {
      this.#underWay -= 1
      if (this.#underWay > 0) return
      const waiting = this.#quiet
      this.#quiet = []
      for (const run of waiting) run()
    })
    this.after(freeMs, () => {
      this.slotBook.giveBack()
      this.pump()
    })
  }
}
