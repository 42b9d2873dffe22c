// What the broker knows of the workers' group.

import { decodeDone } from '../../src/kafka/done-marks.ts'
import { withAdmin } from './kafka/admin.ts'

export interface GroupView {
  /** The group's state in the broker's words. */
  state: string
  members: number
  /** Records done by what is committed, the marks beyond the offsets included. The topic's first offset is taken to be 0. */
  committed: number
  /** Committed offsets by partition; none where nothing was committed. */
  offsets: ReadonlyMap<number, number>
}

export async function groupView(brokers: string[], { group, topic }: { group: string; topic: string }): Promise<GroupView> {
  return withAdmin(brokers, async (admin) => {
    const { groups: [described] } = await admin.describeGroups([group])
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const commits = (offsets?.partitions ?? [])
      .map(({ partition, offset, metadata }) => ({ partition, offset: Number(offset), metadata }))
      .filter(({ offset }) => offset >= 0)
    return {
      state: described?.state ?? '', members: described?.members.length ?? 0,
      committed: commits.reduce((sum, { offset, metadata }) => sum + offset + decodeDone(offset, metadata).size, 0),
      offsets: new Map(commits.map(({ partition, offset }) => [partition, offset])),
    }
  })
}
