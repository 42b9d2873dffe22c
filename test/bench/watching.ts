import type { Contender } from './contestants.ts'

/** Resolves with `work`. @throws if the contender ends before it, at the signal, or when `withinMs` have passed */
export async function beforeEnd<T>(work: Promise<T>, { contender, name, signal, withinMs }: { contender: Contender; name: string; signal: AbortSignal; withinMs: number }): Promise<T> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
  const aborted = new Promise<never>((_, reject) => over.addEventListener('abort', () => reject(over.reason as Error), { once: true }))
  return Promise.race([work, aborted, contender.exited.then((how) => { throw new Error(`${name} ended with ${how} before it was through`) })])
}
