import { withMargin } from '../../clock.ts'
import { LedgerLease } from './ledger-lease.ts'
import type { Standing } from './ledger-lease.ts'
import { grantedInAll } from './ledger.ts'
import type { Claim, Entry, Ledger, Waits } from './ledger.ts'
import { claimOf, isActive, reclaim } from './ledger-step.ts'
import type { Sighting, Use } from './ledger-step.ts'

/*
 * One process and the ledger. Pure: no I/O, no timers; monotonic ms are given. It takes note of each version that was read, tells what to write in its
 * place, and is told what was acknowledged. What it may use meanwhile is in ledger-lease.ts, what it claims and who is taken out in ledger-step.ts.
 */

/** All ms, without margins for drifting clocks: these are added where others wait. */
export interface Terms {
  readonly leaseMs: number
  readonly outageMs: number
  /** Part of the granted slots that is kept in an outage, [0..1]. */
  readonly outagePart: number
  /** A renewal is written after so long. */
  readonly renewMs: number
  /** The longest window of all APIs. */
  readonly windowMs: number
  readonly latestArrivalMs: number
  readonly longestPauseMs: number
}

/** A version of the ledger, as it was read. */
export interface LedgerView {
  /** undefined: there is none. */
  readonly ledger: Ledger | undefined
  /** Of the object that holds it: another one after it was deleted and made anew. */
  readonly uid: string | undefined
  readonly receivedAt: number
  /** It is as new as its Deployment. */
  readonly isNew: boolean
}

/** For metrics and the log. */
export interface MemberState {
  readonly standing: Standing
  /** ms since the last acknowledged renewal was sent; undefined if there is none. */
  readonly ageMs: number | undefined
  /** Processes among which the slots are dealt. */
  readonly members: number
  /** This one's place among them, from 0; undefined if it has none. */
  readonly rank: number | undefined
  /** By API: slots of processes that are gone, replaced or overdue, which nobody else may use yet. */
  readonly quarantined: Readonly<Record<string, number>>
  /** false while nobody knows yet whether processes of an older ledger are still sending. */
  readonly open: boolean
}

/** A renewal may be late by one or two: by a look, and by a slow API. */
const OVERDUE_RENEWALS = 3

/** What others wait for a process of these terms, drifting clocks included. */
export function waitsOf({ leaseMs, renewMs, outageMs, outagePart, windowMs, latestArrivalMs, longestPauseMs }: Terms): Waits {
  const unheard = (ms: number): number => withMargin(ms + longestPauseMs + latestArrivalMs + windowMs)
  return {
    overdueMs: OVERDUE_RENEWALS * renewMs,
    silentMs: unheard(leaseMs), goneMs: unheard(outagePart > 0 ? Math.max(leaseMs, outageMs) : leaseMs),
    replacedMs: withMargin(latestArrivalMs + windowMs), leftMs: withMargin(windowMs),
  }
}

export class LedgerMember {
  readonly #name: string
  readonly #pod: string
  readonly #terms: Terms
  readonly #waits: Waits
  readonly #lease: LedgerLease
  /** Times that it was taken out of the ledger: what others may do with an older entry of it must not touch the present one. */
  #lives = 0
  #uid: string | undefined
  #registered = false
  #seen = new Map<string, Sighting>()
  /** The ledger that is not open yet, and since when it is known. */
  #closed: { readonly made: string | undefined; readonly since: number } | undefined
  /** Ledgers that it made. */
  #made = 0
  #last: Ledger | undefined
  #waitsForSlots = false
  #left = false
  /** It has seen a ledger, so one that it makes is not the first. */
  #sawOther = false
  /** Its last write that was acknowledged. */
  #renewed: { readonly beat: number; readonly sentAt: number } | undefined

  /** @param name of this process, never used before or after */
  constructor(options: { name: string; pod: string; terms: Terms }) {
    this.#name = options.name
    this.#pod = options.pod
    this.#terms = options.terms
    this.#waits = waitsOf(options.terms)
    this.#lease = new LedgerLease(options.terms)
  }

