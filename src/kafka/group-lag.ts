/** How the whole group stands with the topic: all partitions, whoever owns them. */
export interface GroupLook {
  /** Records that came into the topic per second, lately; NaN at the first look. */
  readonly arrivalPerSecond: number
  /** Records that are not committed, of partitions that move; NaN while it is not known of one whether it does. */
  readonly backlog: number
  /** Partitions with records that are not committed, or that have come since the last look. */
  readonly partitionsWithLag: number
}

/** Arrivals are told as a mean over so long. ms */
const ARRIVAL_MS = 60_000

/**
 * A partition with records whose commit has not moved for so long stands still: longer than a rebalance, the end of a session and the retries of one event
 * take. ms
 */
export const STANDS_STILL_MS = 60_000

interface Seen {
  readonly end: number
  readonly committed: number
  /** Since when it has stood as it does, as far as was seen. */
  readonly since: number
  /** It was seen to move, or to have nothing to do. */
  readonly moves: boolean
}

/**
 * Follows the offsets of all partitions, from look to look. Pure; monotonic ms.
 *
 * What stands still is not in the backlog. It waits for an event that can't be delivered now, or for Customer.io: more workers would not move it,
 * and however much piles up behind it must not look like work for them.
 */
export class GroupLag {
  #seen = new Map<number, Seen>()
  /** Records that have come since the first look, at some looks: the oldest first. */
  readonly #arrivals: { readonly at: number; readonly records: number }[] = []

  /**
   * @param bounds of every partition of the topic
   * @param committed offsets of the group; a partition without one is read from its first record on
   */
  look(bounds: ReadonlyMap<number, { readonly earliest: number; readonly end: number }>, committed: ReadonlyMap<number, number>, now: number): GroupLook {
    const seen = new Map<number, Seen>()
    let [backlog, partitionsWithLag, arrived] = [0, 0, 0]
    for (const [partition, { earliest, end }] of bounds) {
      const position = Math.max(earliest, committed.get(partition) ?? earliest)
      const before = this.#seen.get(partition)
      const records = Math.max(0, end - position)
      // an end that goes back is that of a topic that was made anew
      const came = before ? Math.max(0, end - before.end) : 0
      const stood = before !== undefined && before.committed === position && end >= before.end && records > 0
      const { since, moves } = stood ? before : { since: now, moves: before !== undefined || records === 0 }
      seen.set(partition, { end, committed: position, since, moves })
      arrived += came
      if (records > 0 || came > 0) partitionsWithLag += 1
      if (now - since < STANDS_STILL_MS) backlog += moves ? records : NaN
    }
    this.#seen = seen
    return { arrivalPerSecond: this.#arrivalRate(arrived, now), backlog, partitionsWithLag }
  }

  #arrivalRate(arrived: number, now: number): number {
    const arrivals = this.#arrivals
    arrivals.push({ at: now, records: (arrivals.at(-1)?.records ?? 0) + arrived })
    // the one before the window stays: the mean is over the window at least
    while (arrivals.length > 2 && (arrivals[1] as { at: number }).at <= now - ARRIVAL_MS) arrivals.shift()
    const [first, last] = [arrivals[0], arrivals.at(-1)] as [{ at: number; records: number }, { at: number; records: number }]
    return last.at > first.at ? ((last.records - first.records) / (last.at - first.at)) * 1_000 : NaN
  }
}
