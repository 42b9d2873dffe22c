/** One member as the group's leader sees it. */
export interface Member {
  readonly id: string
  /** What it owned before the rebalance, by its own word; a wrong word costs balance, never correctness. */
  readonly owned: readonly number[]
}

/**
 * Deals `count` partitions to the members: as evenly as possible, and sticky, so that what a worker remembers of a partition
 * (what is done beyond the commit, attempts so far) stays useful. Pure and deterministic.
 * @returns partitions by member id; every partition exactly once, every member present
 */
export function assignPartitions(members: readonly Member[], count: number): Map<string, number[]> {
  const sorted = [...members].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const result = new Map<string, number[]>(sorted.map(({ id }) => [id, []]))
  if (sorted.length === 0) return result
  const least = Math.floor(count / sorted.length)
  let extras = count % sorted.length
  const free = new Set(Array.from({ length: count }, (_, partition) => partition))

  // those who own most keep most, so that the odd partitions stay where they are
  for (const { id, owned } of [...sorted].toSorted((a, b) => b.owned.length - a.owned.length)) {
    const mine = result.get(id) as number[]
    for (const partition of owned) {
      if (!free.has(partition)) continue
      if (mine.length === least && extras > 0) extras -= 1
      else if (mine.length >= least) break
      mine.push(partition)
      free.delete(partition)
    }
  }
  const rest = free.values()
  for (const { id } of sorted) {
    const mine = result.get(id) as number[]
    while (mine.length < least) mine.push(rest.next().value as number)
  }
  // each remaining partition goes to a member that has no odd one yet
  for (const { id } of sorted) {
    const mine = result.get(id) as number[]
    if (mine.length > least) continue
    const { value, done } = rest.next()
    if (done) break
    mine.push(value)
  }
  for (const mine of result.values()) mine.sort((a, b) => a - b)
  return result
}
