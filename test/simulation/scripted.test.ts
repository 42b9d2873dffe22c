// Stories that a search by chance misses, or finds only after many thousands: each is played with many seeds, by the rules, and without
// the rule that it needs.

import { play, type Flaw } from './kubernetes.ts'
import { LEASE_MS, LOOK_MS, LOOK_SOON_MS, OUTAGE_MS, type Act, type Story } from './story.ts'

const SEEDS = 60
/** A rule that is left out shows within so many, or the story is no longer the one that it was written to be. */
const MOST_SEEDS = 400

const ordinary = { limit: 6, processes: 2, unanswered: 0, paused: 0, outagePart: 0.5, lookMs: LOOK_MS, ms: 20_000 } as const
type Script = Partial<Omit<Story, 'seed' | 'acts'>> & Pick<Story, 'acts'>
const told = (script: Script, seed: number): Story => ({ ...ordinary, ...script, seed })

const CUT_AT = 4_000
const cut = (who: number): Act => ({ at: CUT_AT, what: 'cut', who, ms: 16_000 })

/**
 * The first loses the API. In the last second of what it may still use it sends one more request every now and then, stands still before
 * each, and none is answered, though some arrive late. Then the other wants everything.
 */
function sendsUntilTheEnd(lastsMs: number): readonly Act[] {
  const end = CUT_AT + lastsMs
  return [
    { at: 1_000, what: 'appetite', who: 0, value: 2 },
    { at: 1_000, what: 'appetite', who: 1, value: 2 },
    cut(0),
    { at: end - 1_000, what: 'hang', ms: 1_200 },
    ...Array.from({ length: 8 }, (_, n) => ({ at: end - 800 + n * 100, what: 'appetite', who: 0, value: n + 3 }) as const),
    { at: end + 500, what: 'appetite', who: 1, value: 0 },
  ]
}

const scripts: readonly (Script & { name: string; without: readonly Flaw[] })[] = [
  {
    name: 'an old process loses the API, stands still at the end of its lease, and its last requests arrive late',
    limit: 30, paused: 1, outagePart: 0, lookMs: LOOK_SOON_MS, acts: sendsUntilTheEnd(LEASE_MS),
    without: ['silence: no latest arrival', 'no end of the lease'],
  },
  {
    name: 'so at the end of its outage',
    limit: 30, paused: 1, outagePart: 1, lookMs: LOOK_SOON_MS, acts: sendsUntilTheEnd(OUTAGE_MS),
    without: ['silence: no latest arrival', 'no floor kept for outages'],
  },
  {
    name: 'one that stood still for long wakes up, and is not in the ledger any more',
    acts: [{ at: CUT_AT, what: 'freeze', who: 0, ms: 10_000 }],
    without: ['no end of the lease'],
  },
  {
    name: 'the replacement never saw the process that vanished: the ledger was deleted in between',
    processes: 1, outagePart: 1, acts: [cut(0), { at: CUT_AT + 100, what: 'delete' }, { at: CUT_AT + 200, what: 'start' }],
    without: ['new ledger open at once'],
  },
  {
    name: 'a process vanishes while the first look of another is under way, and goes on sending',
    processes: 1, outagePart: 0,
    acts: [{ at: CUT_AT - 10, what: 'slow', ms: 2_000 }, { at: CUT_AT - 5, what: 'start' }, cut(0)],
    without: ['no end of the lease'],
  },
  {
    name: 'a process is killed with requests under way, while the first look of another is under way',
    processes: 1, outagePart: 0,
    acts: [
      { at: CUT_AT - 1_000, what: 'hang', ms: 1_050 }, { at: CUT_AT, what: 'slow', ms: 1_000 },
      { at: CUT_AT, what: 'start' }, { at: CUT_AT + 5, what: 'kill', who: 0 },
    ],
    // what it needs is less than what others wait for one that may still be alive
    without: [],
  },
  {
    name: 'a process is killed with requests under way, and started again in its pod',
    processes: 1, acts: [{ at: CUT_AT - 1_000, what: 'hang', ms: 1_050 }, { at: CUT_AT, what: 'restart', who: 0, ms: 10 }],
    without: ['restart: no latest arrival', 'restart: no window', 'restarted process takes its predecessor\'s place'],
  },
  {
    name: 'more processes are going down, out of reach of the API, than there are new ones',
    limit: 12, processes: 4, acts: [...[0, 1, 2, 3].map(cut), { at: CUT_AT + 100, what: 'start' }, { at: CUT_AT + 200, what: 'start' }],
    without: ['no floor kept for outages', 'no end of the lease'],
  },
]

test.each(scripts)('$name', ({ name: _name, without: _without, ...script }) => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violation, windows } = play(told(script, seed))
    expect({ seed, violation }).toEqual({ seed, violation: undefined })
    expect(windows).toBeGreaterThan(0)
  }
})

const flawed = scripts.flatMap(({ name, without, ...script }) => without.map((flaw) => ({ name, flaw, script })))

test.each(flawed)('without the rule "$flaw" it goes over the limit: $name', ({ flaw, script }) => {
  const seeds = Array.from({ length: MOST_SEEDS }, (_, n) => n + 1)
  expect(seeds.some((seed) => play(told(script, seed), flaw).violation)).toBe(true)
})
