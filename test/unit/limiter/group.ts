// A consumer group in fake time, as far as the limit is concerned: who owns which partitions, and when a member that is silent loses them.

import type { Random } from '../../support/random.ts'

export interface Member {
  /** The group has dealt its partitions. */
  assigned(partitions: readonly number[], generation: number): void
}

interface Standing { lastSeen: number; joined: boolean }

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

  constructor(options: { partitions: number; times: GroupTimes; random: Random }) {
    this.#partitions = options.partitions
    this.#times = options.times
    this.#random = options.random
  }

  join(member: Member): void {
    if (this.#joiningSince === undefined) this.#askAll()
    this.#members.set(member, { lastSeen: performance.now(), joined: true })
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
    const dealt = new Map([...this.#members.keys()].map((member) => [member, [] as number[]]))
    const members = [...dealt.values()]
    for (let partition = 0; partition < this.#partitions && members.length > 0; partition += 1) this.#random.pick(members).push(partition)
    for (const [member, partitions] of dealt) {
      ;(this.#members.get(member) as Standing).lastSeen = now
      member.assigned(partitions, this.#generation)
    }
  }
}
