import type { Admin } from 'kafkajs'
import { setTimeout as wait } from 'node:timers/promises'

const POLL_MS = 50

/** Resolves when the group's offsets say that so many events are done, or at the signal: what is sent is not yet done. */
export async function allCommitted(admin: Admin, { group, topic, events }: { group: string; topic: string; events: number }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const committed = (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
    if (committed >= events) return
    await wait(POLL_MS)
  }
}
