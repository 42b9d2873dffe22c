/** Since the start: events delivered, and time in which the process's one thread was at work. */
export interface Work {
  readonly events: number
  readonly busyMs: number
}

/** Fewer events than these tell nothing. */
const ENOUGH_EVENTS = 100
/** Nor does what has not come together in so long. ms */
const LONGEST_SPAN_MS = 60_000
/** A thread that is mostly idle tells only that it can do so much at least: what it does beside events (heartbeats, fetches, scrapes) counts as theirs. */
const LEAST_BUSY = 0.1

/**
 * Events per second that the process's one thread could deliver if it was at work all the time: events by time at work. It can be told while a limit,
 * or the want of events, leaves the thread idle for most of the time. Pure; monotonic ms.
 */
export class ThreadRate {
  #from: { readonly at: number; readonly work: Work } | undefined
  #events = 0
  #busyMs = 0

  look(work: Work, now: number): void {
    if (!this.#from) this.#from = { at: now, work }
    const { at, work: before } = this.#from
    const [events, busyMs, spanMs] = [work.events - before.events, work.busyMs - before.busyMs, now - at]
    if (events < ENOUGH_EVENTS && spanMs < LONGEST_SPAN_MS) return
    this.#from = { at: now, work }
    if (events < ENOUGH_EVENTS) return
    // a process is slow at its start; where it is held from then on, that must not stay
    const isMore = (events / busyMs) * 1_000 > this.perSecond
    if (busyMs < spanMs * LEAST_BUSY && !isMore) return
    // each span counts twice as much as all before it, for the time that it was at work
    this.#events = this.#events / 2 + events
    this.#busyMs = this.#busyMs / 2 + busyMs
  }

  /** As of the last span that told something; NaN before the first. */
  get perSecond(): number {
    return (this.#events / this.#busyMs) * 1_000
  }
}
