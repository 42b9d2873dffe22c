// How many requests a server saw, and how much of what it allows was used. Pure.

interface Timed {
  /** When the request arrived, ms of the server's clock. */
  at: number
  /** When its answer left, same clock; null = never. */
  answeredAt: number | null
}

/** The most requests that any half-open window [t, t + windowMs) holds, wherever it begins. Every request counts, whatever became of it. */
export function mostInWindow(arrivals: readonly Pick<Timed, 'at'>[], windowMs: number): number {
  const times = arrivals.map(({ at }) => at).toSorted((a, b) => a - b)
  let most = 0
  let first = 0
  for (const [last, at] of times.entries()) {
    while (at - (times[first] ?? at) >= windowMs) first += 1
    most = Math.max(most, last - first + 1)
  }
  return most
}

/**
 * @param span `from`: ms of the server's clock; `perSecond`: accepted requests that a second must hold
 * @returns ms from `from` until such a second begins; null if none does
 */
export function recoveryMs(arrivals: readonly (Pick<Timed, 'at'> & { status: number | null })[], { from, perSecond }: { from: number; perSecond: number }): number | null {
  const times = arrivals.filter(({ at, status }) => at >= from && status !== null && status < 300).map(({ at }) => at).toSorted((a, b) => a - b)
  const first = times.findIndex((at, index) => (times[index + perSecond - 1] ?? Infinity) < at + 1_000)
  return first < 0 ? null : (times[first] as number) - from
}

export interface Budget {
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
 * @param limit requests allowed in any window of `windowMs`
 * @throws RangeError if the span is empty or no request in it was answered
 */
export function budget(arrivals: readonly Timed[], span: { limit: number; windowMs: number; from: number; to: number }): Budget {
  const { limit, windowMs, from, to } = span
  const within = arrivals.filter(({ at }) => at >= from && at < to)
  const answerTimes = within.flatMap(({ at, answeredAt }) => (answeredAt === null ? [] : [answeredAt - at]))
  if (to <= from || answerTimes.length === 0) throw new RangeError('nothing was answered in this span')
  const rttMs = answerTimes.reduce((sum, time) => sum + time, 0) / answerTimes.length
  const perSecond = (within.length * 1_000) / (to - from)
  const ceilingPerSecond = (limit * 1_000) / (windowMs + rttMs)
  return { requests: within.length, perSecond, rttMs, ceilingPerSecond, used: perSecond / ceilingPerSecond }
}
