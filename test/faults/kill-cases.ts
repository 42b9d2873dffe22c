// kill -9 at every stage of an event's way: what the broker and Customer.io have by then, and what the restart makes of it.

import type { Summary } from '../stand-in/account.ts'
import type { GroupView } from '../support/group-view.ts'
import type { KillStage } from '../support/inside-commands.ts'
import { byMode } from './fault-case.ts'

/** Requests to Customer.io by then: in the middle of what there is to send. */
const MIDDLE = byMode({ single: 150, batch: 3 })

/** What is known outside right after the end of the killed worker. */
export interface Scene extends GroupView {
  account: Summary
  letters: number
}

export interface KillCase {
  at: KillStage
  /** At which occurrence (from 1). */
  nth: number
  fault: string
  does: string
  /** Share of bad events in the traffic. Default 0. */
  badShare?: number
  /** Whether the worker was where it should have been. */
  expectScene: (scene: Scene) => void
  /** What must have been sent again for the kill to have had an effect; nothing if left out. */
  leastRepeats?: { requests?: number; letters?: number }
}

/** The only worker of the group is killed. */
export const ALONE: KillCase[] = [
  {
    at: 'before join', nth: 1,
    fault: 'kill -9 at start-up, before the group is joined',
    does: 'The group never knew of it. The restart begins at once.',
    expectScene: ({ account, members }) => expect({ requests: account.requests, members }).toEqual({ requests: 0, members: 0 }),
  },
  {
    at: 'before fetch', nth: 1,
    fault: 'kill -9 at start-up, before the first fetch',
    does: 'Its partitions are free when its session is over.',
    expectScene: ({ account, members, state }) =>
      expect({ requests: account.requests, members, state }).toEqual({ requests: 0, members: 1, state: 'Stable' }),
  },
  {
    at: 'sent', nth: MIDDLE,
    fault: 'kill -9 while requests have no answer yet',
    does: 'They are sent again, with the same ids.',
    expectScene: ({ account }) => expect(account.requests).toBe(MIDDLE),
  },
  {
    at: 'answered', nth: MIDDLE,
    fault: 'kill -9 between attempt and checkpoint',
    does: 'The answer is not known to the next owner: sent again, with the same ids.',
    expectScene: ({ account }) => expect(account.byStatus['200']).toBeGreaterThanOrEqual(MIDDLE),
    leastRepeats: { requests: 1 },
  },
  {
    at: 'before commit', nth: 2,
    fault: 'kill -9 between checkpoint and commit',
    does: 'What was done since the last commit is sent again, with the same ids.',
    // the first commit is that of the starts, before anything may be sent
    expectScene: ({ account, committed }) => {
      expect(account.operationsByStatus['200']).toBeGreaterThan(0)
      expect(committed).toBe(0)
    },
    leastRepeats: { requests: 1 },
  },
  {
    at: 'after commit', nth: 2,
    fault: 'kill -9 right after a commit',
    does: 'Only what was in flight is sent again.',
    expectScene: ({ committed }) => expect(committed).toBeGreaterThan(0),
  },
  {
    at: 'before letter', nth: 3, badShare: 0.04,
    fault: 'kill -9 before a dead letter leaves',
    does: 'The next owner sends the letter.',
    expectScene: ({ letters }) => expect(letters).toBeLessThan(3),
  },
  {
    at: 'after letter', nth: 3, badShare: 0.04,
    fault: 'kill -9 between a dead letter\'s acknowledgement and its checkpoint',
    does: 'The letter is sent again: it is there twice, with the same headers of origin.',
    expectScene: ({ letters }) => expect(letters).toBeGreaterThanOrEqual(3),
    leastRepeats: { letters: 1 },
  },
]

/** It is killed while it joins again, because another worker joins. */
export const REBALANCE: KillCase[] = [
  { at: 'before join', nth: 2, fault: 'kill -9 in a rebalance, before it joins again' },
  { at: 'after join', nth: 2, fault: 'kill -9 in a rebalance, as leader that has the list of members' },
  { at: 'before sync', nth: 2, fault: 'kill -9 in a rebalance, as leader that has dealt the partitions and not told' },
  { at: 'after sync', nth: 2, fault: 'kill -9 in a rebalance, with its new partitions in hand' },
].map((kill) => ({
  ...kill as Pick<KillCase, 'at' | 'nth' | 'fault'>,
  does: 'It has drained and committed by then, so nothing is sent twice. The others wait until its session is over.',
  expectScene: () => {},
}))

/** It is killed on its way out, after SIGTERM. */
export const SHUTDOWN: KillCase[] = [
  {
    at: 'before leave', nth: 1,
    fault: 'kill -9 at shutdown, drained and not yet out of the group',
    does: 'Everything in flight is done and committed: nothing is sent twice. Its partitions are free when its session is over.',
    expectScene: ({ members, account, committed, letters }) => {
      expect(members).toBe(1)
      expect(committed).toBe((account.operationsByStatus['200'] ?? 0) + letters)
    },
  },
  {
    at: 'after leave', nth: 1,
    fault: 'kill -9 at shutdown, out of the group',
    does: 'Nothing is sent twice, and its partitions are free at once.',
    expectScene: ({ members, account, committed, letters }) => {
      expect(members).toBe(0)
      expect(committed).toBe((account.operationsByStatus['200'] ?? 0) + letters)
    },
  },
]
