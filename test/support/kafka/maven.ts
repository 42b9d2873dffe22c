import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { StartedWay, WayOptions } from './index.ts'
import { cacheDirectory, fetchJars } from './jars.ts'
import { startNode } from './node.ts'
import type { KafkaNode, NodeOptions, Runtime } from './node.ts'

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

/**
 * The JVM flag that starts a broker from a class-data archive, which halves the time to start. The archive holds for one Java
 * version; it is written by a broker at its exit, so the first time one is started and stopped for it. Failing costs only time.
 */
const archiveFlag = async (runtime: Runtime, version: string, options: NodeOptions): Promise<string[]> => {
  const archive = path.join(cacheDirectory(), `broker-java-${version}.jsa`)
  if (!existsSync(archive)) {
    options.log('preparing Kafka for quick starts, once (about 10 s) ...')
    const unfinished = `${archive}.${process.pid}`
    try {
      const node = await startNode({ ...runtime, flags: [`-XX:ArchiveClassesAtExit=${unfinished}`] }, options)
      await node.stop(120_000)
      await rename(unfinished, archive)
    } catch (error) {
      await rm(unfinished, { force: true })
      options.log(`going on without quick starts: ${String(error)}`)
      return []
    }
  }
  return [`-XX:SharedArchiveFile=${archive}`]
}

const startOnFreePorts = async (runtime: Runtime, options: NodeOptions): Promise<KafkaNode> => {
  try {
    return await startNode(runtime, options)
  } catch (error) {
    // somebody took the port between our look and the broker's bind
    if (!/already in use|BindException/i.test(String(error))) throw error
    return startNode(runtime, options)
  }
}

/** Kafka from the published jars, run with the Java of this machine (JAVA_HOME, else PATH). Maven is needed only to fetch the jars. */
export const startByMaven = async ({ log, props }: WayOptions): Promise<StartedWay> => {
  const { java, version } = await findJava()
  const runtime = { java, classPath: await fetchJars(log), flags: [] }
  const flags = await archiveFlag(runtime, version, { id: 1, props: {}, log })
  const node = await startOnFreePorts({ ...runtime, flags }, { id: 1, props, log })
  return { brokers: [node.address], stop: () => node.stop() }
}
