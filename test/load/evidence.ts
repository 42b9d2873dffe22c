import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a broken promise is traced with. It stays unless it is removed. */
export interface Evidence {
  /** Has the workers' logs. */
  folder: string
  /** Adds a file of JSON lines. */
  add(name: string, records: readonly object[]): Promise<void>
  remove(): Promise<void>
}

export async function openEvidence(program: string): Promise<Evidence> {
  const folder = await mkdtemp(join(tmpdir(), `customerio-${program}-`))
  return {
    folder,
    add: async (name, records) => {
      await writeFile(join(folder, `${name}.ndjson`), records.map((record) => `${JSON.stringify(record)}\n`).join(''))
    },
    remove: async () => rm(folder, { recursive: true, force: true }),
  }
}
