import type { Announcer } from '../../announcer.ts'
import { sleep } from '../../clock.ts'
import type { MonotonicClock } from '../../clock.ts'
import { errorText } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { AccessError, NotADeploymentError } from './lease-errors.ts'
import type { LeaseStore, StoredText } from './lease-store.ts'
import { LedgerMember } from './ledger-member.ts'
import type { MemberState, Terms } from './ledger-member.ts'
import type { Use } from './ledger-step.ts'
import { parseLedger } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import type { Demand, ShareSource } from '../share.ts'

export interface KubernetesShareOptions {
  /** Of this process; never used before or after. */
  readonly name: string
  readonly terms: Terms
  /** By API: the limit as this process reads it now. */
  readonly limits: Readonly<Record<string, () => number>>
  readonly open: () => Promise<LeaseStore>
  readonly clock: MonotonicClock
  /** A number in [0, 1). */
  readonly random: () => number
  readonly announcer: Announcer
  readonly logger: Logger
}

/** Time between two looks at the ledger. As often as a controller that is up for election looks at its Lease. */
const LOOK_MS = 2_000
/** While slots are being handed over, to or from this process. */
const LOOK_SOON_MS = 300
/** Least time between two looks of one that runs short again and again. */
const SHORT_LOOK_MS = 500
/** Time between two looks at the demand: a process that runs short of slots tells it at once. */
const TICK_MS = 200
/** Most time between a conflict and the next try; it doubles with each conflict in a row. */
const CONFLICT_WAIT_MS = 50
const LONGEST_CONFLICT_WAIT_MS = 800
/** Most time that leaving may take at the end: many may leave at once. Who could not tell is waited for by the others. */
const LEAVE_WITHIN_MS = 6_000
/**
 * A ledger that was made so soon after its Deployment, by a process that has seen no other, is its first: nobody has sent anything under another
 * one. Images may have to be pulled before, and a Role to be mended.
 */
const FIRST_WITHIN_MS = 600_000

/**
 * Slots by the ledger that the pods of a Deployment keep in a Lease: the rules are in ledger-member.ts and ledger-step.ts, here is what reads and
 * writes. There is no watch, so none can break off: the ledger is read every two seconds.
 */
export class KubernetesShare {
  readonly #options: KubernetesShareOptions
  readonly #listeners: (() => void)[] = []
  readonly #demands = new Map<string, () => Demand>()
  #member: LedgerMember | undefined
  #store: LeaseStore | undefined
  #isShort = false
  #nextAt = -Infinity
  #lookedAt = -Infinity
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #started: { resolve: () => void; reject: (error: unknown) => void } | undefined
  #hasBegun = false
  #isStopped = false

  constructor(options: KubernetesShareOptions) {
    this.#options = options
  }

