import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { GO_ENVIRONMENT, run } from '../command.ts'
import { canRun, onPath } from '../on-path.ts'

/** Built where Debian's package can't be had. */
const VERSION = 'v0.311.3'
/** The oldest Go that builds it. */
const LEAST_GO = 26
const BINARIES = ['prometheus', 'promtool'] as const
type Binary = typeof BINARIES[number]

const NONE = 'No Prometheus for the tests of rules:'
const cacheDirectory = (): string => path.resolve('.cache', 'prometheus')
const builtFolder = (): string => path.join(cacheDirectory(), 'bin')

/** TEST_PROMETHEUS_BIN, the folders of PATH, then what `make prometheus` has fetched: the first that has it. */
function find(name: Binary): string | undefined {
  const given = process.env.TEST_PROMETHEUS_BIN
  const inFolder = (folder: string): string | undefined => [path.join(folder, name)].find(canRun)
  return given ? inFolder(given) : onPath(name) ?? inFolder(builtFolder())
}

/** Why `name` can't be had, and what would help; undefined if it can. Starts and fetches nothing. */
export function prometheusMissing(name: Binary): string | undefined {
  if (find(name)) return undefined
  const given = process.env.TEST_PROMETHEUS_BIN
  if (given) return `${NONE} TEST_PROMETHEUS_BIN (${given}) is without ${name}.`
  return `${NONE} there is no ${name} in PATH. \`make prometheus\` fetches it (Debian's package, or built with Go 1.${LEAST_GO} or newer, once, some minutes); or set TEST_PROMETHEUS_BIN to a folder that has it.`
}

/** Path of `name`. @throws Error if there is none */
export function prometheusBinary(name: Binary): string {
  const file = find(name)
  if (!file) throw new Error(prometheusMissing(name))
  return file
}

/** Fetches or builds both, unless they are there. Resolves with their paths. @throws Error that says what is missing for that */
export async function makePrometheus(log: (line: string) => void): Promise<string[]> {
  if (BINARIES.some((name) => !find(name))) await fill(log)
  return BINARIES.map(prometheusBinary)
}

/** A finished binary is moved in as a whole: several processes may do so at once. */
async function fill(log: (line: string) => void): Promise<void> {
  await mkdir(builtFolder(), { recursive: true })
  const work = await mkdtemp(path.join(cacheDirectory(), 'fetching-'))
  try {
    const why = [await fromDebian(work, log), await fromGo(work, log)].filter((reason) => reason !== undefined)
    if (BINARIES.some((name) => !existsSync(path.join(work, name)))) throw new Error(`${NONE} ${why.join('; ')}.`)
    for (const name of BINARIES) await rename(path.join(work, name), path.join(builtFolder(), name))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Debian's package, unpacked and not installed: seconds. Resolves with why that did not work. */
async function fromDebian(work: string, log: (line: string) => void): Promise<string | undefined> {
  if (!onPath('apt-get') || !onPath('dpkg-deb')) return 'this is no Debian'
  log('fetching Prometheus (20 MB, the first time only) ...')
  try {
    await run('apt-get', ['download', '--quiet', 'prometheus'], { cwd: work })
    const archive = (await readdir(work)).find((file) => file.endsWith('.deb'))
    await run('dpkg-deb', ['-x', archive as string, 'unpacked'], { cwd: work })
    for (const name of BINARIES) await copyFile(path.join(work, 'unpacked', 'usr', 'bin', name), path.join(work, name))
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Built in the folder of its module: what that replaces counts. Resolves with why that did not work, or why it was not needed. */
async function fromGo(work: string, log: (line: string) => void): Promise<string | undefined> {
  const missing = BINARIES.filter((name) => !existsSync(path.join(work, name)))
  if (missing.length === 0) return undefined
  const [, minor] = /go1\.(\d+)/.exec(onPath('go') ? spawnSync('go', ['version'], { encoding: 'utf8' }).stdout : '') ?? []
  if (!(Number(minor) >= LEAST_GO)) return `Go 1.${LEAST_GO} or newer is not there`
  log('building Prometheus with Go, which takes some minutes, the first time only ...')
  try {
    const { Dir } = JSON.parse(await run('go', ['mod', 'download', '-json', `github.com/prometheus/prometheus@${VERSION}`], { cwd: work, env: GO_ENVIRONMENT })) as { Dir: string }
    for (const name of missing) await run('go', ['build', '-mod=readonly', '-trimpath', '-tags', 'remove_all_sd', '-ldflags', '-s -w', '-o', path.join(work, name), `./cmd/${name}`], { cwd: Dir, env: GO_ENVIRONMENT })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
