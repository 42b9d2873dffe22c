// What a broken promise is traced with: kept if there is one, removed if all went well.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface EvidenceFolder {
  /** Has the workers' logs. */
  path: string
  /** Adds what arrived and what became a dead letter, a JSON line each; from then on the folder stays. */
  keep(arrivals: readonly object[], letters: readonly { headers: Record<string, string> }[]): Promise<void>
  /** Removes the folder unless it was kept. */
  close(): Promise<void>
}

export async function openEvidence(): Promise<EvidenceFolder> {
  const path = await mkdtemp(join(tmpdir(), 'customerio-demo-'))
  let isKept = false
  return {
    path,
    async keep(arrivals, letters) {
      isKept = true
      await writeFile(join(path, 'arrivals.ndjson'), lines(arrivals))
      await writeFile(join(path, 'dead-letters.ndjson'), lines(letters.map(({ headers }) => headers)))
    },
    async close() {
      if (!isKept) await rm(path, { recursive: true, force: true })
    },
  }
}

const lines = (records: readonly object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('')
