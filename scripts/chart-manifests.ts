import { isMap, parseAllDocuments } from 'yaml'
import type { Document } from 'yaml'

/** Labels and annotations by which Helm finds its own, and the checksum that kustomize has another way for. */
const HELMS = ['helm.sh/chart', 'app.kubernetes.io/managed-by']
const CHECKSUMS = ['checksum/settings', 'checksum/secret-env']

const GENERATORS = `# The names of the settings get a checksum at their end, so a change of them restarts the workers. The limits keep their name: they are read anew.
configMapGenerator:
  - name: customerio-worker-settings
    envs: [settings.env]
    options:
      labels: &labels
        app.kubernetes.io/name: customerio-worker
        app.kubernetes.io/instance: customerio-worker
        app.kubernetes.io/component: worker
  - name: customerio-worker-limits
    files: [limits.json]
    options:
      disableNameSuffixHash: true
      labels: *labels
`

const remove = (document: Document, path: string[], keys: string[]): void => {
  if (!document.hasIn(path)) return
  for (const key of keys) document.deleteIn([...path, key])
  const rest = document.getIn(path)
  if (isMap(rest) && rest.items.length === 0) document.deleteIn(path)
}

/** The files of k8s/, by name, for \`kubectl apply -k\`: what Helm rendered, without what only Helm needs. */
export function manifestsOf(rendered: string): Map<string, string> {
  const files = new Map<string, string>()
  const resources: string[] = []
  for (const document of parseAllDocuments(rendered.replaceAll(/^# Source: .*\n/gm, '')) as Document[]) {
    const { kind, metadata, data } = document.toJS() as { kind: string; metadata: { name: string; annotations?: Record<string, string> }; data?: Record<string, string> }
    // tests and other hooks are run by Helm only
    if (metadata.annotations?.['helm.sh/hook']) continue
    if (kind === 'ConfigMap') {
      if (metadata.name.endsWith('-settings')) files.set('settings.env', Object.entries(data!).map(([key, value]) => `${key}=${value}\n`).join(''))
      else files.set('limits.json', data!['limits.json']!)
      continue
    }
    document.deleteIn(['metadata', 'namespace'])
    remove(document, ['metadata', 'labels'], HELMS)
    remove(document, ['spec', 'template', 'metadata', 'annotations'], CHECKSUMS)
    for (const subject of (document.getIn(['subjects']) as { items: Document[] } | undefined)?.items ?? []) subject.delete('namespace')
    const name = `${kind.toLowerCase()}.yaml`
    files.set(name, document.toString({ lineWidth: 0 }).replace(/^---\n/, ''))
    resources.push(name)
  }
  const head = '# Rendered from the chart with the values in values.yaml: make chart. Change them there, or in a kustomization of your own on top of this one.\n'
  const list = resources.toSorted().map((name) => `  - ${name}\n`).join('')
  files.set('kustomization.yaml', `${head}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n${list}${GENERATORS}`)
  return files
}
