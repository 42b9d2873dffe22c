// Members of one ledger, driven by hand in a small language. A line is `what happens | slots that each may use | what the ledger says`; a
// column that is left out is not looked at. `a 5/2` in the ledger is granted/floor.
//
//   a reads                   a reads the ledger and sends a write, if there is anything to write; the write is under way
//   a's write arrives         carried out, if the version that it replaces is still there; `a's write 1` is the first, else the last
//   a hears                   of what arrived last: it is acknowledged, unless it was a conflict
//   a looks                   all three at once
//   a holds 3, a wants 3, a wants all, a reads the limit 5, a leaves, a dies, b starts in the pod of a
//   100 ms pass, the ledger is deleted
//   by hand: a is granted 9, by hand: a is taken out, by hand: the basis is 3, by hand: the text is taken away

import { grantedInAll, parseLedger, type Entry, type Ledger } from '../../../src/limiter/kubernetes/ledger.ts'
import { LedgerMember, type Terms } from '../../../src/limiter/kubernetes/ledger-member.ts'

/** Others wait, margins included: silent 8,025 ms, gone 12,035, replaced 4,015, left 2,010. */
export const TERMS: Terms = {
  leaseMs: 3_600, outageMs: 7_600, outagePart: 0.5, renewMs: 1_000, windowMs: 2_000, latestArrivalMs: 2_000, longestPauseMs: 400,
}

interface Stored { readonly uid: string; readonly text: string }
interface Write { readonly ledger: Ledger; readonly before: Stored | undefined; readonly sentAt: number; after?: Stored | 'conflict' }
interface Hand {
  readonly member: LedgerMember
  readonly pod: string
  limit: number
  held: number
  wanted: number
  readonly writes: Write[]
}

export interface Setting {
  /** Limit that all read at first; 10 if it is not given. */
  readonly limit?: number
  readonly terms?: Partial<Terms>
  /** Of single ones. */
  readonly termsOf?: Readonly<Record<string, Partial<Terms>>>
  /** The Deployment is older than its ledger. */
  readonly isOld?: boolean
}

export class ByHand {
  readonly #setting: Setting
  readonly #hands = new Map<string, Hand>()
  #stored: Stored | undefined
  #made = 0
  #arrived = new Map<string, Write>()
  #edited = false
  now = 1_000_000

  constructor(setting: Setting = {}) {
    this.#setting = setting
  }

  /** @throws Error if the line is not in the language, or broke what must hold in every version */
  do(line: string): void {
    const verb = this.#verbs.find(([pattern]) => pattern.test(line))
    if (!verb) throw new Error(`what is "${line}"?`)
    const [, one, other] = verb[0].exec(line) ?? []
    verb[1](one as string, other as string)
    this.#check(line)
  }

