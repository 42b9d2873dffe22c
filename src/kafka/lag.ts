/** How far one partition is behind. */
export interface PartitionLag {
  readonly partition: number
  /** Records between the commit position and the end. */
  readonly records: number
  /** Age of the oldest record that is not done; 0 if there is none. */
  readonly seconds: number
}

/**
 * The lag of a partition. Pure.
 * @param progress first offset that is not done
 * @param end offset after the last record
 * @param oldest timestamp of the record at `progress` (ms since the epoch), if it has been taken already
 * @param known what was said before: while the record itself is not at hand, its age goes on from there
 */
export function lagOf(partition: number, progress: number, end: number, oldest: number | undefined, now: number, known: { readonly oldest: number } | undefined): PartitionLag {
  const records = Math.max(0, end - progress)
  const since = oldest !== undefined && oldest > 0 ? oldest : known?.oldest
  return { partition, records, seconds: records === 0 || since === undefined ? 0 : Math.max(0, now - since) / 1000 }
}

/**
 * Seconds until the lag is gone, with no new events.
 * @param eventsPerSecond that are delivered at most
 * @returns Infinity while that is 0
 */
export function drainSeconds(lagRecords: number, eventsPerSecond: number): number {
  return lagRecords === 0 ? 0 : lagRecords / eventsPerSecond
}
