// The share source `partitions` in virtual time: real shares, fences and deals (src/limiter/partitions.ts, group-deal.ts, src/kafka/fence.ts) in members of a group
// that rebalances eagerly, as Kafka's do, while they are frozen, cut off, killed and replaced.

import type { Budgets, Parts } from '../../src/budget.ts'
import { withMargin } from '../../src/clock.ts'
import { fenceMs } from '../../src/config.ts'
import { Fence } from '../../src/kafka/fence.ts'
import { dealToGroup } from '../../src/limiter/group-deal.ts'
import { PartitionShare } from '../../src/limiter/partitions.ts'
import { Redeal } from '../../src/limiter/redeal.ts'
import { Sender } from './sender.ts'
import { playStory } from './stage.ts'
import { LATEST_ARRIVAL_MS, LONGEST_PAUSE_MS, REQUEST_TIMEOUT_MS, WINDOW_MS, type Played, type Story } from './story.ts'
import type { World } from './world.ts'

const SESSION_MS = 3_000
const REBALANCE_MS = 3_500
const HEARTBEAT_MS = 250
const GROUP_LOOK_MS = 50
const REDEAL_LOOK_MS = 250
const PARTITIONS = 12
const times = { KAFKA_SESSION_TIMEOUT_MS: SESSION_MS, KAFKA_REBALANCE_TIMEOUT_MS: REBALANCE_MS, LONGEST_PAUSE_MS, LATEST_ARRIVAL_MS }
export const FENCE_MS = fenceMs(times)

/** Rules left out one at a time, to show that each is needed and that the search finds that. */
export const FLAWS = [
  'slot free at the response', 'slot free at the time-out', 'no wait when assigned', 'no drain when revoked', 'no fence',
  'fence counts from the answer', 'fence: no pause', 'fence: no latest arrival',
] as const
export type Flaw = typeof FLAWS[number]

interface Standing { lastSeen: number; joined: boolean; budgets: Budgets }

/**
 * The coordinator.
 *
 *   stable ──a member joins, leaves or falls silent──► joining ──all have joined, or were dropped──► stable, next generation
 *
 * A member is dropped `SESSION_MS` after its last heartbeat, or when a rebalance has waited `REBALANCE_MS` for it. One that has joined is waited with.
 */
class Group {
  readonly #world: World
  readonly #members = new Map<Member, Standing>()
  #joiningSince: number | undefined
  #generation = 0
  awayUntil = -Infinity
  slowUntil = -Infinity

  constructor(world: World) {
    this.#world = world
    this.#look()
  }

  get isAway(): boolean {
    return this.#world.now < this.awayUntil
  }

  delay(): number {
    const { random, now } = this.#world
    return 1 + random.below(now < this.slowUntil ? 1_500 : 15)
  }

  join(member: Member, budgets: Budgets): void {
    this.#askAll()
    this.#members.set(member, { lastSeen: this.#world.now, joined: true, budgets })
  }

