import type { Claim } from './ledger.ts'

/*
 * What a process may use by the ledger, and for how long. Pure: no timers; monotonic ms are given.
 *
 *            acknowledged              no renewal acknowledged for `leaseMs`
 *   outside ──────────────► leased ─────────────────────────────────────────► outage ──(`outageMs`)──► outside
 *      ▲                     │  ▲                                               │
 *      │                     │  └──────────────────acknowledged─────────────────┤
 *      └──ended──────────────┴──────────────────────────────────────────────────┘
 *
 *   outside  may use nothing
 *   leased   may use what the last acknowledged version grants it, or less, while a write that gives slots up may be carried out
 *   outage   may use its floor
 *
 * A lease counts from the *sending* of the write that was acknowledged: others count from when they saw it, which is later. They wait
 * lease + longest pause + latest arrival + window before they use the slots of a silent process, so whatever it sent has left the window.
 */

export const STANDINGS = ['outside', 'leased', 'outage'] as const
export type Standing = typeof STANDINGS[number]
export type Claims = Readonly<Record<string, Claim>>

interface Acknowledged {
  readonly claims: Claims
  /** By API: what all grants added up to at most. */
  readonly basis: Readonly<Record<string, number>>
  readonly sentAt: number
}

export class LedgerLease {
  readonly #terms: { readonly leaseMs: number; readonly outageMs: number; readonly outagePart: number }
  #acknowledged: Acknowledged | undefined
  /** The worst of the writes that were not acknowledged, since any of them may have been carried out: the smallest grants, the largest limit. */
  #underWay: Claims = {}
  /** What counts: the acknowledged claims, or worse. */
  #claims: Claims = {}
  #caps: Record<string, number> = {}
  #hasEnded = false

  /** @param terms ms; the part of the granted slots that is kept in an outage, [0..1] */
  constructor(terms: { leaseMs: number; outageMs: number; outagePart: number }) {
    this.#terms = terms
  }

  /** There was an acknowledged write, and nobody has taken the process out since. */
  get isHeld(): boolean {
    return this.#acknowledged !== undefined
  }

  /** A write leaves now; whether it is carried out is not known before it is acknowledged. */
  writing(claims: Claims): void {
    this.#underWay = worstOf(this.#underWay, claims)
    this.#count()
  }

  /** @param sentAt when the write was sent */
  acknowledged(claims: Claims, basis: Readonly<Record<string, number>>, sentAt: number): void {
    this.#acknowledged = { claims, basis, sentAt }
    this.#underWay = {}
    this.#count()
  }

  /** Others took all but the floor, and may have given it away. */
  reduced(claims: Claims): void {
    if (this.#acknowledged) this.#acknowledged = { ...this.#acknowledged, claims }
    this.#count()
  }

  /** Others were sure that the process sends nothing any more. */
  takenOut(): void {
    this.#acknowledged = undefined
    this.#underWay = {}
    this.#caps = {}
    this.#count()
  }

  /** For good. */
  end(): void {
    this.#hasEnded = true
  }

  /** @param slots to use at most from now on, Infinity = all that are granted */
  cap(api: string, slots: number): void {
    this.#caps[api] = slots
  }

  /** Of another ledger nothing is wanted back yet. */
  uncap(): void {
    this.#caps = {}
  }

  /** What the acknowledged grants were dealt from. */
  basis(api: string): number | undefined {
    return this.#acknowledged?.basis[api]
  }

  /** ms since the last acknowledged write was sent; undefined if there is none. */
  age(now: number): number | undefined {
    return this.#acknowledged && now - this.#acknowledged.sentAt
  }

  standing(now: number): Standing {
    const age = this.age(now)
    if (this.#hasEnded || age === undefined) return 'outside'
    if (age < this.#terms.leaseMs) return 'leased'
    return this.#terms.outagePart > 0 && age < this.#terms.outageMs ? 'outage' : 'outside'
  }

  /** Slots that may be used now. @param limit as this process reads it now: a lower one than it was dealt from counts at once */
  slots(api: string, limit: number, now: number): number {
    const standing = this.standing(now)
    const claim = this.#claims[api]
    if (standing === 'outside' || !claim) return 0
    // others may have raised the basis up to the limit that this process last told them
    const dealtFrom = Math.max(1, this.basis(api) ?? 0, claim.limit)
    return Math.min(Math.floor((standing === 'leased' ? claim.granted : claim.floor) * Math.min(1, limit / dealtFrom)), this.#caps[api] ?? Infinity)
  }

  #count(): void {
    this.#claims = worstOf(this.#acknowledged?.claims ?? {}, this.#underWay)
  }
}

function worstOf(one: Claims, other: Claims): Claims {
  const worst: Record<string, Claim> = { ...one }
  for (const [api, claim] of Object.entries(other)) {
    const { granted, floor, limit, wanted } = worst[api] ?? claim
    worst[api] = { wanted, granted: Math.min(granted, claim.granted), floor: Math.min(floor, claim.floor), limit: Math.max(limit, claim.limit) }
  }
  return worst
}
