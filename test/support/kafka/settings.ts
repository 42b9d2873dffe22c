/** The Kafka that the tests run against, whichever way it is started. */
export const KAFKA_VERSION = '4.4.0'

/** Any 22 characters of base64url will do: the data never outlives the run. */
export const CLUSTER_ID = 'dGVzdC1jdXN0b21lcmlvLQ'

export const HEAP_FLAGS = ['-Xms256m', '-Xmx256m']

/**
 * Settings of a broker that make groups form and topics appear within milliseconds. Three brokers or more keep three copies of
 * everything and ask for two in sync.
 */
export const brokerDefaults = (brokers: number): Record<string, string> => {
  const [copies, inSync] = brokers < 3 ? ['1', '1'] : ['3', '2']
  return {
    // Kafka waits 3 s for more members before a group's first assignment; in a test they join one by one on purpose.
    'group.initial.rebalance.delay.ms': '0',
    // A crashed member must be noticed in test time, so sessions shorter than the usual 6 s are let in.
    'group.min.session.timeout.ms': '1000',
    // A dead broker, too: after 9 s by default.
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    // 50 partitions of the offsets topic take seconds to create on a small machine.
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    // A misspelt topic must fail the test, not appear.
    'auto.create.topics.enable': 'false',
    // The default buffer of the cleaner is 128 MiB, half of the heap given above.
    'log.cleaner.dedupe.buffer.size': String(4 * 1024 * 1024),
  }
}