  /** The slots of one API. */
  of(api: string): ShareSource {
    return {
      name: 'kubernetes',
      slots: () => this.#member?.slots(api, this.#limit(api), this.#options.clock()) ?? 0,
      onChange: (listener) => { this.#listeners.push(listener) },
      follow: (demand) => { this.#demands.set(api, demand) },
    }
  }

  /**
   * Resolves when this process is in the ledger and that is open, however long that takes: what keeps it from there is in the log.
   * @throws NotADeploymentError, or what opening the store threw
   */
  async start(): Promise<void> {
    const store = await this.#options.open()
    if (this.#isStopped) {
      await store.close()
      return
    }
    this.#store = store
    const started = new Promise<void>((resolve, reject) => { this.#started = { resolve, reject } })
    this.#tick()
    await started
  }

  /** To be called when all that was sent is answered, or can't arrive any more. Tells the others, so that they need not wait. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#started?.resolve()
    const told = await Promise.race([this.#leave(), sleep(LEAVE_WITHIN_MS).then(() => false)])
    if (!told) this.#options.logger.warn('the ledger could not be told that this process leaves: the others wait until it must have stopped')
    await this.#store?.close()
  }

  /** A limit that this process reads has changed. */
  limitChanged(): void {
    this.#nextAt = -Infinity
    this.#changed()
  }

  /** @returns undefined before the ledger was read for the first time */
  state(): MemberState | undefined {
    return this.#member?.state(this.#options.clock())
  }

  #limit(api: string): number {
    return (this.#options.limits[api] as () => number)()
  }

  #uses(): Record<string, Use> {
    return Object.fromEntries(Object.keys(this.#options.limits).map((api) => {
      const { held, wanted } = this.#demands.get(api)?.() ?? { held: 0, wanted: 0 }
      return [api, { limit: this.#limit(api), held, wanted }]
    }))
  }

  /** @returns whether the others know, or need not */
  async #leave(): Promise<boolean> {
    await this.#looking
    if (!this.#member?.isRegistered) return true
    this.#member.leave()
    return this.#lookUntilDone().then(() => true, () => false)
  }

  /** Somebody else was faster: the newer version, not all at the same moment. @throws what `#look` throws */
  async #lookUntilDone(): Promise<void> {
    for (let wait = CONFLICT_WAIT_MS; !await this.#look(); wait = Math.min(2 * wait, LONGEST_CONFLICT_WAIT_MS)) await sleep(this.#options.random() * wait)
  }

  #tick(): void {
    if (this.#isStopped) return
    const isShort = Object.values(this.#uses()).some(({ wanted }) => wanted === Infinity)
    if (isShort && !this.#isShort) this.#nextAt = Math.min(this.#nextAt, this.#lookedAt + SHORT_LOOK_MS)
    this.#isShort = isShort
    if (this.#options.clock() >= this.#nextAt) this.#looking ??= this.#lookAndTell().finally(() => { this.#looking = undefined })
    this.#timer = setTimeout(() => this.#tick(), TICK_MS)
  }

  async #lookAndTell(): Promise<void> {
    const { clock, random, announcer } = this.#options
    let wait = Math.min(LOOK_MS, this.#options.terms.renewMs)
    // whoever wants a look from now on wants one after this
    this.#nextAt = Infinity
    this.#lookedAt = clock()
    try {
      await this.#lookUntilDone()
      announcer.say({ what: 'share' }, { state: 'known', stops: false, message: 'the ledger of slots can be read and written' })
      // in a ledger that is not open yet it would have partitions and no slots, while those of an older one still have both
      if (this.#member?.isRegistered && this.state()?.open) this.#begin()
      if (this.#member?.isWaiting) wait = Math.min(LOOK_SOON_MS, wait)
    } catch (error) {
      if (error instanceof NotADeploymentError) {
        this.#isStopped = true
        this.#started?.reject(error)
        return
      }
      const mayNot = error instanceof AccessError
      announcer.say({ what: 'share' }, {
        state: mayNot ? 'forbidden' : 'unknown', stops: true, ...(mayNot && { level: 'error' as const }), cause: errorText(error),
        message: `the ledger of slots can't be read or written: ${this.#hasBegun ? 'after a while this process sends less, then nothing' : 'this process waits for it'}`,
      })
    }
    this.#tellStanding()
    this.#nextAt = Math.min(this.#nextAt, clock() + wait * (0.8 + 0.4 * random()))
  }

  #begin(): void {
    this.#hasBegun = true
    this.#started?.resolve()
  }

  #tellStanding(): void {
    const { standing = 'outside', open = true } = this.state() ?? {}
    const told = {
      leased: 'slots by the ledger',
      outage: 'no renewal acknowledged for long: only the part of the slots that is kept for that is used',
      outside: 'no slots',
      waiting: 'the ledger was made anew: it grants nothing until all that may have slots by an older one must have stopped',
    }
    const state = open ? standing : 'waiting'
    this.#options.announcer.say({ what: 'slots' }, { state, stops: state !== 'leased', message: told[state] })
  }

  /** @returns false if somebody else wrote in between. @throws what the store throws, and what is said of a ledger of another form */
  async #look(): Promise<boolean> {
    const { clock, name, terms } = this.#options
    const store = this.#store as LeaseStore
    const { podUid, deploymentCreatedAt } = await store.locate()
    this.#member ??= new LedgerMember({ name, pod: podUid, terms })
    const before = await store.read()
    const next = this.#member.step({
      ledger: before?.text ? parseLedger(before.text) : undefined, uid: before?.uid, receivedAt: clock(),
      isNew: before !== undefined && before.createdAt >= deploymentCreatedAt && before.createdAt - deploymentCreatedAt < FIRST_WITHIN_MS,
    }, this.#uses())
    this.#changed()
    if (!next) return true
    const sentAt = clock()
    const after = await write(store, next, before)
    if (after === 'conflict') return false
    this.#member.acknowledged(next, after.uid, sentAt, clock())
    this.#changed()
    return true
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

async function write(store: LeaseStore, ledger: Ledger, before: StoredText | undefined): Promise<StoredText | 'conflict'> {
  const text = JSON.stringify(ledger)
  return before ? store.replace(text, before) : store.create(text)
}
