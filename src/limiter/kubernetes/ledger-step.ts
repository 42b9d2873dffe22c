import { deal } from '../deal.ts'
import { grantedInAll } from './ledger.ts'
import type { Claim, Entry, Ledger } from './ledger.ts'

/** When a process was first seen, and since when the ledger shows no newer renewal of it. Monotonic ms of the one who looks. */
export interface Sighting {
  readonly beat: number
  readonly since: number
  readonly firstSeen: number
}

/** How this process fares with one API's slots now. */
export interface Use {
  readonly limit: number
  readonly held: number
  /** Infinity = all. */
  readonly wanted: number
}

/** Those that send, or may do so soon: among them the slots are dealt. */
export const isActive = ({ left, reduced }: Entry): boolean => !left && !reduced

/**
 * What the ledger is without the others who can't send any more. Pure. If it is written, then by compare-and-swap: so whoever seems silent now has still
 * not been heard of at that moment.
 * @param id of this process
 */
export function reclaim(ledger: Ledger, id: string, seen: ReadonlyMap<string, Sighting>, now: number): Ledger {
  const youngest = new Map(ledger.entries.map(({ pod, id }) => [pod, id]))
  const entries = ledger.entries.flatMap((entry) => {
    const sighting = seen.get(entry.id)
    if (!sighting || entry.id === id) return [entry]
    const { waits } = entry
    const unchangedFor = now - sighting.since
    const youngestId = youngest.get(entry.pod)
    const replacedFor = youngestId === entry.id ? -Infinity : now - Math.max(sighting.since, seen.get(youngestId as string)?.firstSeen ?? Infinity)
    if (unchangedFor >= waits.goneMs || replacedFor >= waits.replacedMs || (entry.left && unchangedFor >= waits.leftMs)) return []
    if (entry.reduced || entry.left || unchangedFor < waits.silentMs) return [entry]
    return [{ ...entry, reduced: true, claims: Object.fromEntries(Object.entries(entry.claims).map(([api, claim]) => [api, { ...claim, granted: claim.floor }])) }]
  })
  return { ...ledger, entries }
}

/** What a process finds out about its place among the others. */
export interface Position {
  /** What it should have. */
  readonly target: number
  /** Slots to use at most from now on, since others are to have the rest; Infinity = all that are granted. */
  readonly cap: number
  readonly claim: Claim
  readonly basis: number
  /** Somebody has fewer slots than they should and could use. */
  readonly anyoneShort: boolean
}

/**
 * What process `id` claims of one API. Pure. It gives slots up only if they are not in use and somebody else is short of them, and takes only what
 * is free: grants never add up to more than the basis. Only its own grant changes.
 *
 * Who is overdue with a renewal is dealt no more than it has: it may be dead, and would take nothing.
 *
 * The limit that counts is the smallest that anybody reads, so a lower one counts as soon as one knows it, a higher one when all do.
 */
export function claimOf(
  ledger: Ledger, id: string, api: string, { limit, held, wanted }: Use, { floorPart, overdue }: { floorPart: number; overdue: (entry: Entry) => boolean },
): Position {
  const mine = ledger.entries.find((entry) => entry.id === id)?.claims[api]
  const before = mine?.granted ?? 0
  const wish = Math.min(limit, wanted)
  const limits = ledger.entries.flatMap((entry) => (entry.id === id || entry.left ? [] : entry.claims[api]?.limit ?? []))
  const goal = Math.min(limit, ...limits)
  const active = ledger.entries.filter((entry) => entry.id === id || (isActive(entry) && entry.claims[api]))
  const claims = active.map((entry) => {
    if (entry.id === id) return { granted: before, wanted: wish }
    const claim = entry.claims[api] as Claim
    return overdue(entry) ? { granted: claim.granted, wanted: Math.min(claim.wanted, claim.granted) } : claim
  })
  const all = grantedInAll(ledger, api)
  const away = all - claims.reduce((sum, { granted }) => sum + granted, 0)
  const targets = deal(goal - away, claims.map((claim) => claim.wanted))
  const me = active.findIndex((entry) => entry.id === id)
  const target = targets[me] ?? 0
  const isShort = (index: number): boolean => {
    const claim = claims[index] as { granted: number; wanted: number }
    return claim.granted < Math.min(targets[index] as number, Math.max(1, claim.wanted))
  }
  const anyoneShort = claims.some((_, index) => isShort(index))
  const shrinks = target < before && (all > goal || claims.some((_, index) => index !== me && isShort(index)))
  const kept = shrinks ? Math.min(before, Math.max(target, held)) : before
  const others = all - before
  const granted = target > kept ? kept + Math.max(0, Math.min(target - kept, goal - others - kept)) : kept
  return {
    target, anyoneShort,
    cap: shrinks ? target : Infinity,
    claim: { limit, wanted: wish, granted, floor: floorOf(granted, floorPart) },
    basis: Math.max(goal, others + granted),
  }
}

/** Slots to keep for an outage of the store: at least one, where there is one and any part is to be kept. */
const floorOf = (granted: number, part: number): number => (part === 0 ? 0 : Math.min(granted, Math.max(1, Math.floor(granted * part))))
