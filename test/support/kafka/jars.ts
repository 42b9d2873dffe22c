import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { KAFKA_VERSION } from './settings.ts'

/** Where jars and class-data archive stay between runs: `.cache/kafka/<version>` under the repository's root. */
export const cacheDirectory = (): string => path.resolve('.cache', 'kafka', KAFKA_VERSION)

// kafka_2.13 names kafka-tools-api, which is not published; a broker does not need it.
const POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
      <exclusions>
        <exclusion>
          <groupId>org.apache.kafka</groupId>
          <artifactId>kafka-tools-api</artifactId>
        </exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`

const copyDependencies = async (directory: string): Promise<void> => {
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
  await writeFile(path.join(directory, 'pom.xml'), POM)
  try {
    await promisify(execFile)('mvn', ['-B', '-ntp', '-q', goal, '-DincludeScope=runtime', '-DoutputDirectory=jars'], {
      cwd: directory,
      timeout: 10 * 60_000,
    })
  } catch (error) {
    const { code, stdout = '', killed } = error as { code?: unknown; stdout?: string; killed?: boolean }
    if (code === 'ENOENT') throw new Error('Maven (mvn) is not installed', { cause: error })
    const reason = killed ? 'no end after 10 minutes' : /\[ERROR\] (.*)/.exec(stdout)?.[1]
    throw new Error(`Maven could not fetch Kafka: ${reason ?? String(error)}`, { cause: error })
  }
}

/**
 * The class path of a broker, fetched by Maven the first time. Several processes may do this at once: each fetches into a
 * directory of its own, and the first to rename it wins.
 */
export const fetchJars = async (log: (line: string) => void): Promise<string> => {
  const jars = path.join(cacheDirectory(), 'jars')
  if (!existsSync(jars)) {
    log(`fetching Kafka ${KAFKA_VERSION} by Maven (about 43 MB) ...`)
    await mkdir(cacheDirectory(), { recursive: true })
    const work = await mkdtemp(path.join(cacheDirectory(), 'fetching-'))
    try {
      await copyDependencies(work)
      await rename(path.join(work, 'jars'), jars)
    } catch (error) {
      if (!existsSync(jars)) throw error
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
  const names = await readdir(jars)
  return names.toSorted().map((name) => path.join(jars, name)).join(path.delimiter)
}