  leave(member: Member): void {
    if (this.#members.delete(member)) this.#askAll()
  }

  /** @returns whether the member still has what this generation dealt it; if not, it must join again */
  heartbeat(member: Member, generation: number): boolean {
    const standing = this.#members.get(member)
    if (!standing || generation !== this.#generation) return false
    standing.lastSeen = this.#world.now
    return this.#joiningSince === undefined
  }

  #look(): void {
    const { now } = this.#world
    for (const [member, { lastSeen, joined }] of this.#members) {
      if (joined && this.#joiningSince !== undefined) continue
      if (now - lastSeen > SESSION_MS || now - (this.#joiningSince ?? Infinity) > REBALANCE_MS) this.leave(member)
    }
    if (this.#joiningSince !== undefined && [...this.#members.values()].every(({ joined }) => joined)) this.#deal()
    this.#world.in(GROUP_LOOK_MS, () => this.#look())
  }

  #askAll(): void {
    if (this.#joiningSince !== undefined) return
    this.#joiningSince = this.#world.now
    for (const standing of this.#members.values()) standing.joined = false
  }

  #deal(): void {
    const { now, random } = this.#world
    this.#joiningSince = undefined
    this.#generation += 1
    const members = [...this.#members.keys()]
    const counts = new Map(members.map((member) => [member.name, 0]))
    for (let partition = 0; partition < PARTITIONS && members.length > 0; partition += 1) {
      const { name } = random.pick(members)
      counts.set(name, (counts.get(name) as number) + 1)
    }
    const parts = dealToGroup([...this.#members].map(([{ name: id }, { budgets }]) => ({ id, partitions: counts.get(id) as number, budgets })))
    for (const [member, standing] of this.#members) {
      standing.lastSeen = now
      member.assigned(parts.get(member.name) ?? {}, this.#generation)
    }
  }
}

interface MemberOptions {
  readonly group: Group
  readonly name: string
  readonly limit: number
  readonly unanswered: () => number
  readonly paused: number
  readonly flaw: Flaw | undefined
}

class Member extends Sender {
  readonly #group: Group
  readonly #flaw: Flaw | undefined
  readonly #share: PartitionShare
  readonly #fence: Fence
  readonly #redeal = new Redeal({ intervalMs: 3_000, patienceMs: 500 })
  #limit: number
  #generation: number | undefined
  #isJoining = false
  #joins = 0

  constructor(world: World, options: MemberOptions) {
    const { flaw } = options
    super({ world, name: options.name, requestTimeoutMs: REQUEST_TIMEOUT_MS, unanswered: options.unanswered, paused: options.paused,
      flaw: flaw === 'slot free at the response' || flaw === 'slot free at the time-out' ? flaw : undefined })
    this.#group = options.group
    this.#flaw = flaw
    this.#limit = options.limit
    const more = { 'no fence': Infinity, 'fence: no pause': LONGEST_PAUSE_MS, 'fence: no latest arrival': LATEST_ARRIVAL_MS }[flaw as string] ?? 0
    this.#fence = new Fence(FENCE_MS + more)
    this.#share = new PartitionShare({
      limit: () => this.#limit, windowMs: flaw === 'no wait when assigned' ? 0 : withMargin(WINDOW_MS), clock: () => this.clock(),
      after: (ms, run) => this.after(ms, run), fenced: () => !this.#fence.isOpen(this.clock()),
    })
    this.#share.follow(() => this.demand())
    this.#share.onChange(() => this.pump())
    world.reads(this, options.limit)
    this.#join()
    this.#beat()
    this.#lookForDeal()
  }

  usable(): number {
    return this.#share.slots()
  }

  reads(limit: number): void {
    this.#limit = limit
    this.world.reads(this, limit)
    this.#share.limitChanged()
  }

  leave(): void {
    this.#revoke(() => {
      this.#say(() => this.#group.leave(this))
      this.die()
    })
  }

  assigned(parts: Parts, generation: number): void {
    this.#hear(() => {
      this.#isJoining = false
      this.#generation = generation
      this.#fence.shut()
      this.isHeld = false
      this.#share.assigned(parts['track'])
      this.world.tell(`${this.name} is dealt ${parts['track']?.slots ?? 0} of ${parts['track']?.limit ?? 0} in generation ${generation}`)
      this.#heartbeat()
    })
  }

  #isCut(): boolean {
    return this.world.now < this.cutUntil || this.#group.isAway
  }

  #say(run: () => void): void {
    if (!this.#isCut()) this.world.in(this.#group.delay(), () => { if (!this.#group.isAway) run() })
  }

  #hear(run: () => void): void {
    if (this.world.now < this.loseAnswersUntil && this.world.random.chance(0.6)) return
    this.world.in(this.#group.delay(), () => { if (!this.#isCut()) this.after(0, run) })
  }

  #join(): void {
    if (this.#isJoining) return
    this.#isJoining = true
    this.#joins += 1
    const join = this.#joins
    this.#revoke(() => this.#ask(join))
  }

  /** Until an assignment comes. */
  #ask(join: number): void {
    if (!this.#isJoining || join !== this.#joins) return
    const budgets = { track: this.#share.budget() }
    this.#say(() => this.#group.join(this, budgets))
    this.after(REBALANCE_MS, () => this.#ask(join))
  }

  #revoke(then: () => void): void {
    this.#share.revoked()
    this.isHeld = true
    this.#generation = undefined
    let isDrained = false
    const drained = () => {
      if (isDrained) return
      isDrained = true
      this.#fence.shut()
      then()
    }
    if (this.#flaw === 'no drain when revoked') drained()
    else {
      this.whenQuiet(drained)
      this.after(withMargin(LATEST_ARRIVAL_MS), drained)
    }
  }

  #beat(): void {
    this.after(HEARTBEAT_MS, () => {
      this.#heartbeat()
      this.#beat()
    })
  }

  #heartbeat(): void {
    const generation = this.#generation
    if (generation === undefined) return
    const sentAt = this.clock()
    this.#say(() => {
      const isMine = this.#group.heartbeat(this, generation)
      this.#hear(() => {
        if (generation !== this.#generation) return
        if (!isMine) {
          this.#join()
          return
        }
        this.#fence.acknowledged(this.#flaw === 'fence counts from the answer' ? this.clock() : sentAt)
        this.pump()
      })
    })
  }

  #lookForDeal(): void {
    this.after(REDEAL_LOOK_MS, () => {
      if (this.#redeal.look(this.clock(), this.#share.standing())) {
        this.world.tell(`${this.name} asks for a new deal`)
        this.#join()
      }
      this.#lookForDeal()
    })
  }
}

/** Plays a story. @returns what was broken, if anything */
export function play(story: Story, flaw?: Flaw, tell?: (line: string) => void): Played {
  return playStory<Member>(story, tell, (world, unanswered) => {
    const group = new Group(world)
    return {
      service: group,
      start: (n, limit) => new Member(world, { group, name: `member-${n}`, limit, unanswered, paused: story.paused, flaw }),
    }
  })
}
