import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { BrokerSpec, Host } from './broker.ts'
import { cacheDirectory, fetchJars } from './jars.ts'
import { createNode } from './node.ts'
import type { KafkaNode, Runtime } from './node.ts'
import { freePorts } from './ports.ts'
import { brokerDefaults } from './settings.ts'

const LEAST_JAVA = 17

const findJava = async (): Promise<{ java: string; version: string }> => {
  const home = process.env.JAVA_HOME
  const java = home ? path.join(home, 'bin', 'java') : 'java'
  // macOS has a `java` that only says that there is none, so running it is the only test.
  const answer = await promisify(execFile)(java, ['-version']).catch(() => null)
  const version = answer && /version "([^"]+)"/.exec(answer.stderr)?.[1]
  if (!version) throw new Error(home ? `there is no Java in JAVA_HOME (${home})` : 'Java is not installed')
  if (!(Number.parseInt(version, 10) >= LEAST_JAVA)) {
    throw new Error(`Java ${LEAST_JAVA} or newer is needed, ${java} is ${version}`)
  }
  return { java, version }
}

/** Brokers of one cluster on ports of this machine, formatted, not started. */
const createNodes = async (runtime: Runtime, specs: BrokerSpec[], log: (line: string) => void): Promise<KafkaNode[]> => {
  const ports = await freePorts(specs.length)
  const voters = specs.map(({ id }, index) => `${id}@127.0.0.1:${ports[index]}`).join(',')
  const nodes = await Promise.allSettled(specs.map((spec, index) => createNode(runtime, spec, { voters, port: ports[index]! }, log)))
  const failed = nodes.find((node) => node.status === 'rejected')
  const created = nodes.flatMap((node) => (node.status === 'fulfilled' ? [node.value] : []))
  if (!failed) return created
  await Promise.all(created.map((node) => node.remove()))
  throw failed.reason
}

/**
 * The JVM flag that starts a broker from a class-data archive, which halves the time to start. The archive holds for one Java
 * version; it is written by a broker at its exit, so the first time one is started and stopped for it. Failing costs only time.
 */
const archiveFlag = async (runtime: Runtime, version: string, log: (line: string) => void): Promise<string[]> => {
  const archive = path.join(cacheDirectory(), `broker-java-${version}.jsa`)
  if (!existsSync(archive)) {
    log('preparing Kafka for quick starts, once (about 10 s) ...')
    const unfinished = `${archive}.${process.pid}`
    const [directPort = 0] = await freePorts(1)
    const spec = { id: 1, directPort, workers: undefined, props: brokerDefaults(1) }
    const [node] = await createNodes({ ...runtime, flags: [`-XX:ArchiveClassesAtExit=${unfinished}`] }, [spec], log)
    try {
      await node!.start()
      await node!.stop(120_000)
      await rename(unfinished, archive)
    } catch (error) {
      await rm(unfinished, { force: true })
      log(`going on without quick starts: ${String(error)}`)
      return []
    } finally {
      await node!.remove()
    }
  }
  return [`-XX:SharedArchiveFile=${archive}`]
}

/** Kafka from the published jars, run with the Java of this machine (JAVA_HOME, else PATH). Maven is needed only to fetch the jars. */
export const mavenHost = async (log: (line: string) => void): Promise<Host> => {
  const { java, version } = await findJava()
  const bare = { java, classPath: await fetchJars(log), flags: [] }
  const runtime = { ...bare, flags: await archiveFlag(bare, version, log) }
  return {
    address: '127.0.0.1',
    create: async (specs, log) => {
      const nodes = await createNodes(runtime, specs, log)
      return { brokers: nodes, remove: async () => void (await Promise.all(nodes.map((node) => node.remove()))) }
    },
  }
}
