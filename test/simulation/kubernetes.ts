// The share source `kubernetes` in virtual time: the real rules of the ledger (src/limiter/kubernetes/ledger*.ts) in processes that are slow, frozen, cut off, killed and
// started again, at a Kubernetes API that is slow, away, and answers late or not at all.

import { grantedInAll, type Entry, type Ledger, type Waits } from '../../src/limiter/kubernetes/ledger.ts'
import { LedgerMember, waitsOf, type Terms } from '../../src/limiter/kubernetes/ledger-member.ts'
import { Sender } from './sender.ts'
import { playStory } from './stage.ts'
import { LATEST_ARRIVAL_MS, LEASE_MS, LONGEST_PAUSE_MS, LOOK_SOON_MS, OUTAGE_MS, REQUEST_TIMEOUT_MS, WINDOW_MS, type Played, type Story } from './story.ts'
import type { World } from './world.ts'

const RENEW_MS = 800
const API_TIMEOUT_MS = 1_000
/** A ledger that was made so soon after its Deployment may be its first. */
const NEW_MS = 3_000
/** A write may be carried out long after its sender has given it up. */
const LATEST_WRITE_MS = 4_000

const termsOf = ({ outagePart }: Pick<Story, 'outagePart'>): Terms => ({
  leaseMs: LEASE_MS, outageMs: OUTAGE_MS, outagePart, renewMs: RENEW_MS, windowMs: WINDOW_MS, latestArrivalMs: LATEST_ARRIVAL_MS, longestPauseMs: LONGEST_PAUSE_MS,
})

/** Rules left out one at a time, to show that each is needed and that the search finds that. */
export const FLAWS = [
  'slot free at the response', 'slot free at the time-out', 'lease counts from the acknowledgement', 'no end of the lease',
  'silence: no pause', 'silence: no latest arrival', 'silence: no window', 'no floor kept for outages',
  'restart: no latest arrival', 'restart: no window', 'restarted process takes its predecessor\'s place', 'leaving: no window',
  'slots in use given up', 'no compare-and-swap', 'new ledger open at once', 'lower limit only when dealt again',
] as const
export type Flaw = typeof FLAWS[number]

interface Stored { readonly uid: string; readonly version: number; readonly ledger: Ledger | undefined; readonly madeAt: number }
type Answer = Stored | 'none' | 'no answer'
type WriteAnswer = Stored | 'conflict' | 'no answer'

/** The object in the API: one version after the other, as etcd keeps it. */
class Api {
  readonly #world: World
  readonly #terms: Terms
  readonly #flaw: Flaw | undefined
  stored: Stored | undefined
  awayUntil = -Infinity
  slowUntil = -Infinity
  #made = 0
  #version = 0

  constructor(world: World, terms: Terms, flaw: Flaw | undefined) {
    this.#world = world
    this.#terms = terms
    this.#flaw = flaw
  }

  delete(): void {
    this.stored = undefined
  }

