/**
 * Deals `total` slots over processes, in the order of their rank. Pure. First everybody gets one (while there are any: those who want
 * something before those who don't), then all are raised evenly until each has what it wants, then what is left over raises the lowest. Where it
 * does not divide, the first by rank have one more.
 *
 * With equal wants that is ceil((total - rank) / n), which never grows when n or the rank grows.
 * @param wants slots that each could put to use; Infinity = all
 * @returns slots of each; their sum is `total`, or 0 if there is nobody
 */
export function deal(total: number, wants: readonly number[]): number[] {
  const count = wants.length
  if (count === 0 || total <= 0) return wants.map(() => 0)
  if (total < count) {
    const byNeed = wants.map((want, rank) => ({ want, rank })).toSorted((a, b) => Number(b.want > 0) - Number(a.want > 0) || a.rank - b.rank)
    const served = new Set(byNeed.slice(0, total).map(({ rank }) => rank))
    return wants.map((_, rank) => (served.has(rank) ? 1 : 0))
  }
  const bounds = wants.map((want) => Math.min(total, Math.max(1, Math.ceil(want))))
  const wanted = bounds.reduce((sum, bound) => sum + bound, 0)
  return wanted >= total ? raise(total, wants.map(() => 0), bounds) : raise(total, bounds, wants.map(() => total))
}

/** Raises the lowest first, from `floors`, nobody above their bound, until `total` is dealt (the bounds must have room for it). */
function raise(total: number, floors: readonly number[], bounds: readonly number[]): number[] {
  const at = (level: number): number[] => floors.map((floor, rank) => Math.max(floor, Math.min(level, bounds[rank] as number)))
  const sum = (dealt: readonly number[]): number => dealt.reduce((all, slots) => all + slots, 0)
  let [low, high] = [0, total]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (sum(at(middle)) <= total) low = middle
    else high = middle - 1
  }
  const dealt = at(low)
  let left = total - sum(dealt)
  for (const [rank, slots] of dealt.entries()) {
    if (left === 0) break
    if (slots !== low || slots >= (bounds[rank] as number)) continue
    dealt[rank] = slots + 1
    left -= 1
  }
  return dealt
}
