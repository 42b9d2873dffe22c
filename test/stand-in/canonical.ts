import { hash } from 'node:crypto'

/** Longer texts are shown by their hash: the state is bounded, and its texts are there to be compared. */
const LONGEST_SHOWN = 256

/** What JSON can say, as JSON with the keys of every object sorted, so that equal values have equal texts. */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  return `{${Object.entries(value).toSorted(byKey).map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`).join()}}`
}

/** The canonical text of a value if it is short, else its hash. */
export function fingerprint(value: unknown): string {
  const text = canonical(value)
  return text.length <= LONGEST_SHOWN ? text : `sha1 ${hash('sha1', text, 'hex')}`
}

/** An order of [key, …] entries that does not hang on a locale. */
export function byKey([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]): number {
  return a < b ? -1 : Number(a > b)
}
