/** The Kafka that the tests run against, whichever way it is started. */
export const KAFKA_VERSION = '4.4.0'

/** Any 22 characters of base64url will do: the data never outlives the run. */
export const CLUSTER_ID = 'dGVzdC1jdXN0b21lcmlvLQ'

export const HEAP_FLAGS = ['-Xms256m', '-Xmx256m']

/** Settings of a single broker that make groups form and topics appear within milliseconds. */
export const FAST_PROPS: Record<string, string> = {
  // Kafka waits 3 s for more members before a group's first assignment; in a test they join one by one on purpose.
  'group.initial.rebalance.delay.ms': '0',
  // A crashed member must be noticed in test time, so sessions shorter than the usual 6 s are let in.
  'group.min.session.timeout.ms': '1000',
  // 50 partitions of the offsets topic take seconds to create on a small machine.
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  // A misspelt topic must fail the test, not appear.
  'auto.create.topics.enable': 'false',
  // The default buffer of the cleaner is 128 MiB, half of the heap given above.
  'log.cleaner.dedupe.buffer.size': String(4 * 1024 * 1024),
}
