// Prints the envelope as JSON Schema: node scripts/event-schema.ts > docs/event.schema.json
import { z } from 'zod'
import { envelopeSchema } from '../src/event-schema.ts'

process.stdout.write(`${JSON.stringify(z.toJSONSchema(envelopeSchema, { io: 'input' }), null, 2)}\n`)
