import type { Stage } from './stage.ts'

/** One thing that happens to the workers while they work. */
export interface Step {
  /** Short, and without spaces: E2E_STEPS chooses by it. */
  name: string
  /** What happens, for people. */
  title: string
  /** Why it can't be done on this cluster; undefined if it can. */
  missing?(stage: Stage): Promise<string | undefined>
  /** @returns what was seen, with the times that it took. Throws what should have been seen and was not. */
  run(stage: Stage): Promise<string>
}
