// Time that passes only when a test says so: setTimeout, performance.now and Date.now, a millisecond at a time.

/** To be called at the head of a test file. Immediates stay real: they are how a test waits for all promises to have gone on. */
export function useFakeTime(): void {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'clearImmediate', 'nextTick', 'queueMicrotask'], now: Date.UTC(2026, 0, 1) })
  })
  afterEach(() => {
    jest.clearAllTimers()
    jest.useRealTimers()
  })
}

/**
 * Lets `ms` pass, and everything that this sets going.
 * @param step ms at a time: more is faster, and lets promises go on only between steps
 */
export async function pass(ms: number, step = 1): Promise<void> {
  await settled()
  for (let left = ms; left > 0; left -= step) {
    jest.advanceTimersByTime(Math.min(left, step))
    await settled()
  }
}

async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
}
