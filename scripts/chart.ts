// Writes what is made from the chart, or from the worker for it: the settings in values.schema.json, the chart's README.md, the manifests in k8s/.
// `--check` only compares, and ends with 1 if something is not up to date.
import { readFileSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { findTools } from '../test/support/helm.ts'
import { chartFiles, staleManifests } from './chart-files.ts'

const tools = findTools()
if ('missing' in tools) {
  console.error(tools.missing)
  process.exit(1)
}
const files = chartFiles(tools.helm)
const stale = staleManifests(files)
const changed = [...files].filter(([path, content]) => !existsSync(path) || readFileSync(path, 'utf8') !== content).map(([path]) => path)
if (process.argv.includes('--check')) {
  for (const path of [...changed, ...stale]) console.log(`${path} is not up to date: make chart`)
  process.exitCode = changed.length + stale.length === 0 ? 0 : 1
} else {
  for (const path of changed) writeFileSync(path, files.get(path)!)
  for (const path of stale) rmSync(path)
}
console.log(`chart: ${files.size} files made from it, ${changed.length + stale.length} changed`)
