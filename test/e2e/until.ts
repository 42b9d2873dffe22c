import { setTimeout as wait } from 'node:timers/promises'

const LOOK_MS = 500

/**
 * Looks again and again until it is so. An error counts as no: an API server may be away for a moment.
 * @returns how long it took, ms. Throws what did not come about after `withinMs`.
 */
export async function until(what: string, withinMs: number, isSo: () => Promise<boolean> | boolean): Promise<number> {
  const from = performance.now()
  let trouble: unknown
  for (;;) {
    try {
      if (await isSo()) return performance.now() - from
      trouble = undefined
    } catch (error) {
      trouble = error
    }
    if (performance.now() - from > withinMs) {
      throw new Error(`not within ${Math.round(withinMs / 1_000)} s: ${what}${trouble === undefined ? '' : ` (${String(trouble)})`}`)
    }
    await wait(LOOK_MS)
  }
}
