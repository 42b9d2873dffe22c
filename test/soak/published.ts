// What is really in the topic: a verdict on events that were never there, or twice, would be none.

import type { TopicRecord } from '../support/read-topic.ts'
import type { TrafficItem } from '../support/traffic.ts'

/** Partition and offset of each event, by its marker. */
export type Places = ReadonlyMap<string, { partition: number; offset: bigint }>

/**
 * @param records the whole topic, by partition and offset
 * @throws Error if the topic does not hold what was published: each event once, those of one key in order
 */
export function placesOf(published: readonly TrafficItem[], records: readonly TopicRecord[]): Places {
  const places = new Map<string, { partition: number; offset: bigint }>()
  for (const { headers: { marker = '' }, partition, offset } of records) {
    if (places.has(marker)) throw new Error(`the publisher put ${marker} into the topic twice: nothing can be said of this round`)
    places.set(marker, { partition, offset })
  }
  const last = new Map<string, bigint>()
  for (const { marker, key } of published) {
    const place = places.get(marker)
    if (!place) throw new Error(`the publisher did not put ${marker} into the topic: nothing can be said of this round`)
    if (key === null) continue
    const name = key.toString('hex')
    if (place.offset <= (last.get(name) ?? -1n)) throw new Error(`the publisher put ${marker} before an earlier one of its key: nothing can be said of this round`)
    last.set(name, place.offset)
  }
  return places
}
