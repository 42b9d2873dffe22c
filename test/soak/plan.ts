// What happens in a round, and when: all of it drawn from the round's seed. Pure.

import { seededRandom } from '../stand-in/random.ts'
import { seededChoices, type Random } from '../support/random.ts'
import type { Disturbance, Kind } from './disturbance.ts'
import { ofCustomerIo } from './of-customerio.ts'
import { ofKafka } from './of-kafka.ts'
import { ofNetwork } from './of-network.ts'
import { ofProcesses } from './of-processes.ts'
import { drawSetup, type Setup } from './setup.ts'

/** A disturbance in its place; ms from the beginning of the round. */
export interface Step {
  kind: string
  at: number
  until: number
  disturbance: Disturbance
}

export interface Plan extends Setup {
  seed: number
  /** By `at`. */
  steps: Step[]
}

export const KINDS: readonly Kind[] = [...ofCustomerIo, ...ofNetwork, ...ofKafka, ...ofProcesses]

/** The first disturbance does not come before the workers have got going, and after the last one there is traffic left to recover with. */
const CALM_BEFORE_MS = 3_000
const CALM_AFTER = 0.12
/** A short round has no more than one disturbance for each of these. */
const SHARE_MS = 6_000
const TRIES = 200

/** @param seconds length of the round, in place of the drawn one */
export function drawPlan(seed: number, seconds?: number): Plan {
  const random = seededChoices(seed)
  const setup = drawSetup(random, seconds)
  return { seed, ...setup, steps: drawSteps(random, setup) }
}

/** Seed of the n-th round (from 0): that of the first is the given one, so that a round can be had again alone. */
export function roundSeed(seed: number, n: number): number {
  return n === 0 ? seed : Math.floor(seededRandom(seed + n * 7_919)() * 2 ** 31)
}

function drawSteps(random: Random, setup: Setup): Step[] {
  const wanted = Math.min(3 + random.below(8), Math.ceil(setup.lengthMs / SHARE_MS))
  const kinds = KINDS.filter(({ fits }) => fits?.(setup) ?? true)
  const last = setup.lengthMs * (1 - CALM_AFTER)
  const steps: Step[] = []
  for (let tried = 0; steps.length < wanted && tried < TRIES; tried += 1) {
    const { kind, lastsMs: [least, most], draw } = random.pick(kinds)
    const forMs = least + random.below(most - least + 1)
    const room = last - CALM_BEFORE_MS - forMs
    const at = CALM_BEFORE_MS + Math.floor(random.next() * Math.max(0, room))
    const step = { kind, at, until: at + forMs, disturbance: draw(random, setup, forMs) }
    if (room >= 0 && !steps.some((other) => collide(step, other))) steps.push(step)
  }
  return steps.toSorted((a, b) => a.at - b.at)
}

/** Disturbances may overlap, but not where each would undo what the other does. */
function collide(a: Step, b: Step): boolean {
  return a.at <= b.until && b.at <= a.until && a.disturbance.claims.some((claim) => b.disturbance.claims.includes(claim))
}
