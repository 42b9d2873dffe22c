// What is outside of the cluster: Kafka and the stand-in, both reached by pods at this machine's address.

import { networkInterfaces } from 'node:os'
import { waitForGroups } from '../support/kafka/admin.ts'
import { freePorts, onFreePorts } from '../support/kafka/ports.ts'
import { brokerDefaults } from '../support/kafka/settings.ts'
import { byFirstWay } from '../support/kafka/ways.ts'
import type { Program } from '../load/program.ts'
import { credentials, openTopics, type Topics } from '../support/stage.ts'
import { startStandIn, type StandInProcess } from '../support/stand-in.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

export interface Outside extends Topics {
  /** host:port for this process. */
  brokers: string[]
  /** host:port for pods. */
  brokersOfPods: string
  standIn: StandInProcess
  /** For pods. */
  urlOfPods: string
}

export const WINDOW_MS = 1_000
const LATENCY_MS: [number, number] = [20, 50]

/** Where to listen for those who come by `host`: there, if it is an address of this machine; a name, or the address of a router, leads to any. */
export const listenAddress = (host: string): string =>
  (Object.values(networkInterfaces()).flat().some((found) => found?.address === host) ? host : '0.0.0.0')

export async function openOutside({ host, limit, partitions }: { host: string; limit: number; partitions: number }, program: Program): Promise<Outside> {
  const kafka = await startKafka(host, program)
  const topics = await openTopics([kafka.direct], partitions)
  const standIn = await startStandIn({ ...credentials, host: listenAddress(host), limit, windowMs: WINDOW_MS, seed: 1, faults: { latencyMs: LATENCY_MS } })
  program.atEnd(standIn.stop)
  return { ...topics, brokers: [kafka.direct], brokersOfPods: kafka.ofPods, standIn, urlOfPods: `http://${host}:${new URL(standIn.url).port}` }
}

/** A broker with a second listener, which it advertises at `host`; a forwarder stands there. */
async function startKafka(host: string, { say, atEnd }: Program): Promise<{ direct: string; ofPods: string }> {
  return byFirstWay(say, async (place, how) => onFreePorts(async () => {
    const [directPort = 0, port = 0, outer = 0] = await freePorts(3)
    const ofPods = `${host}:${outer}`
    const workers = { port, advertised: ofPods, protocol: 'PLAINTEXT' as const, props: {} }
    const { brokers: [broker], remove } = await place.create([{ id: 1, directPort, workers, props: brokerDefaults(1) }], say)
    atEnd(remove)
    await broker!.start()
    const direct = `${place.address}:${directPort}`
    await waitForGroups([direct])
    const forwarder = await startTcpProxy({ target: `${place.address}:${port}`, host: listenAddress(host), port: outer })
    atEnd(forwarder.close)
    say(`Kafka is up (${how}); for pods it is at ${ofPods}.`)
    return { direct, ofPods }
  }))
}
