import { parse } from 'yaml'

interface Node {
  description?: string
  type?: string | string[]
  enum?: unknown[]
  properties?: Record<string, Node>
  $ref?: string
}
interface Root extends Node {
  definitions: Record<string, Node>
}

const HEAD = `# Chart of customerio-worker

Made from \`values.schema.json\` and \`values.yaml\`: \`make chart\`. How to install, upgrade and look after it: [docs/kubernetes.md](../../docs/kubernetes.md).

- \`settings\` takes every key of [docs/configuration.md](../../docs/configuration.md) but the secrets, which go into a Secret, and those that the chart sets itself.
- What would not work together is refused with a sentence, before anything is changed.
- \`files/adapter-rules.yaml\` is for prometheus-adapter, where an HPA is to see the lag.

| Value | Default | What it is for |
|---|---|---|
`

/** Maps that are told as a whole: what is in them is Kubernetes's, or has a page of its own. */
const isLeaf = (node: Node, path: string): boolean => !node.properties || /(^|\.)(settings|limits|resources)$|^secret\.values$/.test(path)

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** README.md of the chart: a line for each value. */
export function readmeOf(schemaText: string, valuesText: string): string {
  const schema = JSON.parse(schemaText) as Root
  const rows: string[] = []
  const walk = (given: Node, value: unknown, path: string): void => {
    const node = given.$ref ? { ...schema.definitions[given.$ref.split('/').at(-1)!], ...given } : given
    if (isLeaf(node, path)) {
      const allowed = node.enum && !path.endsWith('keys') ? ` One of ${node.enum.join(', ')}.` : ''
      rows.push(`| \`${path}\` | \`${cell(JSON.stringify(value) ?? '')}\` | ${cell(`${node.description ?? ''}${allowed}`)} |`)
      return
    }
    if (path) rows.push(`| **\`${path}\`** | | ${cell(node.description ?? '')} |`)
    for (const [name, child] of Object.entries(node.properties!)) {
      if (path === '' && name === 'global') continue
      walk(child, (value as Record<string, unknown> | undefined)?.[name], path ? `${path}.${name}` : name)
    }
  }
  walk(schema, parse(valuesText), '')
  return `${HEAD}${rows.join('\n')}\n`
}
