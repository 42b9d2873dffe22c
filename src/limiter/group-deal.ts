import type { Claimant, Part, Parts } from '../budget.ts'
import { deal } from './deal.ts'

/**
 * A member keeps at least this part of what an even split would give it, however little it wanted. What it wanted is known from before; a
 * burst may come to it at any time, and a new deal to mend that takes half a minute. With a quarter the burst begins at a useful rate,
 * while three quarters of what idles can be used elsewhere.
 */
const KEPT_PART = 1 / 4

/**
 * Deals the limit of each API to the members of one generation, by what they want. Pure, and the same for any order of the members.
 * - What is dealt is the smallest limit that a member reads: who reads a larger one makes more of its part by itself.
 * - Only who owns partitions has a part, at least one slot as long as there are enough.
 * - Of whom nothing is known (a word that could not be read) is taken to want everything. An API whose limit nobody knows is not dealt.
 * @returns parts by member; over the members the slots of an API add up to its limit, or to 0 if nobody owns a partition
 */
export function dealToGroup(members: readonly Claimant[]): Map<string, Parts> {
  const parts = new Map<string, Record<string, Part>>(members.map(({ id }) => [id, {}]))
  const owners = members.filter(({ partitions }) => partitions > 0).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  for (const api of new Set(members.flatMap(({ budgets }) => Object.keys(budgets)))) {
    const limit = Math.min(...members.map(({ budgets }) => budgets[api]?.limit ?? Infinity))
    const kept = Math.floor((limit / owners.length) * KEPT_PART)
    const dealt = deal(limit, owners.map(({ budgets }) => Math.max(kept, budgets[api]?.wanted ?? Infinity)))
    for (const [rank, { id }] of owners.entries()) (parts.get(id) as Record<string, Part>)[api] = { limit, slots: dealt[rank] as number }
  }
  return parts
}
