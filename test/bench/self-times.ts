// Where the time of a .cpuprofile went. Pure.

/** The part of the format that is read here. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number } }[]
  readonly samples: readonly number[]
  /** us before each sample. */
  readonly timeDeltas: readonly number[]
}

export interface SelfTime {
  /** Name, file and line. */
  readonly where: string
  readonly ms: number
}

/** Time within each function itself, what it calls left out; most first, waiting left out. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTime[] {
  const byId = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = byId.get(id)!
    if (functionName === '(idle)') continue
    const where = `${functionName || '(anonymous)'}${url ? `  ${shortened(url)}:${lineNumber + 1}` : ''}`
    times.set(where, (times.get(where) ?? 0) + (timeDeltas[index] ?? 0) / 1_000)
  }
  return [...times].map(([where, ms]) => ({ where, ms })).toSorted((a, b) => b.ms - a.ms)
}

/** From the package on, or from the repository's root on. */
function shortened(url: string): string {
  const path = url.replace(/^file:\/\//, '')
  return path.includes('/node_modules/') ? path.replace(/^.*\/node_modules\//, '') : path.replace(/^.*\/(?=(?:src|test)\/)/, '')
}

/** Self time of a function's file or package, most first. */
export function byPlace(times: readonly SelfTime[]): SelfTime[] {
  const sums = new Map<string, number>()
  for (const { where, ms } of times) {
    const [name = '', file] = where.split('  ')
    const place = file === undefined ? name : file.startsWith('src/') || file.startsWith('node:') ? file.replace(/:\d+$/, '') : file.split('/')[0] as string
    sums.set(place, (sums.get(place) ?? 0) + ms)
  }
  return [...sums].map(([where, ms]) => ({ where, ms })).toSorted((a, b) => b.ms - a.ms)
}
