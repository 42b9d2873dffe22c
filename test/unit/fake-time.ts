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

/** Lets `ms` pass, and everything that this sets going. */
export async function pass(ms: number): Promise<void> {
  await settled()
  for (let passed = 0; passed < ms; passed += 1) {
    jest.advanceTimersByTime(1)
    await settled()
  }
}

async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
}
