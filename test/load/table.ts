// Samples as a table, a line a minute. Pure.

import type { Sample } from './sampler.ts'

const MINUTE_MS = 60_000
const COLUMNS = ['minute', 'RSS min', 'median', 'max', 'heap', 'pending', 'MiB', 'delivered', 'CPU s', 'CPU s per 1,000']

export function table(samples: readonly Sample[]): string[] {
  const minutes = Map.groupBy(samples, ({ at }) => Math.floor(at / MINUTE_MS))
  const rows = [...minutes].filter(([, within]) => within.length > 1).map(([minute, within]) => {
    const rss = within.map(({ rssMiB }) => rssMiB).toSorted((a, b) => a - b)
    const inside = within.flatMap((one) => one.inside ?? [])
    const next = minutes.get(minute + 1)?.[0]?.inside
    const { delivered, cpuSeconds, perThousand } = spent([...inside, ...(next ? [next] : [])])
    return [
      String(minute + 1), fixed(rss[0]), fixed(median(rss)), fixed(rss.at(-1)), fixed(most(inside.map(({ heapMiB }) => heapMiB))),
      String(most(inside.map(({ pendingRecords }) => pendingRecords))), most(inside.map(({ pendingMiB }) => pendingMiB)).toFixed(2),
      String(delivered), cpuSeconds.toFixed(2), perThousand,
    ]
  })
  const widths = COLUMNS.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)))
  return [COLUMNS, ...rows].map((row) => row.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('  '))
}

/** What was delivered from the first to the last of them, and the CPU seconds that it took. */
export function spent(inside: readonly NonNullable<Sample['inside']>[]): { delivered: number; cpuSeconds: number; perThousand: string } {
  const [first, last] = [inside[0], inside.at(-1)]
  const delivered = first && last ? last.delivered - first.delivered : 0
  const cpuSeconds = first && last ? last.cpuSeconds - first.cpuSeconds : 0
  return { delivered, cpuSeconds, perThousand: delivered === 0 ? '-' : (cpuSeconds / delivered * 1_000).toFixed(3) }
}

export function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

function most(values: readonly number[]): number {
  return Math.max(...values)
}

function fixed(value: number | undefined): string {
  return (value ?? NaN).toFixed(0)
}
