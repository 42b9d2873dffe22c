// The pure cores, by tinybench: ns an event, beside what could not be done without.

import { Bench } from 'tinybench'
import { Batcher } from '../../src/delivery/batcher.ts'
import { operationOf } from '../../src/delivery/operations.ts'
import { ReadyQueue } from '../../src/delivery/ready.ts'
import { decodeEvent } from '../../src/event.ts'
import type { CustomerEvent } from '../../src/event.ts'
import { Checkpoint } from '../../src/kafka/checkpoint.ts'
import { Lanes } from '../../src/kafka/lanes.ts'
import type { Item } from '../../src/kafka/partition-work.ts'
import type { KafkaRecord } from '../../src/kafka/record.ts'
import { aligned } from '../load/lines.ts'
import { seededChoices } from '../support/random.ts'
import { purchases } from './events.ts'
import { fixed, median } from './figures.ts'
import type { Part } from './part.ts'

/** Events of one iteration: as many as a worker has pending by default, from 8 partitions. */
const EVENTS = 2_000
const PARTITIONS = 8
const MEASURE_MS = 300
const WARM_UP_MS = 100

export const cores: Part = async ({ settings, program, results }) => {
  const runs: { core: string; round: number; nsPerEvent: number }[] = []
  for (let round = 1; round <= settings.runs; round += 1) {
    const bench = new Bench({ time: MEASURE_MS, warmupTime: WARM_UP_MS, throws: true })
    for (const [name, core] of Object.entries(coresOf())) bench.add(name, core)
    bench.runSync()
    for (const { name, result } of bench.tasks) {
      if (result.state !== 'completed') throw new Error(`${name} was not measured`)
      runs.push({ core: name, round, nsPerEvent: result.latency.p50 * 1e6 / EVENTS })
    }
    // runSync lets nothing else run
    program.signal.throwIfAborted()
  }
  results.save('cores', runs)
  const rows = [...Map.groupBy(runs, ({ core }) => core)].map(([core, mine]) => {
    const ns = mine.map(({ nsPerEvent }) => nsPerEvent)
    return [core, fixed(median(ns), 0), `${fixed(Math.min(...ns), 0)}..${fixed(Math.max(...ns), 0)}`]
  })
  results.table('cores', 'Pure cores', aligned([['', 'ns an event', '(min..max)'], ...rows]))
}

type Placed = Pick<Item, 'record' | 'work' | 'readySince'>

/** What each iteration does with EVENTS events. The result is returned, so that nothing is left out as useless. */
function coresOf(): Record<string, () => unknown> {
  const records = [...purchases(EVENTS)].map((record, index): KafkaRecord => (
    { ...record, headers: {}, topic: 'customerio-events', partition: index % PARTITIONS, offset: Math.floor(index / PARTITIONS), timestamp: 1_767_603_600_000 + index }
  ))
  const events = records.map((record) => decodeEvent(record, undefined, 'bench') as CustomerEvent)
  const texts = records.map(({ value }) => value as Buffer)
  const works = Array.from({ length: PARTITIONS }, () => ({ closed: false }))
  const placed = records.map((record, index): Placed => ({ record, work: works[record.partition] as unknown as Item['work'], readySince: index }))
  const items = placed.map((place, index) => ({ ...place, event: events[index], lane: events[index]!.person }) as Item)
  const order = shuffledNearby(EVENTS)
  return {
    'floor: JSON.parse': () => texts.reduce((sum, text) => sum + Object.keys(JSON.parse(text.toString()) as object).length, 0),
    'decode + validate': () => records.reduce((sum, record) => sum + decodeEvent(record, undefined, 'bench').kind.length, 0),
    'decode + validate + id': () => records.reduce((sum, record) => sum + (decodeEvent(record, undefined, 'bench') as CustomerEvent).id.length, 0),
    'v2 operation + JSON.stringify': () => JSON.stringify(events.map(operationOf)).length,
    checkpoint: () => {
      const checkpoint = new Checkpoint(0)
      for (let offset = 0; offset < EVENTS; offset += 1) checkpoint.admit(offset)
      for (const offset of order) checkpoint.resolve(offset)
      return checkpoint.position
    },
    lanes: () => {
      const lanes = new Lanes<CustomerEvent>()
      for (const event of events) lanes.push(event.person, event)
      for (const event of events) lanes.shift(event.person, event)
      return lanes.size
    },
    'ready queue': () => {
      const ready = new ReadyQueue<Placed>()
      for (const place of placed) ready.push(place)
      while (ready.shift());
      return ready.size
    },
    batcher: () => {
      const batcher = new Batcher('batch')
      for (const item of items) batcher.add(item)
      while (batcher.next(Infinity));
      return batcher.events
    },
  }
}

/** 0 to n-1, each at most some hundred places from its own: as answers come back. */
function shuffledNearby(n: number): number[] {
  const random = seededChoices(1)
  return Array.from({ length: n }, (_, index) => [index, index + random.below(200)] as const).toSorted(([, a], [, b]) => a - b).map(([index]) => index)
}
