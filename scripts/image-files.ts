// Which files of packages an image is without. Pure.

/** Type declarations and sources (Node runs no TypeScript below node_modules), source maps, texts, and binaries for another runtime than Node. */
const UNUSED = /\.(?:[cm]?ts|map|md|markdown|bare|coffee|html)$/i
/** Whoever passes a package on must pass on these. */
const LEGAL = /^(?:licen[cs]e|notice|copying|copyright)/i

/**
 * Whether a running worker can need it, or a licence asks for it.
 * @param name of a file, or of a folder with all that is in it
 */
export function isNeeded(name: string): boolean {
  return LEGAL.test(name) || !(name.startsWith('.') || UNUSED.test(name))
}

/** The files that `ldd` says are loaded: those found by name, and the loader itself. */
export function librariesIn(ldd: string): string[] {
  return [...new Set([...ldd.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path]) => path as string))].toSorted()
}
