import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { deliveredTypes, envelopeSchema, laterTypes } from '../../src/event-schema.ts'

const published = JSON.parse(readFileSync('docs/event.schema.json', 'utf8')) as { oneOf: { properties: { type: { const: string } }; required: string[] }[] }

test('docs/event.schema.json is the schema of the code (node scripts/event-schema.ts > docs/event.schema.json)', () => {
  expect(published).toEqual(z.toJSONSchema(envelopeSchema, { io: 'input' }))
})

test('it has every type, delivered or not', () => {
  expect(published.oneOf.map(({ properties }) => properties.type.const)).toEqual([...deliveredTypes, ...laterTypes])
})

test('each type needs what makes it deliverable', () => {
  const required = Object.fromEntries(published.oneOf.map(({ properties, required }) => [properties.type.const, required]))
  expect(required).toMatchObject({
    identify: ['type', 'userId'], track: ['type', 'userId', 'payload'], page: ['type', 'userId', 'payload'], screen: ['type', 'userId', 'payload'],
    trackAnonymous: ['type', 'anonymousId', 'payload'], suppress: ['type', 'userId'], destroy: ['type', 'userId'],
  })
})
