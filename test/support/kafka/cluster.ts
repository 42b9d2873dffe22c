// Real Kafka clusters that tests can harm: brokers that die and come back, and a proxy before each that stalls or tears.

import { setTimeout as delay } from 'node:timers/promises'
import { startTcpProxy } from '../tcp-proxy.ts'
import type { TcpProxy } from '../tcp-proxy.ts'
import { waitForGroups } from './admin.ts'
import type { Broker, BrokerSpec, Host } from './broker.ts'
import { freePorts, onFreePorts } from './ports.ts'
import { removeScramUser, setScramPassword } from './scram.ts'
import { secureListener } from './security.ts'
import type { SecuredListener, Security, TlsFiles } from './security.ts'
import { brokerDefaults } from './settings.ts'
import { byFirstWay } from './ways.ts'

export interface ClusterBroker extends Broker {
  id: number
  /** host:port for the tests' own clients: never through a proxy. */
  direct: string
  /** host:port that workers are given; through `proxy` if there is one, else the same as `direct`. */
  address: string
  proxy: TcpProxy | undefined
}

export interface TestCluster {
  brokers: ClusterBroker[]
  /** `direct` of all */
  direct: string[]
  /** `address` of all */
  addresses: string[]
  /** How workers get in at `addresses`. */
  access: Access
  how: 'docker' | 'maven'
  /** Ends all brokers, whatever they were made to suffer, and removes what they left. May be called more than once. */
  stop(): Promise<void>
}

export interface Access {
  /** The settings that a worker needs for it; none without `security`. */
  env: Record<string, string>
  /** Of the one user (SASL); the token endpoint knows it as a client. */
  username: string
  password: string
  tls: TlsFiles | undefined
  /** SCRAM only: another password for the user, or the user again. Resolves when all brokers know; all must be up. */
  setPassword(password: string): Promise<void>
  /** SCRAM only: no new connection gets in. Resolves when all brokers know; all must be up. */
  removeUser(): Promise<void>
}

export interface ClusterOptions {
  /** 1 if not given. 3 keep three copies of every partition and need two in sync. */
  brokers?: number
  /** A proxy in front of each broker, on the way of the workers; brokers and the tests' own clients go past it. */
  proxied?: boolean
  /** What workers need to get in; the tests' own clients get in without. */
  security?: Security
  /** Broker settings (server.properties) on top of those in settings.ts. */
  props?: Record<string, string>
  log?: (line: string) => void
}

/** Only ends what would hang for good: a start takes some 10 s on a small and busy machine. */
const STARTED_WITHIN_MS = 120_000

const accessTo = (direct: string[], sasl: Security['sasl'], secured: SecuredListener): Access => {
  const { env, username, password, tls } = secured
  const scramUser = () => {
    if (sasl !== 'scram-sha-256' && sasl !== 'scram-sha-512') throw new Error('only users of SCRAM can be changed')
    return { username, mechanism: sasl }
  }
  return {
    env, username, password, tls,
    setPassword: async (password) => setScramPassword(direct, { ...scramUser(), password }),
    removeUser: async () => removeScramUser(direct, scramUser()),
  }
}

const openOn = async (host: Host, options: ClusterOptions): Promise<Omit<TestCluster, 'how'>> => {
  const { brokers: count = 1, proxied = false, security = {}, props = {}, log = () => {} } = options
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  const ports = await freePorts(2 * count)
  const isSecured = Boolean(security.tls ?? security.sasl)
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const step of closing.toReversed()) await step()
  }

  try {
    const secured = await secureListener(security, host.address)
    closing.push(secured.close)
    const planned = await Promise.all(ids.map(async (id, index) => {
      const [directPort = 0, port = 0] = [ports[index], ports[count + index]]
      const own = `${host.address}:${port}`
      const proxy = proxied ? await startTcpProxy({ target: own }) : undefined
      if (proxy) closing.push(() => proxy.close())
      const direct = `${host.address}:${directPort}`
      const advertised = proxy?.address ?? own
      const workers = proxied || isSecured ? { port, advertised, ...secured.listener } : undefined
      const spec: BrokerSpec = { id, directPort, workers, props: { ...brokerDefaults(count), ...props } }
      return { spec, id, direct, address: workers?.advertised ?? direct, proxy }
    }))
    const group = await host.create(planned.map(({ spec }) => spec), log)
    closing.push(group.remove)
    const started = Promise.all(group.brokers.map((broker) => broker.start())).then(() => true)
    if (!(await Promise.race([started, delay(STARTED_WITHIN_MS, false, { ref: false })]))) {
      throw new Error(`the brokers did not serve within ${STARTED_WITHIN_MS} ms`)
    }

    const brokers = planned.map(({ id, direct, address, proxy }, index) => ({ ...group.brokers[index]!, id, direct, address, proxy }))
    const direct = brokers.map((broker) => broker.direct)
    await waitForGroups(direct).catch((error) => {
      throw new Error(`brokers were started at ${direct.join(',')}, but clients get no answer: ${String(error)}`, { cause: error })
    })
    const access = accessTo(direct, security.sasl, secured)
    if (security.sasl?.startsWith('scram')) await access.setPassword(access.password)
    let stopped: Promise<void> | null = null
    return { brokers, direct, addresses: brokers.map(({ address }) => address), access, stop: () => (stopped ??= close()) }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Starts a cluster of our own on free ports of 127.0.0.1, by Docker or by Maven and Java (see ways.ts), and resolves when consumer
 * groups work. It ends with this process, however this one ends.
 */
export const openCluster = (options: ClusterOptions = {}): Promise<TestCluster> =>
  byFirstWay(options.log ?? (() => {}), async (host, how) => ({ ...(await onFreePorts(() => openOn(host, options))), how }))
