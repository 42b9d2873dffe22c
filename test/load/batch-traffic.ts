// Events for random runs of batch mode: a shop's, with every operation of the Track API, most of them such as can share requests. Pure.

import { seededChoices } from '../support/random.ts'
import { generateTraffic, type TrafficItem } from '../support/traffic.ts'

/** Kinds that take a request each, as do all events of people whose ids look like an e-mail address. */
const ALONE = new Set(['trackAnonymous', 'merge', 'formSubmit', 'unsubscribe', 'reportMetric'])
/** So many of those are kept: a run is to be about batches, and at a low limit it would last for minutes. */
const ALONE_KEPT = 0.15
/** What goes in batches together with events of others, and names its person in there. */
const IN_BATCHES = new Set([
  'identify', 'track', 'page', 'screen', 'suppress', 'unsuppress', 'destroy', 'addDevice', 'deleteDevice', 'addRelationships', 'deleteRelationships',
])

export interface BatchTraffic {
  items: TrafficItem[]
  /** People of whom Customer.io is to refuse whatever comes in a batch: of these the items expect a dead letter. */
  refused: string[]
}

/** @param options `events`: about so many; `refusedShare`: of the people, 0 to 1 */
export function batchTraffic({ events, people, seed, refusedShare }: { events: number; people: number; seed: number; refusedShare: number }): BatchTraffic {
  const random = seededChoices(seed + 1_000_003)
  // a quarter of the generated ones goes alone
  const generated = generateTraffic({ events: Math.ceil(events * 1.28), people, seed, operations: 'all', badShare: 0.01 })
  const kept = generated.filter((item) => !goesAlone(item) || random.chance(ALONE_KEPT))
  const ids = new Set(kept.flatMap(({ person }) => (person?.startsWith('cus_') ? [person] : [])))
  const refused = new Set([...ids].filter(() => random.chance(refusedShare)))
  const items = kept.flatMap((item): TrafficItem[] => {
    if (item.expect !== 'delivered' || !refused.has(item.person ?? '') || !IN_BATCHES.has(item.type)) return [item]
    // what is refused is told by its marker
    return item.hasBody ? [{ ...item, expect: 'dead-letter' }] : []
  })
  return { items: items.slice(0, events), refused: [...refused] }
}

function goesAlone({ expect, type, person }: TrafficItem): boolean {
  return expect === 'delivered' && (ALONE.has(type) || (person?.includes('@') ?? false))
}