  usable(): string {
    return [...this.#hands].map(([name, hand]) => `${name} ${this.#slots(hand)}`).join(', ')
  }

  ledger(): string {
    if (!this.#stored?.text) return 'none'
    const { open, entries } = parseLedger(this.#stored.text)
    const words = ({ id, left, reduced, claims: { track } }: Entry) =>
      `${id} ${track?.granted}/${track?.floor}${left ? ' left' : ''}${reduced ? ' reduced' : ''}`
    return (open ? '' : 'closed: ') + entries.map(words).join(', ')
  }

  member(name: string): LedgerMember {
    return this.#hand(name).member
  }

  get stored(): Ledger {
    return parseLedger((this.#stored as Stored).text)
  }

  readonly #verbs: readonly (readonly [RegExp, (...words: [string, string]) => void])[] = [
    [/^(\w+) ms pass$/, (ms) => { this.now += Number(ms) }],
    [/^(\w+) looks$/, (name) => this.#looks(name)],
    [/^(\w+) reads$/, (name) => { this.#reads(name) }],
    [/^(\w+)'s write(?: (\d+))? arrives$/, (name, which) => this.#arrives(name, which)],
    [/^(\w+) hears$/, (name) => this.#hears(name)],
    [/^(\w+) holds (\d+)$/, (name, held) => { this.#hand(name).held = Number(held) }],
    [/^(\w+) wants (\d+|all)$/, (name, wanted) => { this.#hand(name).wanted = wanted === 'all' ? Infinity : Number(wanted) }],
    [/^(\w+) reads the limit (\d+)$/, (name, limit) => { this.#hand(name).limit = Number(limit) }],
    [/^(\w+) leaves$/, (name) => this.member(name).leave()],
    [/^(\w+) dies$/, (name) => { this.#hands.delete(name) }],
    [/^(\w+) starts in the pod of (\w+)$/, (name, other) => { this.#hand(name, this.#hand(other).pod) }],
    [/^the ledger is deleted$/, () => { this.#stored = undefined }],
    [/^by hand: (\w+) is granted (\d+)$/, (name, granted) => this.#edit((ledger) => {
      const changed = (entry: Entry): Entry => ({ ...entry, claims: { track: { ...entry.claims['track']!, granted: Number(granted) } } })
      return { ...ledger, entries: ledger.entries.map((entry) => (entry.id === name ? changed(entry) : entry)) }
    })],
    [/^by hand: (\w+) is taken out$/, (name) => this.#edit((ledger) => {
      const entries = ledger.entries.filter(({ id }) => id !== name)
      return { ...ledger, entries }
    })],
    [/^by hand: the basis is (\d+)$/, (basis) => this.#edit((ledger) => ({ ...ledger, basis: { track: Number(basis) } }))],
    [/^by hand: the text is taken away$/, () => { this.#stored = { ...this.#stored as Stored, text: '' } }],
  ]

  #hand(name: string, pod = `pod of ${name}`): Hand {
    const known = this.#hands.get(name)
    if (known) return known
    const { terms, termsOf, limit = 10 } = this.#setting
    const member = new LedgerMember({ name, pod, terms: { ...TERMS, ...terms, ...termsOf?.[name] } })
    const hand = { member, pod, limit, held: 0, wanted: Infinity, writes: [] }
    this.#hands.set(name, hand)
    return hand
  }

  #looks(name: string): void {
    if (!this.#reads(name)) return
    this.#arrives(name, undefined)
    this.#hears(name)
  }

  /** @returns whether there was anything to write */
  #reads(name: string): boolean {
    const { member, limit, held, wanted, writes } = this.#hand(name)
    const before = this.#stored
    const ledger = member.step({
      ledger: before?.text ? parseLedger(before.text) : undefined, uid: before?.uid, receivedAt: this.now,
      isNew: before?.uid === '1' && !this.#setting.isOld,
    }, { track: { limit, held, wanted } })
    if (ledger) writes.push({ ledger, before, sentAt: this.now })
    return ledger !== undefined
  }

  #arrives(name: string, which: string | undefined): void {
    const write = this.#hand(name).writes.at(which === undefined ? -1 : Number(which) - 1) as Write
    if (this.#stored === write.before) {
      if (!this.#stored) this.#made += 1
      this.#stored = { uid: String(this.#made), text: JSON.stringify(write.ledger) }
      write.after = this.#stored
    } else {
      write.after = 'conflict'
    }
    this.#arrived.set(name, write)
  }

  #hears(name: string): void {
    const { ledger, sentAt, after } = this.#arrived.get(name) as Write
    if (after && after !== 'conflict') this.member(name).acknowledged(ledger, after.uid, sentAt, this.now)
  }

  #edit(change: (ledger: Ledger) => Ledger): void {
    this.#edited = true
    this.#stored = { ...this.#stored as Stored, text: JSON.stringify(change(this.stored)) }
  }

  #slots({ member, limit }: Hand): number {
    return member.slots('track', limit, this.now)
  }

  /** What somebody does by hand can break anything. */
  #check(line: string): void {
    if (this.#edited) return
    const granted = this.#stored?.text ? grantedInAll(this.stored, 'track') : 0
    if (granted > 0 && granted > (this.stored.basis['track'] ?? 0)) throw new Error(`${line}: more is granted than there is`)
    const hands = [...this.#hands.values()]
    const sum = hands.reduce((all, hand) => all + this.#slots(hand), 0)
    if (sum > Math.max(...hands.map(({ limit }) => limit))) throw new Error(`${line}: ${sum} slots may be used`)
  }
}

/** What the lines tell, and how it went. */
export function playByHand(lines: string, setting?: Setting): { told: string[][]; went: string[][] } {
  const byHand = new ByHand(setting)
  const told = lines.split('\n').map((line) => line.split('|').map((column) => column.trim())).filter(([line]) => line !== '')
  const went = told.map(([line, usable, ledger]) => {
    byHand.do(line as string)
    return [line as string, ...(usable === undefined ? [] : [byHand.usable()]), ...(ledger === undefined ? [] : [byHand.ledger()])]
  })
  return { told, went }
}

/** Two that have half of the limit each. */
export const TWO = `
  a looks
  a looks
  b looks
  a looks
  b looks                      | a 5, b 5               | a 5/2, b 5/2`

/** A case of `test.each`. */
export const table = (name: string, lines: string, setting?: Setting) => ({ name, lines, setting })
