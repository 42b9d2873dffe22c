// A part of the bench, and what it is given.

import type { Program } from '../load/program.ts'
import type { Goal } from './goals.ts'
import type { BenchSettings } from './settings.ts'
import type { BenchStage } from './stage.ts'

/** Folder of what was measured. */
export const RESULTS = '.cache/bench'

export interface PartContext {
  readonly settings: BenchSettings
  readonly program: Program
  /** Opened when it is asked for first. */
  readonly stage: () => Promise<BenchStage>
  readonly results: Results
}

export type Part = (context: PartContext) => Promise<void>

/** Where a part puts what it found. */
export interface Results {
  /** All runs, as <name>.json in RESULTS. */
  save(name: string, runs: unknown): void
  /** Prints it now, and once more at the end. `name` is its place in docs/benchmarks.md. */
  table(name: string, title: string, lines: readonly string[]): void
  goals(goals: readonly Goal[]): void
}