  /** Somebody takes the text away, and leaves the object. */
  wipe(): void {
    this.#version += 1
    if (this.stored) this.stored = { ...this.stored, version: this.#version, ledger: undefined }
  }

  get isAway(): boolean {
    return this.#world.now < this.awayUntil
  }

  delay(): number {
    const { random, now } = this.#world
    if (now < this.slowUntil) return random.below(2_000)
    return 1 + random.below(random.chance(0.03) ? 600 : 20)
  }

  write(next: Ledger, before: Stored | undefined): Stored | 'conflict' {
    const isCurrent = this.#flaw === 'no compare-and-swap' || (this.stored?.version === before?.version && this.stored?.uid === before?.uid)
    if (!isCurrent) return 'conflict'
    if (!this.stored) this.#made += 1
    const ledger: Ledger = { ...next, open: next.open || this.#flaw === 'new ledger open at once', entries: next.entries.map((entry) => this.#spoiled(entry)) }
    this.#version += 1
    this.stored = { uid: String(this.#made), version: this.#version, ledger, madeAt: this.stored?.madeAt ?? this.#world.now }
    this.#check(ledger)
    return this.stored
  }

  /** In every version the grants add up to no more than the basis. */
  #check(ledger: Ledger): void {
    for (const [api, basis] of Object.entries(ledger.basis)) {
      const all = grantedInAll(ledger, api)
      if (all > basis) this.#world.broken(`the ledger grants ${all} slots of ${basis}`)
    }
  }

  #spoiled(entry: Entry): Entry {
    const waits = waitsOf(this.#terms)
    const less = (changed: Partial<Waits>): Entry => ({ ...entry, waits: { ...waits, ...changed } })
    const sooner = (ms: number): Entry => less({ silentMs: waits.silentMs - ms, goneMs: waits.goneMs - ms })
    switch (this.#flaw) {
      case 'no end of the lease': return less({})
      case 'silence: no pause': return sooner(LONGEST_PAUSE_MS)
      case 'silence: no latest arrival': return sooner(LATEST_ARRIVAL_MS)
      case 'silence: no window': return sooner(WINDOW_MS)
      case 'no floor kept for outages': return less({ goneMs: waits.silentMs })
      case 'restart: no latest arrival': return less({ replacedMs: waits.replacedMs - LATEST_ARRIVAL_MS })
      case 'restart: no window': return less({ replacedMs: waits.replacedMs - WINDOW_MS })
      case 'leaving: no window': return less({ leftMs: 0 })
      default: return entry
    }
  }
}

interface ProcessOptions { readonly api: Api; readonly pod: string; readonly name: string; readonly limit: number; readonly unanswered: () => number; readonly paused: number; readonly terms: Terms; readonly lookMs: number; readonly flaw: Flaw | undefined }

class Process extends Sender {
  readonly pod: string
  readonly #api: Api
  readonly #flaw: Flaw | undefined
  readonly #id: string
  readonly #member: LedgerMember
  readonly #lookMs: number
  #limit: number
  #isLeaving = false

  constructor(world: World, options: ProcessOptions) {
    const { flaw } = options
    super({ world, name: options.name, requestTimeoutMs: REQUEST_TIMEOUT_MS, unanswered: options.unanswered, paused: options.paused,
      flaw: flaw === 'slot free at the response' || flaw === 'slot free at the time-out' ? flaw : undefined })
    this.pod = options.pod
    this.#api = options.api
    this.#flaw = flaw
    this.#limit = options.limit
    this.#lookMs = options.lookMs
    this.#id = flaw === 'restarted process takes its predecessor\'s place' ? options.pod : options.name
    this.#member = new LedgerMember({
      name: this.#id, pod: options.pod,
      terms: flaw === 'no end of the lease' ? { ...options.terms, leaseMs: Infinity } : options.terms,
    })
    world.reads(this, options.limit)
    this.#look()
  }

  usable(): number {
    return this.#member.slots('track', this.#flaw === 'lower limit only when dealt again' ? Infinity : this.#limit, this.clock())
  }

  reads(limit: number): void {
    this.#limit = limit
    this.world.reads(this, limit)
    this.pump()
  }

  /** In good order: all is answered or can't arrive any more, then the ledger is told. */
  leave(): void {
    this.isHeld = true
    this.whenQuiet(() => {
      this.#isLeaving = true
      this.#member.leave()
    })
  }

  #look(): void {
    this.#ask<Answer>(() => this.#api.stored ?? 'none', 'no answer', 0, (answer) => {
      if (answer === 'no answer') this.#lookAgain()
      else this.#found(answer === 'none' ? undefined : answer)
    })
  }

  #found(stored: Stored | undefined): void {
    const demand = this.demand()
    const held = this.#flaw === 'slots in use given up' ? 0 : demand.held
    const next = this.#member.step(
      { ledger: stored?.ledger, uid: stored?.uid, receivedAt: this.clock(), isNew: stored !== undefined && stored.madeAt < NEW_MS },
      { track: { limit: this.#limit, held, wanted: demand.wanted } },
    )
    this.pump()
    if (!next) {
      this.#lookAgain()
      return
    }
    const sentAt = this.clock()
    const late = this.world.random.chance(0.03) ? this.world.random.below(LATEST_WRITE_MS) : 0
    this.#ask<WriteAnswer>(() => this.#api.write(next, stored), 'no answer', late, (answer) => {
      if (answer !== 'conflict' && answer !== 'no answer') {
        const ledger = answer.ledger as Ledger
        this.#member.acknowledged(ledger, answer.uid, this.#flaw === 'lease counts from the acknowledgement' ? this.clock() : sentAt, this.clock())
        const mine = ledger.entries.find(({ id }) => id === this.#id || id.startsWith(`${this.#id}.`))
        if (mine?.left) {
          this.world.tell(`${this.name} has left`)
          this.die()
          return
        }
        this.world.tell(`${this.name} is granted ${mine?.claims.track?.granted}, may use ${this.usable()}`)
      }
      this.pump()
      if (answer === 'conflict') this.after(10 + this.world.random.below(50), () => this.#look())
      else this.#lookAgain()
    })
  }

  #lookAgain(): void {
    const ms = this.#isLeaving || this.#member.isWaiting ? LOOK_SOON_MS : this.#lookMs
    this.after(ms * (0.8 + 0.4 * this.world.random.next()), () => this.#look())
  }

  /** A question to the API: it may get lost, be late, or be carried out without an answer. */
  #ask<T>(carryOut: () => T, none: T, late: number, answered: (answer: T) => void): void {
    const { world } = this
    let isOver = false
    const end = (answer: T) => {
      if (isOver) return
      isOver = true
      answered(answer)
    }
    const isCut = () => world.now < this.cutUntil || this.#api.isAway
    if (!isCut()) {
      world.in(late + this.#api.delay(), () => {
        if (this.#api.isAway) return
        const answer = carryOut()
        if (world.now < this.loseAnswersUntil && world.random.chance(0.6)) return
        world.in(this.#api.delay(), () => { if (!isCut()) this.after(0, () => end(answer)) })
      })
    }
    this.after(API_TIMEOUT_MS, () => end(none))
  }
}

/** Plays a story. @returns what was broken, if anything */
export function play(story: Story, flaw?: Flaw, tell?: (line: string) => void): Played {
  return playStory<Process>(story, tell, (world, unanswered) => {
    const terms = termsOf(story)
    const api = new Api(world, terms, flaw)
    const { paused, lookMs } = story
    return {
      service: api,
      start: (n, limit, predecessor) => {
        const name = `process-${n}`
        return new Process(world, { api, name, pod: predecessor?.pod ?? `pod-of-${name}`, limit, unanswered, paused, lookMs, terms, flaw })
      },
      // by a hand that should not: the object, or the text in it
      lose: (textOnly) => (textOnly ? api.wipe() : api.delete()),
    }
  })
}
