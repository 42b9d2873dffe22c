import { Load } from './load.ts'
import { APIS } from './routes.ts'
import type { Api, Operation } from './routes.ts'

/** What an operation says of itself. */
export interface Details {
  operation: Operation
  /** Whose it is: the decoded id in the path, the identifier in the body, its anonymous_id; of an object "type/id". */
  person: string | null
  /** What else it names: a device's token, a segment, a form, a delivery, the secondary of a merge, a broadcast, the first object related to. */
  subject: string | null
  eventId: string | null
  timestamp: number | null
  marker: string | null
}

/** One operation that a request to the API asked for, whatever became of it. Times are ms on the stand-in's monotonic clock. */
export interface Arrival extends Details {
  /** 0-based, in the order in which they were entered: by the head of their request, or by its body if only that tells how many there are. */
  n: number
  /** The HTTP request that it came with, 0-based, in the order of arrival of the heads. The arrivals of a request follow each other. */
  request: number
  /** Its place in that request, 0-based; 0 where a request is one operation. */
  index: number
  api: Api
  /** When the head of the request had arrived. */
  at: number
  /**
   * When the whole answer was handed to the socket, or the torn one of a request that took effect; null = not answered (yet): hung, reset,
   * torn without effect, or the client left first.
   */
  answeredAt: number | null
  /** The status answered, or 400 for an operation that failed in a batch of which others did not; null exactly when answeredAt is. */
  status: number | null
  /** The name of the fault rule that applied. */
  fault: string | null
}

/** A request under way. */
export interface Request {
  readonly number: number
  readonly at: number
  readonly api: Api
  /** What it asks for, as far as it is known. */
  readonly arrivals: Arrival[]
}

/** What a window counts: requests, or the operations that they carry. */
export type Unit = 'request' | 'operation'
export interface ApiLimit { limit: number; windowMs: number; unit: Unit }

/** The sums of one API. */
export interface ApiSummary {
  requests: number
  operations: number
  /** The most (requests, or operations if these are what its window counts), refused ones included, in any half-open window of windowMs. */
  mostInWindow: number
  /** Requests that the window answered by 429 (not a fault rule). */
  refused: number
  limit: number
  windowMs: number
}

export interface Summary {
  /** HTTP requests, of all APIs. */
  requests: number
  /** What they asked for, as far as it is known: as many as there are arrivals. */
  operations: number
  /** Requests by status answered; those without an answer (so far) under `none`. */
  byStatus: Record<string, number>
  /** Operations by the status that each had for itself; those without one (so far) under `none`. */
  operationsByStatus: Record<string, number>
  byOperation: Record<string, number>
  apis: Record<Api, ApiSummary>
  /** Of the Track API, as are `limit`, `windowMs`, `refused` and `rateLast`. */
  mostInWindow: number
  limit: number
  windowMs: number
  refused: number
  /** From arrival to answer, over the answered requests of all APIs; null if there are none. */
  meanResponseMs: number | null
  /** Arrivals within the last windowMs, counted as the window counts. */
  rateLast: number
  /** Event ids that took effect. */
  distinctEventIds: number
  /** Accepted operations whose event id had been accepted before. */
  repeatedEventIds: number
  startedAt: number
  now: number
}

interface ApiAccount { load: Load; requests: number; operations: number; refused: number }

/** Keeps every arrival, and the sums over them. Does no I/O and reads no clock; about 350 bytes an arrival. */
export class Account {
  readonly arrivals: Arrival[] = []
  readonly #limits: Record<Api, ApiLimit>
  readonly #startedAt: number
  readonly #apis: Record<Api, ApiAccount>
  readonly #byStatus = new Map<number, number>()
  readonly #operationsByStatus = new Map<number, number>()
  readonly #byOperation = new Map<Operation, number>()
  readonly #acceptedIds = new Set<string>()
  #repeatedIds = 0
  #requests = 0
  #answered = 0
  #answeredOperations = 0
  #responseMs = 0

  constructor(limits: Record<Api, ApiLimit>, startedAt: number) {
    this.#limits = limits
    this.#startedAt = startedAt
    this.#apis = forEachApi((api) => ({ load: new Load(limits[api].windowMs), requests: 0, operations: 0, refused: 0 }))
  }

