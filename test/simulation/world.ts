// A world in virtual time: what happens when, chance that can be repeated, and a server that notes each request. Nothing waits, and nothing is asynchronous,
// so that some hundred thousand stories can be played in minutes.

import { seededChoices, type Random } from '../support/random.ts'

interface Happening {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** What was broken, when (ms of the story), and by how much. */
export interface Violation {
  readonly at: number
  readonly what: string
}

export interface WorldOptions {
  readonly seed: number
  /** The window in which the server counts, ms. */
  readonly windowMs: number
  /** Longest time from the sending of a request to its arrival, ms. */
  readonly latestArrivalMs: number
  readonly longestPauseMs: number
  /** Tells what happens; for the story of one seed. */
  readonly tell?: ((line: string) => void) | undefined
}

export class World {
  readonly options: WorldOptions
  readonly random: Random
  /** ms since the beginning. */
  now = 0
  violation: Violation | undefined
  /** Windows looked at: one ends with each arrival. */
  windows = 0
  /** Most requests in a window, as a part of what was allowed then. */
  fullest = 0
  readonly #heap: Happening[] = []
  #order = 0
  /** Arrivals, oldest first; those before `#first` have left the window. */
  #arrivals: number[] = []
  #first = 0
  /** Requests that will arrive, or have arrived within the last window. */
  #occupied = 0
  /** Limits that processes still read, or read so lately that requests by them may be seen. */
  readonly #limits = new Map<object, number>()
  #recent: { limit: number; until: number }[] = []

  constructor(options: WorldOptions) {
    this.options = options
    this.random = seededChoices(options.seed)
  }

  tell(line: string): void {
    this.options.tell?.(`${this.now.toFixed(0).padStart(6)} ms  ${line}`)
  }

  in(ms: number, run: () => void): void {
    const heap = this.#heap
    const happening = { at: this.now + Math.max(0, ms), order: (this.#order += 1), run }
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(happening, heap[parent] as Happening)) break
      heap[at] = heap[parent] as Happening
      at = parent
    }
    heap[at] = happening
  }

  /** Plays until the time is over, or something is broken. */
  play(untilMs: number): void {
    while (!this.violation) {
      const next = this.#heap[0]
      if (!next || next.at > untilMs) return
      this.#shift()
      this.now = next.at
      next.run()
    }
  }

  broken(what: string): void {
    this.violation ??= { at: this.now, what }
    this.tell(`BROKEN: ${what}`)
  }

  /** A process reads this limit from now on; undefined: it is dead. */
  reads(process: object, limit: number | undefined): void {
    const before = this.#limits.get(process)
    const { latestArrivalMs, longestPauseMs, windowMs } = this.options
    if (before !== undefined) this.#recent.push({ limit: before, until: this.now + longestPauseMs + latestArrivalMs + windowMs })
    if (limit === undefined) this.#limits.delete(process)
    else this.#limits.set(process, limit)
  }

  /** The largest limit that any process reads, or has read so lately that what it sent may still arrive. */
  allowed(): number {
    let most = 0
    for (const limit of this.#limits.values()) most = Math.max(most, limit)
    if (this.#recent.length > 0) {
      this.#recent = this.#recent.filter(({ until }) => until >= this.now)
      for (const { limit } of this.#recent) most = Math.max(most, limit)
    }
    return most
  }

  /**
   * A request that was decided upon now leaves after a pause, if its process lives to see that.
   * @param onTheWay ms from then to its arrival
   */
  request(pause: number, onTheWay: number, process: { readonly isDead: boolean }): void {
    this.#occupied += 1
    this.in(pause, () => {
      if (process.isDead) {
        this.#occupied -= 1
        return
      }
      this.in(onTheWay, () => this.#arrive())
      this.in(onTheWay + this.options.windowMs, () => { this.#occupied -= 1 })
    })
  }

  /**
   * The sum that must never be above the limit, whoever uses it or not: requests that can be in one window with one that is sent now, and the slots
   * that could be used now.
   */
  checkSum(free: number): void {
    if (this.#occupied + free > this.allowed()) this.broken(`${this.#occupied} requests within a window or under way and ${free} free slots, at a limit of ${this.allowed()}`)
  }

  #arrive(): void {
    const arrivals = this.#arrivals
    arrivals.push(this.now)
    while (this.now - (arrivals[this.#first] as number) >= this.options.windowMs) this.#first += 1
    const inWindow = arrivals.length - this.#first
    this.windows += 1
    const allowed = this.allowed()
    this.fullest = Math.max(this.fullest, inWindow / allowed)
    if (inWindow > allowed) this.broken(`${inWindow} requests in one window at the server, at a limit of ${allowed}`)
  }

  #shift(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (heap.length === 0 || !last) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child += 1
      if (!isBefore(heap[child] as Happening, last)) break
      heap[at] = heap[child] as Happening
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (one: Happening, other: Happening): boolean => one.at < other.at || (one.at === other.at && one.order < other.order)
