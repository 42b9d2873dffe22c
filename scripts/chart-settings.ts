import { KEYS } from '../src/config-keys.ts'
import type { KeyDeclaration } from '../src/config-keys.ts'

interface Schema {
  definitions: { settings: object }
}

/** Which settings there are, for values.schema.json. What each may hold is the worker's word: it says all faults at its start. */
const settings = (): object => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(Object.entries(KEYS as Record<string, KeyDeclaration>).map(([key, { about, allowed, default: byDefault }]) => [
    key, { description: `${about} Allowed: ${allowed}.${byDefault === undefined ? '' : ` Default: ${byDefault}.`}`, type: ['string', 'number', 'boolean', 'null'] },
  ])),
})

/** The schema of the chart's values, its list of settings made anew. */
export function withSettings(text: string): string {
  const schema = JSON.parse(text) as Schema
  schema.definitions.settings = settings()
  return `${JSON.stringify(schema, null, 2)}\n`
}
