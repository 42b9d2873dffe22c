// What a test can have done to a worker from within: see inside-worker.ts.

/** A line of JSON on the worker's stdin: blocks its event loop, or steps its Date, by so many ms; or throws an error with this message where nothing catches it. */
export type Command = { block: number } | { stepClock: number } | { raise: string }

/**
 * Where a worker can be killed: at a request to Customer.io of which the body was sent, or the head of the answer has come; before a request to
 * the broker leaves, or when its answer has come and nothing has acted on it yet.
 */
export const KILL_STAGES = [
  'sent', 'answered', 'before fetch', 'before commit', 'after commit', 'before letter', 'after letter',
  'before join', 'after join', 'before sync', 'after sync', 'before leave', 'after leave',
] as const
export type KillStage = (typeof KILL_STAGES)[number]

/** At which occurrence of the stage (from 1), for the environment of a worker. */
export const killAt = (stage: KillStage, nth = 1): Record<string, string> => ({ TEST_KILL_AT: `${stage}:${nth}` })