  /**
   * Enters a request whose head arrived at `at` (never less than in the call before).
   * @param details what its path tells of its one operation; null if only the body will tell what it carries
   */
  arrive(at: number, api: Api, details: Details | null): Request {
    const request: Request = { number: this.#requests++, at, api, arrivals: [] }
    this.#apis[api].requests++
    if (details !== null) this.#enter(request, details)
    if (this.#limits[api].unit === 'request') this.#apis[api].load.add(at, 1)
    return request
  }

  /** Enters what the body told: operations that were not known, or more of the one that was. `at` as for `arrive`: when the body had arrived. */
  describe(request: Request, operations: readonly Details[], at: number): void {
    const { api, arrivals } = request
    for (const [index, details] of operations.entries()) {
      const known = arrivals[index]
      if (known === undefined) this.#enter(request, details)
      else this.#amend(known, details)
    }
    // How many operations there are is known only now, so it is now that they count.
    if (this.#limits[api].unit === 'operation') this.#apis[api].load.add(at, arrivals.length)
  }

  /** Notes that its window refused a request. */
  refuse(api: Api): void {
    this.#apis[api].refused++
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

  /** Notes the answer to a request. `hasFailed` tells by their places which operations failed (400) while the others were accepted (200). */
  answer({ at: arrivedAt, arrivals }: Request, at: number, status: number, hasFailed?: (index: number) => boolean): void {
    this.#answered++
    this.#responseMs += at - arrivedAt
    add(this.#byStatus, status, 1)
    for (const arrival of arrivals) {
      arrival.answeredAt = at
      arrival.status = hasFailed === undefined ? status : hasFailed(arrival.index) ? 400 : 200
      add(this.#operationsByStatus, arrival.status, 1)
    }
    this.#answeredOperations += arrivals.length
  }

  /** The sums as of `now` (never less than the last arrival). */
  summary(now: number): Summary {
    const operations = this.arrivals.length
    const { load, refused } = this.#apis.track
    const { limit, windowMs } = this.#limits.track
    return {
      requests: this.#requests,
      operations,
      byStatus: counted(this.#byStatus, this.#requests - this.#answered),
      operationsByStatus: counted(this.#operationsByStatus, operations - this.#answeredOperations),
      byOperation: Object.fromEntries([...this.#byOperation].filter(([, count]) => count > 0)),
      apis: forEachApi((api) => {
        const { load, requests, operations, refused } = this.#apis[api]
        return { requests, operations, mostInWindow: load.most(), refused, limit: this.#limits[api].limit, windowMs: this.#limits[api].windowMs }
      }),
      mostInWindow: load.most(),
      limit,
      windowMs,
      refused,
      meanResponseMs: this.#answered === 0 ? null : this.#responseMs / this.#answered,
      rateLast: load.within(now),
      distinctEventIds: this.#acceptedIds.size,
      repeatedEventIds: this.#repeatedIds,
      startedAt: this.#startedAt,
      now,
    }
  }

  #enter({ number, at, api, arrivals }: Request, { operation, person, subject, eventId, timestamp, marker }: Details): void {
    const arrival: Arrival = {
      n: this.arrivals.length, request: number, index: arrivals.length, api, at, answeredAt: null, operation, person, subject,
      status: null, fault: null, eventId, timestamp, marker,
    }
    this.arrivals.push(arrival)
    arrivals.push(arrival)
    this.#apis[api].operations++
    add(this.#byOperation, operation, 1)
  }

  #amend(arrival: Arrival, { operation, person, subject, eventId, timestamp, marker }: Details): void {
    add(this.#byOperation, arrival.operation, -1)
    add(this.#byOperation, operation, 1)
    Object.assign(arrival, { operation, person, subject, eventId, timestamp, marker })
  }
}

/** One value for each API. */
export function forEachApi<T>(make: (api: Api) => T): Record<Api, T> {
  return Object.fromEntries(APIS.map((api) => [api, make(api)])) as Record<Api, T>
}

function counted(counts: Map<number, number>, none: number): Record<string, number> {
  return { ...Object.fromEntries(counts), ...(none > 0 && { none }) }
}

function add<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}
