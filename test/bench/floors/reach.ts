// Where a floor reads and sends, as the bench told it. Floors promise nothing: no order, no retry, no limit, no dead letters.

import type { Consumer } from 'kafkajs'
import { kafkaClient } from '../../support/kafka-client.ts'

const { BROKERS = '', TOPIC = '', GROUP = '', SINK = '' } = process.env

/** Of the sink, without a trailing slash. */
export const sink = SINK

export interface Purchase {
  readonly type: string
  readonly userId: string
  readonly payload: { readonly event: string; readonly properties: Record<string, unknown> }
}

/** A consumer that is about to read the topic from its start; the bench is told, since what a process takes is counted from here on. */
export async function reader(): Promise<Consumer> {
  const consumer = kafkaClient(BROKERS.split(','), 'floor').consumer({ groupId: GROUP })
  await consumer.connect()
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true })
  process.send?.('ready')
  return consumer
}

process.once('disconnect', () => process.exit(0))