  get #id(): string {
    return this.#lives === 0 ? this.#name : `${this.#name}.${this.#lives}`
  }

  /**
   * Takes note of a version, and tells what to write in its place.
   * @param uses by API
   * @returns undefined if there is nothing to write now. What is returned must be written at once, by compare-and-swap on the version that was read, and
   * be reported by `acknowledged`. Until this or a later write is, the smaller grant of before and after is used.
   */
  step(view: LedgerView, uses: Readonly<Record<string, Use>>): Ledger | undefined {
    const ledger = this.#note(view)
    const cleared = ledger.open ? reclaim(ledger, this.#id, this.#seen, view.receivedAt) : { ...ledger, open: this.#mayOpen(view, ledger) }
    const own = ownOf(cleared, this.#id)
    const claims: Record<string, Claim> = {}
    const basis = { ...cleared.basis }
    const overdue = (other: Entry): boolean => this.#isOverdue(other, view.receivedAt)
    let short = false
    this.#waitsForSlots = false
    for (const [api, use] of Object.entries(uses)) {
      if (!cleared.open) {
        claims[api] = { limit: use.limit, wanted: Math.min(use.limit, use.wanted), granted: 0, floor: 0 }
        continue
      }
      const position = claimOf(cleared, this.#id, api, this.#left ? { ...use, wanted: 0 } : use, { floorPart: this.#terms.outagePart, overdue })
      claims[api] = this.#left ? { ...position.claim, granted: Math.min(position.claim.granted, use.held), floor: 0 } : position.claim
      basis[api] = position.basis
      this.#lease.cap(api, position.cap)
      short ||= position.anyoneShort
      this.#waitsForSlots ||= position.claim.granted < Math.min(position.target, Math.max(1, position.claim.wanted)) || position.cap < Infinity
    }
    const entry: Entry = { id: this.#id, pod: this.#pod, beat: (own?.beat ?? 0) + 1, ...(this.#left && { left: true }), waits: this.#waits, claims }
    const next: Ledger = { ...cleared, basis, entries: own ? cleared.entries.map((other) => (other.id === this.#id ? entry : other)) : [...cleared.entries, entry] }
    const othersChange = cleared.open !== ledger.open || hasChanged(cleared.entries, ledger.entries)
    if (own && !othersChange && !this.#isWorthWriting(view.receivedAt, own, next, short)) return undefined
    // a ledger that is not open takes nothing away
    if (cleared.open) this.#lease.writing(claims)
    return next
  }

  /** The write was acknowledged: this is the ledger now. */
  acknowledged(ledger: Ledger, uid: string, sentAt: number, receivedAt: number): void {
    const { beat, claims } = ownOf(ledger, this.#id) as Entry
    this.#uid = uid
    this.#renewed = { beat, sentAt }
    this.#sawOther = true
    this.#registered = true
    this.#look(ledger, receivedAt)
    this.#noteClosed(ledger, receivedAt)
    // what an older ledger granted counts until it lapses: one that is not open grants nothing before then
    if (ledger.open || !this.#lease.isHeld) this.#lease.acknowledged(claims, ledger.basis, sentAt)
  }

  /** From now on nothing is sent any more; `step` tells so. To be called when everything sent was answered or can't arrive any more. */
  leave(): void {
    this.#left = true
    this.#lease.end()
  }

  standing(now: number): Standing {
    return this.#lease.standing(now)
  }

  /** Slots that may be used now. @param limit as this process reads it now: a lower one than it was dealt from counts at once */
  slots(api: string, limit: number, now: number): number {
    return this.#lease.slots(api, limit, now)
  }

  /** Waits for others to give slots up, or to be able to give some up: worth to look again soon. */
  get isWaiting(): boolean {
    return this.#waitsForSlots
  }

  get isRegistered(): boolean {
    return this.#registered
  }

  state(now: number): MemberState {
    const entries = this.#last?.entries ?? []
    const active = entries.filter(isActive)
    const rank = active.findIndex(({ id }) => id === this.#id)
    const apis = Object.keys(this.#last?.basis ?? {})
    const youngest = new Map(entries.map(({ pod, id }) => [pod, id]))
    const isAway = (entry: Entry): boolean => entry.id !== this.#id
      && (!isActive(entry) || youngest.get(entry.pod) !== entry.id || this.#isOverdue(entry, now))
    const away: Ledger | undefined = this.#last && { ...this.#last, entries: entries.filter(isAway) }
    return {
      standing: this.standing(now),
      ageMs: this.#lease.age(now),
      members: active.length,
      rank: rank < 0 ? undefined : rank,
      quarantined: Object.fromEntries(apis.map((api) => [api, away ? grantedInAll(away, api) : 0])),
      open: this.#last?.open ?? false,
    }
  }

  #note({ ledger, uid, receivedAt }: LedgerView): Ledger {
    if (uid !== this.#uid) {
      this.#uid = uid
      this.#registered = false
      this.#seen.clear()
      this.#closed = undefined
      this.#lease.uncap()
    }
    const present: Ledger = ledger ?? this.#make(uid === undefined && !this.#sawOther)
    if (uid !== undefined) this.#sawOther = true
    const own = ownOf(present, this.#id)
    // its first write was carried out, whether an answer came or not: the id is used up
    this.#registered ||= own !== undefined
    if (this.#registered && !own) {
      // others were sure that it sends nothing any more; it begins anew
      this.#lives += 1
      this.#registered = false
      this.#lease.takenOut()
    }
    if (own?.reduced) this.#lease.reduced(own.claims)
    if (ledger) this.#noteClosed(ledger, receivedAt)
    else this.#closed = undefined
    this.#look(present, receivedAt)
    return present
  }

  #make(isFirst: boolean): Ledger {
    this.#made += 1
    return { version: 1, open: false, made: `${this.#id} ${this.#made}`, isFirst, basis: {}, entries: [] }
  }

  #noteClosed({ open, made }: Ledger, receivedAt: number): void {
    if (open) this.#closed = undefined
    else if (!this.#closed || this.#closed.made !== made) this.#closed = { made, since: receivedAt }
  }

  #look(ledger: Ledger, receivedAt: number): void {
    this.#last = ledger
    const before = this.#seen
    this.#seen = new Map(ledger.entries.map(({ id, beat }) => {
      const sighting = before.get(id)
      return [id, sighting?.beat === beat ? sighting : { beat, since: receivedAt, firstSeen: sighting?.firstSeen ?? receivedAt }]
    }))
  }

  #isOverdue({ id, waits }: Entry, now: number): boolean {
    return now - (this.#seen.get(id)?.since ?? Infinity) > waits.overdueMs
  }

  /** Processes of an older ledger may go on until their last lease and its outage are over. */
  #mayOpen({ ledger, isNew, receivedAt }: LedgerView, present: Ledger): boolean {
    if (!ledger) return false
    const longest = Math.max(this.#waits.goneMs, ...present.entries.map(({ waits }) => waits.goneMs))
    return (isNew && ledger.isFirst === true) || (this.#closed !== undefined && receivedAt - this.#closed.since >= longest)
  }

  #isWorthWriting(now: number, before: Entry, { open, entries, basis }: Ledger, anyoneShort: boolean): boolean {
    const renewed = this.#renewed
    if (renewed?.beat !== before.beat || now - renewed.sentAt >= this.#terms.renewMs || before.reduced || before.left !== (this.#left || undefined)) return true
    const after = entries.find(({ id }) => id === before.id) as Entry
    return Object.entries(after.claims).some(([api, claim]) => {
      const old = before.claims[api]
      if (!old || old.granted !== claim.granted || old.limit !== claim.limit) return true
      // a lease scales by the basis that it was granted from
      if (open && this.#lease.basis(api) !== basis[api]) return true
      // how much exactly it wants matters only to those who are short
      return wantsAll(old) !== wantsAll(claim) || (anyoneShort && old.wanted !== claim.wanted)
    })
  }
}

const ownOf = (ledger: Ledger, id: string): Entry | undefined => ledger.entries.find((entry) => entry.id === id)
const wantsAll = ({ wanted, limit }: Claim): boolean => wanted >= limit
const hasChanged = (after: readonly Entry[], before: readonly Entry[]): boolean =>
  after.length !== before.length || after.some((entry, index) => entry !== before[index])
