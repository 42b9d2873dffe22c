/** Rows as lines, the first column to the left, the others to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number): string => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))
  return rows.map((row) => row.map(pad).join('  '))
}

export const percent = (part: number): string => `${(part * 100).toFixed(1)} %`
export const seconds = (ms: number | null): string => (ms === null ? 'not' : `${(ms / 1_000).toFixed(1)} s`)
