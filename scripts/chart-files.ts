import { readdirSync, readFileSync } from 'node:fs'
import { readmeOf } from './chart-readme.ts'
import { manifestsOf } from './chart-manifests.ts'
import { withSettings } from './chart-settings.ts'
import { renderChart } from './chart-render.ts'

export const CHART = 'helm/customerio-worker'
const MANIFESTS = 'k8s'
/** By hand: what the manifests are rendered with. */
const MANIFEST_VALUES = `${MANIFESTS}/values.yaml`

/** Every file that is made from the chart or for it, by its path: what it has to hold. Writes nothing. */
export function chartFiles(helm: string): Map<string, string> {
  const schemaPath = `${CHART}/values.schema.json`
  const schema = withSettings(readFileSync(schemaPath, 'utf8'))
  const manifests = manifestsOf(renderChart(helm, CHART, ['-f', MANIFEST_VALUES]))
  return new Map([
    [schemaPath, schema],
    [`${CHART}/README.md`, readmeOf(schema, readFileSync(`${CHART}/values.yaml`, 'utf8'))],
    ...[...manifests].map(([name, content]) => [`${MANIFESTS}/${name}`, content] as const),
  ])
}

/** Files in the folder of manifests that nothing is rendered into any more. */
export const staleManifests = (files: ReadonlyMap<string, string>): string[] =>
  readdirSync(MANIFESTS).map((name) => `${MANIFESTS}/${name}`).filter((path) => path !== MANIFEST_VALUES && !files.has(path))
