// How many requests a server saw, and how much of what it allows was used. Pure.

interface Timed {
  /** When the request arrived, ms of the server's clock. */
  at: number
  /** When its answer left, same clock; null = never. */
  answeredAt: number | null
  /** Of several operations of one request only the first, at 0, stands for the request; what has no place is a request of its own. */
  index?: number
}

/** What counts: requests, or the operations that they carry. */
type Unit = 'request' | 'operation'

const isRequest = ({ index = 0 }: Pick<Timed, 'index'>): boolean => index === 0

/**
 * The most requests that any half-open window [t, t + windowMs) holds, wherever it begins. Every request counts, whatever became of it.
 * @param arrivals of one API; of each request all, or at least the first
 */
export function mostInWindow(arrivals: readonly Pick<Timed, 'at' | 'index'>[], windowMs: number, unit: Unit = 'request'): number {
  const counted = unit === 'request' ? arrivals.filter(isRequest) : arrivals
  const times = counted.map(({ at }) => at).toSorted((a, b) => a - b)
  let most = 0
  let first = 0
  for (const [last, at] of times.entries()) {
    while (at - (times[first] ?? at) >= windowMs) first += 1
    most = Math.max(most, last - first + 1)
  }
  return most
}

/**
 * @param arrivals of one API, in order of arrival
 * @param span `from`: ms of the server's clock; `perSecond`: requests of which something was accepted that a second must hold; or operations
 * @returns ms from `from` until such a second begins; null if none does
 */
export function recoveryMs(
  arrivals: readonly (Pick<Timed, 'at' | 'index'> & { status: number | null })[],
  { from, perSecond, unit = 'request' }: { from: number; perSecond: number; unit?: Unit },
): number | null {
  const times = acceptedTimes(arrivals, unit).filter((at) => at >= from).toSorted((a, b) => a - b)
  const first = times.findIndex((at, index) => (times[index + perSecond - 1] ?? Infinity) < at + 1_000)
  return first < 0 ? null : (times[first] as number) - from
}

/** When the accepted operations arrived, or the requests of which one at least was accepted. */
function acceptedTimes(arrivals: readonly (Pick<Timed, 'at' | 'index'> & { status: number | null })[], unit: Unit): number[] {
  const times: number[] = []
  let isCounted = false
  for (const arrival of arrivals) {
    if (unit === 'operation' || isRequest(arrival)) isCounted = false
    if (isCounted || arrival.status === null || arrival.status >= 300) continue
    times.push(arrival.at)
    isCounted = true
  }
  return times
}

export interface Budget {
  /** Or operations, if these are what counts. */
  requests: number
  perSecond: number
  /** Mean time from arrival to answer, ms. */
  rttMs: number
  /** Requests a second that could have been made: a slot is taken for one answer time and one window at a time. */
  ceilingPerSecond: number
  /** perSecond / ceilingPerSecond; 1 = all of it. */
  used: number
}

/**
 * What was used of the limit between `from` (included) and `to` (not included), ms of the server's clock.
 * @param arrivals of one API; of each request all, or at least the first
 * @param limit requests allowed in any window of `windowMs`
 * @throws RangeError if the span is empty or no request in it was answered
 */
export function budget(arrivals: readonly Timed[], span: { limit: number; windowMs: number; from: number; to: number; unit?: Unit }): Budget {
  const { limit, windowMs, from, to, unit = 'request' } = span
  const within = arrivals.filter((arrival) => (unit === 'operation' || isRequest(arrival)) && arrival.at >= from && arrival.at < to)
  const answerTimes = within.flatMap(({ at, answeredAt }) => (answeredAt === null ? [] : [answeredAt - at]))
  if (to <= from || answerTimes.length === 0) throw new RangeError('nothing was answered in this span')
  const rttMs = answerTimes.reduce((sum, time) => sum + time, 0) / answerTimes.length
  const perSecond = (within.length * 1_000) / (to - from)
  const ceilingPerSecond = (limit * 1_000) / (windowMs + rttMs)
  return { requests: within.length, perSecond, rttMs, ceilingPerSecond, used: perSecond / ceilingPerSecond }
}
