// Stories from a seed, and the shortest story that still goes wrong.

import { seededChoices, type Random } from '../support/random.ts'
import { LEASE_MS, LOOK_MS, LOOK_SOON_MS, OUTAGE_MS, type Act, type Story } from './story.ts'

const STORY_MS = 24_000
const MOST_ACTS = 14
/** Until nothing of a process that fell silent last can matter any more. */
const AFTER_LAST_MS = 9_000

/** What happens, and how often. */
const kinds: readonly (readonly [Act['what'], number])[] = [
  ['start', 10], ['leave', 8], ['kill', 6], ['restart', 10], ['freeze', 10], ['cut', 10], ['lose answers', 8], ['appetite', 16], ['limit', 4], ['outage', 5], ['slow', 5], ['hang', 6], ['delete', 2],
]
const bag = kinds.flatMap(([what, times]) => Array.from({ length: times }, () => what))

type Theme = Partial<Story> & Pick<Story, 'acts'>

/** Several processes that use all they have, one of which loses the API, or its answers, and maybe stands still when its lease ends. */
function lostContact(random: Random): Theme {
  const at = 3_000 + random.below(3_000)
  const ms = 3_000 + random.below(9_000)
  return { acts: [
    { at, what: random.pick(['cut', 'cut', 'lose answers']), who: 0, ms },
    { at: at + random.below(6_000), what: 'freeze', who: 0, ms: random.below(random.pick([300, 3_000])) },
    { at: at + random.below(5_000), what: 'hang', ms: random.below(3_000) },
    { at: at + ms + random.below(3_000), what: random.pick(['cut', 'restart', 'leave', 'kill', 'outage']), who: random.below(3), ms: random.below(9_000) },
  ] }
}

/**
 * One that loses the API begins to send in the last moments of its lease, or of its outage: one more request every now and then, none is answered, some
 * come late. Then the others want all.
 */
function lastMoment(random: Random): Theme {
  const at = 4_000 + random.below(1_000)
  const [ms, outagePart] = random.pick([[LEASE_MS, 0], [OUTAGE_MS, 1]] as const)
  const end = at + ms
  const paused = random.pick([0.1, 1])
  return {
    limit: 30, processes: random.pick([2, 2, 3]), paused, outagePart, lookMs: LOOK_SOON_MS,
    acts: [
      ...[0, 1, 2].map((who) => ({ at: 1_000, what: 'appetite', who, value: 2 }) as const),
      { at, what: 'cut', who: 0, ms: 15_000 },
      { at: end - 1_000, what: 'hang', ms: 1_200 },
      ...Array.from({ length: 12 }, (_, n) => ({ at: end - random.below(900), what: 'appetite', who: 0, value: n + 2 }) as const),
      ...[1, 2].map((who) => ({ at: end + 500, what: 'appetite', who, value: 0 }) as const),
    ],
  }
}

/** One has nothing to do, gives its slots away, and wants them back, while answers get lost. */
function handedOver(random: Random): Theme {
  const acts = Array.from({ length: 6 }, (_, n) => [
    { at: 2_000 + n * 3_000, what: 'appetite', who: random.below(3), value: n % 2 === 0 ? 1 : 0 },
    { at: 2_000 + n * 3_000 + random.below(3_000), what: random.pick(['lose answers', 'slow', 'hang', 'freeze']), who: random.below(3), ms: random.below(2_500) },
  ] satisfies Act[]).flat()
  return { acts }
}

/** The limit goes up and down, while one is out of reach. */
function changedLimits(random: Random): Theme {
  const acts = Array.from({ length: 6 }, (_, n) => [
    { at: 2_000 + n * 3_500, what: 'limit', value: n % 2 === 0 ? 2 + random.below(3) : 7 + random.below(4) },
    { at: 1_000 + n * 3_500 + random.below(3_000), what: random.pick(['cut', 'lose answers', 'slow', 'start', 'restart', 'appetite']), who: random.below(3), ms: random.below(6_000), value: random.below(3) },
  ] satisfies Act[]).flat()
  return { acts }
}

const anything = (random: Random): Theme => ({ acts: Array.from({ length: 2 + random.below(MOST_ACTS) }, () => {
  const what = random.pick(bag)
  const value = what === 'limit' ? 2 + random.below(9) : random.pick([0, 0, 1, 1, 2, 3])
  return { at: random.below(STORY_MS - 3_000), what, who: random.below(12), ms: random.below(random.pick([300, 2_000, 9_000])), value }
}) })

/** Half of the stories are of anything; chance alone would seldom make the others. */
export function storyOf(seed: number): Story {
  const random = seededChoices(seed ^ 0x5eed)
  const theme = random.pick([anything, anything, anything, lostContact, lastMoment, handedOver, changedLimits])(random)
  const acts = theme.acts.toSorted((a, b) => a.at - b.at)
  const last = Math.max(...acts.map(({ at, ms = 0 }) => at + ms))
  return {
    seed, limit: 2 + random.below(9), processes: 1 + random.below(4), unanswered: random.pick([0, 0, 0.05, 0.3]), paused: random.pick([0, 0.05, 0.3]), outagePart: random.pick([0, 0.5, 0.5, 1]),
    lookMs: LOOK_MS,
    ...theme, acts, ms: Math.min(STORY_MS, last + AFTER_LAST_MS),
  }
}

/** Leaves out one act after the other, as long as the story still goes wrong. */
export function shrink(story: Story, goesWrong: (story: Story) => boolean): Story {
  let short = story
  for (let changed = true; changed;) {
    changed = false
    for (let index = 0; index < short.acts.length; index += 1) {
      const shorter = { ...short, acts: short.acts.filter((_, at) => at !== index) }
      if (!goesWrong(shorter)) continue
      short = shorter
      changed = true
      break
    }
  }
  return short
}
