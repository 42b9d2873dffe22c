/** What the number of useful workers is reckoned from. NaN = not known. */
export interface ReplicaInputs {
  /** Records that come into the topic, per second. */
  readonly arrivalPerSecond: number
  /** Records that wait, of partitions that move. */
  readonly backlog: number
  /** Seconds in which the backlog is to be gone. */
  readonly drainSeconds: number
  /** Events per second that the limit allows all workers together. */
  readonly budgetPerSecond: number
  /** Events per second that one worker could deliver if no limit held it. */
  readonly podPerSecond: number
  /** Partitions with something to do: more workers than these stand by. */
  readonly partitionsWithLag: number
}

/**
 * How many workers can be put to use now: as many as it takes for what comes in and a part of the backlog, but no more than the limit can keep
 * busy, and no more than there are partitions with something to do. Pure.
 * @returns at least 1; NaN if the answer hangs on something that is not known
 */
export function usefulReplicas(inputs: ReplicaInputs): number {
  const { arrivalPerSecond, backlog, drainSeconds, budgetPerSecond, podPerSecond, partitionsWithLag } = inputs
  const demand = arrivalPerSecond + backlog / drainSeconds
  // with the worst of what is not known: one worker may be the answer whatever it is
  const most = Math.min(orElse(partitionsWithLag, Infinity), Math.ceil(Math.min(orElse(demand, Infinity), orElse(budgetPerSecond, Infinity)) / orElse(podPerSecond, 0)))
  if (most <= 1) return 1
  return [demand, budgetPerSecond, podPerSecond, partitionsWithLag].some(Number.isNaN) ? NaN : most
}

const orElse = (value: number, unknown: number): number => (Number.isNaN(value) ? unknown : value)
