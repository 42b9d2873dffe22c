// What happened, line by line.

export interface Story {
  tell(what: string): void
  /** From now on times count from here. */
  zero(): void
  readonly lines: readonly string[]
}

export function createStory(): Story {
  const lines: string[] = []
  let from: number | undefined
  return {
    lines,
    zero: () => { from = performance.now() },
    tell: (what) => void lines.push(`${from === undefined ? '        ' : at(performance.now() - from)}  ${what}`),
  }
}

/** A time in the story, such as "+12.3 s". */
export const at = (ms: number): string => `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1_000).toFixed(1)} s`.padStart(8)
