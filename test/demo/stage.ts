// What the workers run between: a real Kafka on one side, the stand-in for Customer.io on the other.

import type { TestKafka } from '../support/kafka/index.ts'
import { credentials, type Topics } from '../support/stage.ts'
import { startStandIn, type StandInProcess } from '../support/stand-in.ts'
import { deleteGroups, deleteTopics } from '../support/topics.ts'

export interface Stage extends Topics {
  kafka: TestKafka
  standIn: StandInProcess
}

/** Leaves no trace in a Kafka that is not the demo's own. */
export async function closeTopics({ kafka, topic, letterTopic, group }: Omit<Stage, 'standIn'>): Promise<void> {
  if (kafka.how !== 'external') return
  await deleteGroups(kafka.brokers, [group, `${group}-demo`])
  await deleteTopics(kafka.brokers, [topic, letterTopic])
}

/** A Customer.io that takes its time, refuses 2 % of first attempts, and now and then is slow. */
export function startCustomerio(limit: number, unit: 'request' | 'operation'): Promise<StandInProcess> {
  return startStandIn({
    ...credentials,
    limit,
    unit,
    windowMs: 1_000,
    seed: 7,
    faults: {
      latencyMs: [30, 60],
      rules: [
        { name: 'unavailable', match: { firstAttempts: 1, ratio: 0.02 }, effect: { status: 503 } },
        { name: 'slow', match: { ratio: 0.01 }, effect: { delayMs: [300, 800] } },
      ],
    },
  })
}
