// What a broker of a test is, whichever way it runs: as a process of ours, or in a container.

/** The listener that workers use. */
export interface WorkerListener {
  /** On 127.0.0.1 of this machine. */
  port: number
  /** host:port that metadata gives away for it. */
  advertised: string
  protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** Broker settings of this listener alone, without their prefix. */
  props: Record<string, string>
}

export interface BrokerSpec {
  id: number
  /** Port on 127.0.0.1 of the listener for the tests' own clients. */
  directPort: number
  /** None: workers use the direct one. */
  workers: WorkerListener | undefined
  /** Broker settings on top of those in settings.ts. */
  props: Record<string, string>
}

/** A broker that can be ended and started again: id, ports and data stay. */
export interface Broker {
  /** Resolves when it serves (among several: when a quorum has let it in). Throws with its last lines if it ends before. */
  start(): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM, so a controlled shutdown; by force after 10 s. Resolves when it is gone. */
  stop(): Promise<void>
  /** Freezes it: sockets stay open, nothing answers. */
  pause(): Promise<void>
  resume(): Promise<void>
}

/** Brokers that know each other. */
export interface BrokerGroup {
  brokers: Broker[]
  /** Ends them by force and removes all that they leave. */
  remove(): Promise<void>
}

/** Where brokers can run, with all that it takes already fetched. */
export interface Host {
  /** Under which the ports of its brokers are reached. */
  address: string
  /** Makes brokers, not yet started. This process's end, however it comes, ends and removes them. */
  create(specs: BrokerSpec[], log: (line: string) => void): Promise<BrokerGroup>
}

interface Listener {
  name: string
  bind: string
  /** None: not for clients (the controller's). */
  advertised?: string
  protocol: string
}

/** The listener of the tests' own clients, and that of the workers if there is one. `bind` says where the way lets them listen. */
export const clientListeners = (spec: BrokerSpec, host: string, bind: { direct: string; workers: string }): Listener[] => {
  const direct = { name: 'DIRECT', bind: bind.direct, advertised: `${host}:${spec.directPort}`, protocol: 'PLAINTEXT' }
  const { workers } = spec
  if (!workers) return [direct]
  return [direct, { name: 'WORKERS', bind: bind.workers, advertised: workers.advertised, protocol: workers.protocol }]
}

/** server.properties of a combined broker and controller. */
export const brokerProperties = (
  spec: BrokerSpec,
  layout: { voters: string; listeners: Listener[]; interBroker: string; dataDirectory: string },
): Record<string, string> => {
  const { listeners } = layout
  const ofWorkers = Object.entries(spec.workers?.props ?? {}).map(([key, value]) => [`listener.name.workers.${key}`, value])
  return {
    'process.roles': 'broker,controller',
    'node.id': String(spec.id),
    'controller.quorum.voters': layout.voters,
    'controller.listener.names': 'CONTROLLER',
    listeners: listeners.map(({ name, bind }) => `${name}://${bind}`).join(','),
    'advertised.listeners': listeners.flatMap(({ name, advertised }) => (advertised ? [`${name}://${advertised}`] : [])).join(','),
    'listener.security.protocol.map': listeners.map(({ name, protocol }) => `${name}:${protocol}`).join(','),
    'inter.broker.listener.name': layout.interBroker,
    'log.dirs': layout.dataDirectory,
    ...Object.fromEntries(ofWorkers),
    ...spec.props,
  }
}
