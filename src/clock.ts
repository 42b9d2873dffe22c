/** Milliseconds of a clock that never steps: spans, slots and fences are measured with it. */
export type MonotonicClock = () => number

/** Milliseconds since the epoch: only for what other machines read (timestamps, Retry-After dates, event ages). */
export type WallClock = () => number

export const monotonic: MonotonicClock = () => performance.now()
export const wall: WallClock = () => Date.now()

/** A span with a margin for clocks that drift: 0.25 % and 5 ms (drift assumed: at most 0.1 %). ms. */
export const withMargin = (ms: number): number => ms * 1.0025 + 5

/** Resolves once `clock()` has reached `due`. Node's timers may fire up to a millisecond early, so the clock is asked again. */
export async function sleepUntil(due: number, clock: MonotonicClock = monotonic): Promise<void> {
  for (let left = due - clock(); left > 0; left = due - clock()) {
    await new Promise((resolve) => setTimeout(resolve, Math.ceil(left)))
  }
}

export async function sleep(ms: number): Promise<void> {
  await sleepUntil(monotonic() + ms)
}
