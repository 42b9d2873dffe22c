import type { BreakerState } from './breaker.ts'

/** What holds sending, in words that are an interface (docs/metrics.md). The first one that applies is told. */
export const HOLDS = [
  'stopping', 'not_joined', 'rebalancing', 'no_partitions', 'fenced', 'no_slots',
  'credentials_refused', 'breaker_open', 'breaker_half_open', 'gate_closed',
  'concurrency', 'slots_in_use', 'sending', 'backoff', 'dead_letter_topic', 'commit', 'idle',
] as const
export type Hold = typeof HOLDS[number]

/** How things stand at one instant. */
export interface HoldView {
  readonly stopping: boolean
  /** At least once. */
  readonly joined: boolean
  /** Partitions owned; undefined while they are being given up, or dealt anew. */
  readonly partitions: number | undefined
  readonly fenced: boolean
  readonly usableSlots: number
  readonly freeSlots: number
  readonly breaker: BreakerState
  readonly gateClosed: boolean
  readonly inFlight: number
  /** Most requests in flight. */
  readonly concurrency: number
  /** Events that could be sent now. */
  readonly ready: number
  /** Events that wait for their next attempt. */
  readonly waiting: number
  /** Partitions that the dead-letter topic holds up. */
  readonly heldUp: number
  /** Dead letters under way. */
  readonly writing: number
  /** Records that are not done. */
  readonly pending: number
}

/** The one word for what holds sending now: first what forbids it, then what bounds it, then why there is nothing to send. Pure. */
export function holdOf(view: HoldView): Hold {
  if (view.stopping) return 'stopping'
  if (!view.joined) return 'not_joined'
  if (view.partitions === undefined) return 'rebalancing'
  if (view.partitions === 0) return 'no_partitions'
  if (view.fenced) return 'fenced'
  if (view.usableSlots === 0) return 'no_slots'
  if (view.breaker === 'refused') return 'credentials_refused'
  if (view.breaker === 'open') return 'breaker_open'
  if (view.breaker === 'half-open') return 'breaker_half_open'
  if (view.gateClosed) return 'gate_closed'
  if (view.ready > 0 && view.inFlight >= view.concurrency) return 'concurrency'
  if (view.ready > 0 && view.freeSlots === 0) return 'slots_in_use'
  if (view.ready > 0 || view.inFlight > 0) return 'sending'
  if (view.waiting > 0) return 'backoff'
  if (view.heldUp > 0) return 'dead_letter_topic'
  if (view.writing > 0) return 'sending'
  // what is taken and nowhere else stands behind a suppress or a destroy
  return view.pending > 0 ? 'commit' : 'idle'
}
