import { Announcer } from './announcer.ts'
import { monotonic, sleep, wall, withMargin } from './clock.ts'
import type { Config } from './config.ts'
import { fenceMs } from './config.ts'
import { createChannel, keyOf } from './delivery/channel.ts'
import type { Channel } from './delivery/channel.ts'
import { apiOf } from './delivery/operations.ts'
import { Quota } from './delivery/quota.ts'
import { errorText } from './errors.ts'
import { createGauges } from './gauges.ts'
import { Intake } from './intake.ts'
import { createAdmin } from './kafka/client/admin.ts'
import { connect } from './kafka/client/connection.ts'
import { createGroupConsumer } from './kafka/client/consumer.ts'
import type { Assignment } from './kafka/client/membership.ts'
import { createProducer } from './kafka/client/producer.ts'
import { DeadLetters } from './kafka/dead-letter.ts'
import { Fence } from './kafka/fence.ts'
import { preflight } from './kafka/preflight.ts'
import { dealToGroup } from './limiter/group-deal.ts'
import { createSource } from './limiter/source.ts'
import { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { oneAtATime } from './one-at-a-time.ts'
import type { Secrets } from './secrets.ts'
import { createStatus } from './status.ts'

export interface WorkerDependencies {
  readonly config: Config
  readonly secrets: Secrets
  readonly logger: Logger
  readonly metrics: Metrics
  readonly version: string
  /** Something that can't be gone on with: the process is to end. */
  readonly onFatal: (error: unknown) => void
}

export interface Worker {
  /** Connects and joins the group. @throws StartupError if the cluster does not fit the settings, else what Kafka said */
  start(): Promise<void>
  /** Finishes what is in flight, commits, leaves the group, disconnects. */
  stop(): Promise<void>
  /** What has been taken from Kafka and is not done. */
  left(): { records: number; inFlight: number }
  /** Joined at least once. */
  joined(): boolean
  /** ms since kafkajs last asked for records, or last waited in vain for an answer of Kafka: else it is stuck. */
  sinceSign(): number
  /** Brings the gauges up to date. */
  measure(): void
  /** What it is doing, and what holds it: for people. */
  status(): object
}

/** Commits that are tried before an assignment is given up: the coordinator may just have moved. */
const COMMIT_ATTEMPTS = 3

/** Time between two looks at what time alone changes: an end of a stop is told so much too late at most. */
const STATUS_INTERVAL_MS = 500

/** Resolves after `ms` no earlier than asked: timers may fire up to a millisecond early. */
const after = (ms: number, run: () => void): void => { setTimeout(run, Math.ceil(ms) + 1) }

/** Puts the parts together; the way of an event through them is in ARCHITECTURE.md. */
export function createWorker({ config, secrets, logger, metrics, version, onFatal }: WorkerDependencies): Worker {
  const kafka = connect(config, secrets, logger)
  const admin = createAdmin(kafka)
  const producer = createProducer(kafka)
  const fence = new Fence(fenceMs(config))
  const announcer = new Announcer(logger, monotonic)
  const limits = new Limits({ config, logger })
  const latestArrivalMs = withMargin(config.LATEST_ARRIVAL_MS)
  const fenced = () => !fence.isOpen(monotonic())
  const source = createSource({ config, limits, apis: config.APIS, clock: monotonic, after, random: Math.random, announcer, logger, fenced })
  const quota = new Quota(config.EXHAUSTED_QUOTA)
  const deadLetters = new DeadLetters({ producer, topic: config.KAFKA_DLQ_TOPIC, workerVersion: version, logger, announcer, onFailure: () => metrics.deadLetterFailures.inc() })
  const channels = config.APIS.map((api) => createChannel({
    api, config, secrets, share: source.of(api), limit: limits.of(api), quota, deadLetters, announcer, metrics, logger, clock: monotonic, wall, after, fenced,
  }))
  const [firstChannel] = channels as [Channel]
  const byApi = new Map(channels.map((channel) => [channel.api, channel]))
  secrets.onChange((key) => { for (const { api, delivery } of channels) if (key === keyOf(api)) delivery.credentialsChanged() })
  const intake = new Intake({
    config,
    // what is invalid goes to no API, only to the dead-letter topic
    onReady: (item) => (item.event.kind === 'event' ? byApi.get(apiOf(item.event.type)) ?? firstChannel : firstChannel).delivery.add(item),
    onBarrier: () => void commit(),
    pause: (partition) => consumer.pause(partition),
    resume: (partition) => consumer.resume(partition),
  })

  let assignment: Assignment | undefined
  let revoking: Promise<void> | undefined
  let stopping = false
  let hasJoined = false
  /** undefined before it consumes: whoever waits for slots, or for the group, is not stuck. */
  let lastPoll: number | undefined
  let lastUnanswered = -Infinity
  const timers: NodeJS.Timeout[] = []

  const commit = oneAtATime(async () => {
    const mine = assignment
    const moved = intake.progress()
    if (!mine || moved.size === 0) return
    try {
      await consumer.commit(mine, moved)
      metrics.commits.inc()
      announcer.say({ what: 'commits' }, { state: 'acknowledged', stops: false, message: 'commits are acknowledged again' })
      // a newer assignment may have begun meanwhile: its work starts from what the broker has
      if (assignment === mine) intake.committed(moved)
    } catch (error) {
      metrics.commitFailures.inc()
      if ((error as { type?: unknown }).type === 'OFFSET_METADATA_TOO_LARGE') intake.shrinkMarks()
      announcer.say({ what: 'commits' }, { state: 'failing', stops: true, message: 'commit failed; it will be tried again', fields: { cause: errorText(error) } })
      await sleep(100)
    }
  })

  /** Gives the partitions up in good order: what is in flight is finished, what is done is committed, the rest is forgotten. */
  const giveUp = async (): Promise<void> => {
    if (!assignment) return
    const began = monotonic()
    source.revoked()
    for (const { delivery } of channels) delivery.hold()
    // every request has been answered by then, or can't arrive any more
    await Promise.race([Promise.all(channels.map(async ({ limiter, delivery }) => limiter.quiet().then(async () => delivery.idle()))), sleep(latestArrivalMs)])
    for (let attempt = 1; attempt <= COMMIT_ATTEMPTS && intake.progress().size > 0; attempt += 1) await commit()
    intake.close()
    assignment = undefined
    fence.shut()
    metrics.rebalanceDrain.observe((monotonic() - began) / 1000)
  }

  const consumer = createGroupConsumer(kafka, config, logger, {
    revoke: async () => {
      // joining again and leaving may both ask: there is one drain
      revoking ??= giveUp().finally(() => { revoking = undefined })
      await revoking
    },
    assigned: (given) => {
      if (assignment) {
        logger.error({ generation: given.generation }, 'assigned twice without a revoke')
        for (const { delivery } of channels) delivery.hold()
        intake.close()
      }
      assignment = given
      hasJoined = true
      metrics.rebalances.inc()
      fence.shut()
      for (const [partition, { position, lost }] of given.starts) {
        if (lost === 0) continue
        metrics.offsetGap.inc(lost)
        logger.error({ partition, position, lost }, 'records were deleted before this group had read them')
      }
      intake.open(given)
      source.assigned(given.slots)
      if (!stopping) for (const { delivery } of channels) delivery.start()
      logger.info({ generation: given.generation, partitions: given.partitions, partitionCount: given.partitionCount, slots: given.slots }, 'assigned')
    },
    acknowledged: (sentAt) => {
      const wasFenced = fenced()
      fence.acknowledged(sentAt)
      if (wasFenced) for (const { delivery } of channels) delivery.pump()
    },
    replaced: () => {
      intake.forget()
      logger.error({ topic: config.KAFKA_TOPIC }, 'the topic was made anew: reading begins where the group has committed in it, else at its start')
    },
    budgets: () => source.budgets(),
    deal: dealToGroup,
    position: (partition) => intake.position(partition),
    hasRoom: (partition) => intake.hasRoom(partition),
    room: async (partition) => intake.room(partition),
    take: (record) => intake.take(record),
    reached: (partition, end) => intake.reached(partition, end),
    recommit: (partition) => intake.recommit(partition),
    polled: () => { lastPoll = monotonic() },
    // a broker that takes requests and answers none holds up a join for minutes: a restart of the process would cure nothing
    unanswered: () => { lastUnanswered = monotonic() },
    jumped: (partition, from, to) => {
      intake.jump(partition, to)
      void admin.bounds(config.KAFKA_TOPIC).then((bounds) => {
        const lost = Math.min(to, bounds.get(partition)?.earliest ?? 0) - from
        if (lost > 0) metrics.offsetGap.inc(lost)
        logger[lost > 0 || to < from ? 'error' : 'info']({ partition, from, to, lost: Math.max(0, lost) }, 'reading goes on at another offset')
      }, (error: unknown) => logger.warn({ partition, from, to, cause: errorText(error) }, 'reading goes on at another offset'))
    },
    crashed: (error, restarting) => {
      metrics.consumerCrashes.inc()
      // it goes on by itself, so a restart of the process would cure nothing
      if (restarting) lastPoll = monotonic()
      logger[restarting ? 'warn' : 'error']({ cause: errorText(error), restarting }, 'the Kafka consumer crashed')
      if (!restarting && !stopping) onFatal(error)
    },
  })

  const sincePoll = (): number => (lastPoll === undefined ? 0 : monotonic() - lastPoll)
  const sinceSign = (): number => Math.min(sincePoll(), monotonic() - lastUnanswered)
  const isFenced = (): boolean => assignment !== undefined && fenced()
  const status = createStatus({
    group: () => ({ stopping, joined: hasJoined, generation: revoking ? undefined : assignment?.generation, assigned: assignment?.generation, fenced: isFenced() }),
    intake, channels, deadLetters, source, quota, lag: () => gauges.lag(), concurrency: config.CONCURRENCY, announcer, clock: monotonic,
  })
  const gauges = createGauges({
    config, metrics, logger, announcer, admin, intake, channels, source, limits, quota, deadLetters, hold: status.hold, isFenced, sincePoll,
  })

  return {
    start: async () => {
      await admin.connect()
      const dealt = config.RATE_LIMIT_SHARE === 'fixed' ? [] : config.APIS.map((api) => ({ api, limit: limits.of(api).limit }))
      await preflight(admin, { source: config.KAFKA_TOPIC, deadLetters: config.KAFKA_DLQ_TOPIC }, dealt, logger)
      timers.push(
        setInterval(() => void consumer.heartbeat().catch(() => {}), config.KAFKA_HEARTBEAT_INTERVAL_MS),
        setInterval(() => void commit(), config.COMMIT_INTERVAL_MS),
        setInterval(() => void gauges.look(), config.LAG_INTERVAL_MS),
        setInterval(() => void secrets.look(), config.SECRETS_INTERVAL_MS),
        setInterval(() => void limits.look(), config.RATE_LIMITS_INTERVAL_MS),
        setInterval(() => {
          status.look()
          if (source.wantsDeal()) consumer.askForDeal()
        }, STATUS_INTERVAL_MS),
        setInterval(gauges.summarise, config.LOG_SUMMARY_INTERVAL_MS),
      )
      // without slots it would only keep partitions from those who have some
      await source.start()
      if (stopping) return
      lastPoll = monotonic()
      await consumer.start()
    },
    stop: async () => {
      stopping = true
      for (const { delivery } of channels) delivery.hold()
      await consumer.stop()
      await Promise.race([Promise.all(channels.map(async ({ limiter }) => limiter.quiet())), sleep(latestArrivalMs)])
      await source.stop()
      for (const timer of timers) clearInterval(timer)
      await Promise.all([producer.stop(), admin.stop(), ...channels.map(async (channel) => channel.close())])
    },
    left: () => ({ records: intake.pending.records, inFlight: channels.reduce((sum, { delivery }) => sum + delivery.inFlight, 0) }),
    joined: () => hasJoined,
    sinceSign,
    measure: gauges.measure,
    status: status.report,
  }
}
