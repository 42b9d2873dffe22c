import type { Operation } from './routes.ts'

/** One request to the API, whatever became of it. Times are ms on the stand-in's monotonic clock. */
export interface Arrival {
  /** 0-based, in the order of arrival. */
  n: number
  /** When the head of the request had arrived. */
  at: number
  /**
   * When the whole answer was handed to the socket, or the torn one of a request that took effect; null = not answered (yet): hung, reset,
   * torn without effect, or the client left first.
   */
  answeredAt: number | null
  operation: Operation
  /** The decoded id in the path, or the body's anonymous_id. */
  person: string | null
  /** The status answered; null exactly when answeredAt is. */
  status: number | null
  /** The name of the fault rule that applied. */
  fault: string | null
  eventId: string | null
  timestamp: number | null
  marker: string | null
}

/** What a request's body adds to what its path told. */
export type Details = Pick<Arrival, 'operation' | 'person' | 'eventId' | 'timestamp' | 'marker'>

export interface Summary {
  requests: number
  /** Requests by status answered; those without an answer (so far) under `none`. */
  byStatus: Record<string, number>
  byOperation: Record<string, number>
  /** The most requests, refused ones included, in any half-open window of windowMs. */
  mostInWindow: number
  limit: number
  windowMs: number
  /** 429s given by the window (not by a fault rule). */
  refused: number
  /** From arrival to answer, over the answered requests; null if there are none. */
  meanResponseMs: number | null
  /** Arrivals within the last windowMs. */
  rateLast: number
  /** Event ids that took effect. */
  distinctEventIds: number
  /** Accepted requests whose event id had been accepted before. */
  repeatedEventIds: number
  startedAt: number
  now: number
}

/** Keeps every arrival, and the sums over them. Does no I/O and reads no clock; about 300 bytes an arrival. */
export class Account {
  readonly arrivals: Arrival[] = []
  readonly #limit: number
  readonly #windowMs: number
  readonly #startedAt: number
  readonly #byStatus = new Map<number, number>()
  readonly #byOperation = new Map<Operation, number>()
  readonly #acceptedIds = new Set<string>()
  #repeatedIds = 0
  #refused = 0
  #answered = 0
  #responseMs = 0
  #mostInWindow = 0
  #firstInWindow = 0

  constructor(limit: number, windowMs: number, startedAt: number) {
    this.#limit = limit
    this.#windowMs = windowMs
    this.#startedAt = startedAt
  }

  /** Enters a request whose head arrived at `at` (never less than in the call before). */
  arrive(at: number, operation: Operation, person: string | null): Arrival {
    const arrival: Arrival = {
      n: this.arrivals.length, at, answeredAt: null, operation, person,
      status: null, fault: null, eventId: null, timestamp: null, marker: null,
    }
    this.arrivals.push(arrival)
    add(this.#byOperation, operation, 1)
    // The fullest window can be slid to the left until it ends with an arrival, so looking at those windows is enough.
    this.#mostInWindow = Math.max(this.#mostInWindow, this.#inWindowUntil(at))
    return arrival
  }

  /** Adds what the body told of the request. */
  describe(arrival: Arrival, details: Details): void {
    add(this.#byOperation, arrival.operation, -1)
    add(this.#byOperation, details.operation, 1)
    Object.assign(arrival, details)
  }

  /** Notes that the window refused a request. */
  refuse(): void {
    this.#refused++
  }

  /** Notes that an event with this id took effect; false if one had before, so that this one is to be ignored. */
  accept(eventId: string): boolean {
    if (this.#acceptedIds.has(eventId)) {
      this.#repeatedIds++
      return false
    }
    this.#acceptedIds.add(eventId)
    return true
  }

  /** Notes the answer to a request. */
  answer(arrival: Arrival, at: number, status: number): void {
    arrival.answeredAt = at
    arrival.status = status
    this.#answered++
    this.#responseMs += at - arrival.at
    add(this.#byStatus, status, 1)
  }

  /** The sums as of `now` (never less than the last arrival). */
  summary(now: number): Summary {
    const requests = this.arrivals.length
    const unanswered = requests - this.#answered
    return {
      requests,
      byStatus: { ...Object.fromEntries(this.#byStatus), ...(unanswered > 0 && { none: unanswered }) },
      byOperation: Object.fromEntries([...this.#byOperation].filter(([, count]) => count > 0)),
      mostInWindow: this.#mostInWindow,
      limit: this.#limit,
      windowMs: this.#windowMs,
      refused: this.#refused,
      meanResponseMs: this.#answered === 0 ? null : this.#responseMs / this.#answered,
      rateLast: this.#inWindowUntil(now),
      distinctEventIds: this.#acceptedIds.size,
      repeatedEventIds: this.#repeatedIds,
      startedAt: this.#startedAt,
      now,
    }
  }

  /** The arrivals in the half-open window that ends with `until`: those for which until < at + windowMs. */
  #inWindowUntil(until: number): number {
    const { arrivals } = this
    while (this.#firstInWindow < arrivals.length && arrivals[this.#firstInWindow]!.at + this.#windowMs <= until) this.#firstInWindow++
    return arrivals.length - this.#firstInWindow
  }
}

function add<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}
