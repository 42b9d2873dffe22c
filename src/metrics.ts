import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

const PREFIX = 'customerio_worker_'
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const REQUEST_EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]
const AGE_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400]

/** Every metric of the worker, declared once; docs/metrics.md is held against this list by a test. Base units; labels have few values, never a person. */
export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) => new Counter({ name: PREFIX + name, help, labelNames, registers })
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) => new Gauge({ name: PREFIX + name, help, labelNames, registers })
  const histogram = <L extends string = never>(name: string, help: string, buckets: number[], labelNames: readonly L[] = []) =>
    new Histogram({ name: PREFIX + name, help, buckets, labelNames, registers })
  /** Of something that may not be known: it has no value until then. */
  const measured = (name: string, help: string) => {
    const made = gauge(name, help)
    made.remove()
    return made
  }
  collectDefaultMetrics({ register: registry })

  return {
    registry,
    // what became of events
    events: counter('events_total', 'Events with their final outcome: delivered or dead_letter.', ['type', 'outcome']),
    deadLetters: counter('dead_letters_total', 'Dead letters acknowledged by the broker, by reason.', ['reason']),
    deadLetterFailures: counter('dead_letter_failures_total', 'Sends of a dead letter that failed; each is tried again.'),
    deadLetterPartitions: gauge('dead_letter_partitions', 'Partitions held up because the dead-letter topic does not take their letters.'),
    deadLetterQuota: gauge('dead_letter_quota_left', 'Events that may still be given up within this minute because their retries ran out or they were forbidden.'),
    eventAge: histogram('event_age_seconds', 'Age of an event (since its record\'s timestamp) when it was done: accepted by Customer.io, or its dead letter written.', AGE_SECONDS, ['outcome']),
    skipped: counter('records_skipped_total', 'Records met again after a rebalance that were already done, so not sent again.'),
    // attempts
    attempts: counter('attempts_total', 'Requests to Customer.io, by HTTP status, or timeout or network when there was none.', ['api', 'status']),
    attemptDuration: histogram('attempt_duration_seconds', 'Time from sending a request to its verdict.', SECONDS, ['api']),
    requestEvents: histogram('request_events', 'Events that share a request to Customer.io.', REQUEST_EVENTS, ['api']),
    halved: counter('batches_halved_total', 'Batches that were sent again in halves, to find what is wrong in them, by cause.', ['api', 'cause']),
    retries: counter('retries_total', 'Attempts that were put off to be tried again, by cause.', ['api', 'cause']),
    inFlight: gauge('in_flight_requests', 'Requests to Customer.io without a verdict yet.', ['api']),
    // the limiter
    slotsOwned: gauge('slots_owned', 'Slots (requests a window) that this process may use now.', ['api']),
    slotsFree: gauge('slots_free', 'Owned slots that are free now.', ['api']),
    slotsUsable: gauge('slots_usable', 'Owned slots used at present; fewer than owned after repeated 429s.', ['api']),
    slotsHeld: gauge('slots_held', 'Slots in use, or less than a window out of use.', ['api']),
    slotsQuarantined: gauge('slots_quarantined', 'Slots of processes that are gone or silent, which nobody may use yet (share kubernetes).', ['api']),
    throttleFactor: gauge('throttle_factor', 'Part of the owned slots that is used: 1, or less after repeated 429s.', ['api']),
    rateLimit: gauge('rate_limit', 'Limit of an API for all processes together, its reserve taken off: requests a window.', ['api']),
    limitsStale: gauge('limits_stale', '1 while RATE_LIMITS_FILE can\'t be used, so that the limits are those of before.'),
    // where the slots come from
    shareSource: gauge('share_source', '1 for the way in which the limit is shared.', ['source']),
    shareStanding: gauge('share_standing', '1 for how this process stands in the ledger of slots (share kubernetes).', ['standing']),
    shareAge: gauge('share_age_seconds', 'Time since the last renewal of the slots that was acknowledged was sent (share kubernetes).'),
    shareMembers: gauge('share_members', 'Processes among which the limit is dealt, as the ledger shows them (share kubernetes).'),
    shareRank: gauge('share_rank', 'Place of this process among them, from 0 (share kubernetes).'),
    limiterWait: histogram('limiter_wait_seconds', 'Time that an event ready to be sent waited for a slot; of a batch, that of its first.', SECONDS, ['api']),
    limiterQueued: gauge('limiter_queued', 'Attempts queued at the limiter.', ['api']),
    limiterRunning: gauge('limiter_running', 'Attempts running under the limiter.', ['api']),
    limiterDone: counter('limiter_done_total', 'Attempts that went through the limiter.', ['api']),
    limiterDepleted: counter('limiter_depleted_total', 'Times that the last free slot was taken.', ['api']),
    limiterErrors: counter('limiter_errors_total', 'Errors raised by the limiter itself.'),
    // what holds sending
    heldBy: gauge('held_by', '1 for what holds sending now, 0 for the other reasons.', ['api', 'reason']),
    gateClosed: gauge('gate_closed', '1 while a 429 keeps this process from sending.', ['api']),
    throttled: counter('throttled_total', 'Answers with status 429.', ['api']),
    breakerState: gauge('breaker_state', 'Breaker: 0 closed, 1 half open, 2 open, 3 open for refused credentials.', ['api']),
    probes: counter('probes_total', 'Calls that ask whether the credentials work, by result.', ['api', 'result']),
    // progress
    lagRecords: gauge('partition_lag_records', 'Records between the committed offset and the end of a partition owned here.', ['partition']),
    lagSeconds: gauge('partition_lag_seconds', 'Age of the oldest record of a partition owned here that is not done.', ['partition']),
    drainSeconds: gauge('time_to_drain_seconds', 'Lag of the owned partitions divided by what this process delivers at most: time to empty them with no new events.'),
    pending: gauge('pending_records', 'Records taken from Kafka that are not done.'),
    pendingBytes: gauge('pending_bytes', 'Bytes of the records that are not done.'),
    waiting: gauge('waiting_events', 'Events that wait for their next attempt.', ['api']),
    pausedPartitions: gauge('paused_partitions', 'Partitions not fetched because enough of their records are pending.'),
    // autoscaling
    usefulReplicas: measured('useful_replicas', 'Workers that can be put to use now: by events, limit, speed of this one, and partitions.'),
    groupArrival: measured('group_arrival_events_per_second', 'Records that came into the topic per second, in the last minute.'),
    groupBacklog: measured('group_backlog_records', 'Records of the whole topic that are not committed, but for those of partitions that stand still.'),
    groupPartitionsWithLag: measured('group_partitions_with_lag', 'Partitions of the whole topic with records that are not committed, or that have just come.'),
    groupBudget: measured('group_budget_events_per_second', 'Events that the limit allows all workers together per second, requests being full.'),
    podUnthrottled: measured('pod_unthrottled_events_per_second', 'Events that this process could deliver per second if no limit held it.'),
    // the group
    assignedPartitions: gauge('assigned_partitions', 'Partitions owned by this process.'),
    rebalances: counter('rebalances_total', 'Assignments received from the group.'),
    rebalanceDrain: histogram('rebalance_drain_seconds', 'Time to finish what was in flight before a rebalance.', SECONDS),
    commits: counter('commits_total', 'Commits of offsets acknowledged by the broker.'),
    commitFailures: counter('commit_failures_total', 'Commits of offsets that failed.'),
    fenced: gauge('fenced', '1 while no heartbeat was acknowledged for so long that this process may not send.'),
    sincePoll: gauge('since_last_poll_seconds', 'Time since the last fetch from Kafka.'),
    offsetGap: counter('offset_gap_records_total', 'Records that were deleted (retention) before this group had read them: lost.'),
    consumerCrashes: counter('consumer_crashes_total', 'Restarts of the Kafka consumer after an error.'),
  }
}
