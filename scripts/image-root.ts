// Lays out the files of the image, a folder for each layer. The Dockerfile runs it in its first stage:
// `node scripts/image-root.ts FOLDER PACKAGES.cdx.json`, from the folder that has package.json, node_modules and src.

import { spawnSync } from 'node:child_process'
import {
  chmodSync, cpSync, existsSync, globSync, lchownSync, lstatSync, lutimesSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isNeeded, librariesIn } from './image-files.ts'
import { completeBom, paragraphsOf, systemPackage, type Bom } from './sbom.ts'

const [target = '', bomOfNpm = ''] = process.argv.slice(2)
const [runtime, packages, worker] = ['runtime', 'packages', 'worker'].map((layer) => join(target, layer)) as [string, string, string]
const APP = 'app'
const SBOM = 'sbom.cdx.json'
const DPKG = '/var/lib/dpkg/status'
const builtAt = Number(process.env.SOURCE_DATE_EPOCH ?? 0)

/** @throws Error with what it said, if it failed */
function outputOf(command: string, args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to, { recursive: true, dereference: true, filter: (path) => path === from || isNeeded(basename(path)) })
}

/** Node, what it and the native packages load, a user, and where names are looked up. @returns the libraries */
function layOutRuntime(): string[] {
  copy(process.execPath, join(runtime, '/usr/local/bin/node'))
  const libraries = librariesIn(outputOf('ldd', [process.execPath, ...globSync('node_modules/**/*.node')]))
  for (const library of libraries) copy(library, join(runtime, library))
  write(join(runtime, 'etc/passwd'), 'root:x:0:0:root:/:/\nnode:x:1000:1000:node:/app:/\n')
  write(join(runtime, 'etc/group'), 'root:x:0:\nnode:x:1000:\n')
  write(join(runtime, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n')
  mkdirSync(join(runtime, 'tmp'))
  return libraries
}

/** Names of the packages of Debian that own them. */
function ownersOf(files: readonly string[]): string[] {
  const known = files.map((file) => {
    // dpkg may know it by the path from before /lib became a link, or by the one from after
    const owner = [file, join('/usr', file), realpathSync(file)].map((path) => spawnSync('dpkg', ['-S', path], { encoding: 'utf8' }).stdout.split(':')[0]).find(Boolean)
    if (owner === undefined) throw new Error(`no package owns ${file}`)
    return owner
  })
  return [...new Set(known)].toSorted()
}

/** The list of parts; what scanners of images read comes from the same source. */
function layOutPackages(libraries: readonly string[]): void {
  copy('node_modules', join(packages, APP, 'node_modules'))
  const all = paragraphsOf(readFileSync(DPKG, 'utf8'))
  const system = ownersOf(libraries).map((name) => all.get(name) as string)
  system.forEach((paragraph) => write(join(packages, '/var/lib/dpkg/status.d', systemPackage(paragraph).name), paragraph))
  // by it scanners know whose packages these are
  if (existsSync('/etc/os-release')) copy('/etc/os-release', join(packages, '/etc/os-release'))
  const { name } = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string }
  const { packages: installed } = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')) as { packages: Record<string, { version: string }> }
  const bom = completeBom(JSON.parse(readFileSync(bomOfNpm, 'utf8')) as Bom, {
    name, node: process.versions.node, system: system.map(systemPackage), builtAt,
    installed: new Set(Object.entries(installed).map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`)),
  })
  write(join(packages, APP, SBOM), `${JSON.stringify(bom, null, 2)}\n`)
}

function layOutWorker(): void {
  cpSync('src', join(worker, APP, 'src'), { recursive: true })
  copy('package.json', join(worker, APP, 'package.json'))
}

/** Nothing of who built it, and when: owner, rights and times are the same each time. */
function settle(path: string): void {
  const found = lstatSync(path)
  if (found.isDirectory()) for (const name of readdirSync(path)) settle(join(path, name))
  lchownSync(path, 0, 0)
  if (!found.isSymbolicLink()) chmodSync(path, found.isDirectory() || (found.mode & 0o100) !== 0 ? 0o755 : 0o644)
  lutimesSync(path, builtAt, builtAt)
}

layOutPackages(layOutRuntime())
layOutWorker()
settle(target)
// last: for a container without a volume there
chmodSync(join(runtime, 'tmp'), 0o1777)
