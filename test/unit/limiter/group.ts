// A consumer group in fake time, as far as the limit is concerned: who is dealt what of it, and when a member that is silent loses that.

import type { Budget, Part } from '../../../src/budget.ts'
import { dealToGroup } from '../../../src/limiter/group-deal.ts'
import type { Random } from '../../support/random.ts'

export interface Member {
  /** A generation has begun. */
  assigned(part: Part | undefined, generation: number): void
}

interface Standing { readonly id: string; readonly budget: Budget; lastSeen: number; joined: boolean }

export interface GroupTimes { readonly sessionMs: number; readonly rebalanceMs: number }

/**
 *   stable ──a member joins, leaves or falls silent──► joining ──all have joined, or were dropped──► stable, next generation
 *
 * A member is dropped `sessionMs` after its last heartbeat, or when a rebalance has waited `rebalanceMs` for it.
 */
export class Group {
  readonly #members = new Map<Member, Standing>()
  readonly #times: GroupTimes
  readonly #partitions: number
  readonly #random: Random
  /** Since when members are asked to join; undefined while stable. */
  #joiningSince: number | undefined
  #generation = 0
  #ids = 0

  constructor(options: { partitions: number; times: GroupTimes; random: Random }) {
    this.#partitions = options.partitions
    this.#times = options.times
    this.#random = options.random
  }

  /** @param budget what the leader is told */
  join(member: Member, budget: Budget): void {
    this.#askAll()
    const id = this.#members.get(member)?.id ?? String((this.#ids += 1))
    this.#members.set(member, { id, budget, lastSeen: performance.now(), joined: true })
  }

  leave(member: Member): void {
    if (this.#members.delete(member)) this.#askAll()
  }

  /** @returns whether the member still has what this generation dealt it; if not, it must join again */
  heartbeat(member: Member, generation: number): boolean {
    const standing = this.#members.get(member)
    if (!standing || generation !== this.#generation) return false
    standing.lastSeen = performance.now()
    return this.#joiningSince === undefined
  }

  /** To be called often: drops who is silent, and deals when all are there. */
  look(): void {
    const now = performance.now()
    for (const [member, { lastSeen, joined }] of this.#members) {
      const waitedFor = now - (this.#joiningSince ?? Infinity)
      if (joined && this.#joiningSince !== undefined) continue
      if (now - lastSeen > this.#times.sessionMs || waitedFor > this.#times.rebalanceMs) this.leave(member)
    }
    if (this.#joiningSince !== undefined && [...this.#members.values()].every(({ joined }) => joined)) this.#deal(now)
  }

  #askAll(): void {
    if (this.#joiningSince !== undefined) return
    this.#joiningSince = performance.now()
    for (const standing of this.#members.values()) standing.joined = false
  }

  #deal(now: number): void {
    this.#joiningSince = undefined
    this.#generation += 1
    const owned = new Map([...this.#members.keys()].map((member) => [member, 0]))
    const members = [...owned.keys()]
    for (let left = this.#partitions; left > 0 && members.length > 0; left -= 1) {
      const owner = this.#random.pick(members)
      owned.set(owner, (owned.get(owner) as number) + 1)
    }
    const claimants = [...this.#members].map(([member, { id, budget }]) => ({ id, partitions: owned.get(member) as number, budgets: { api: budget } }))
    const parts = dealToGroup(claimants)
    for (const [member, standing] of this.#members) {
      standing.lastSeen = now
      member.assigned(parts.get(standing.id)?.['api'], this.#generation)
    }
  }
}
