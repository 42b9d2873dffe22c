import { fstatSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Unit } from './account.ts'
import { createStandIn } from './server.ts'

// A stand-in for Customer.io's Track and App APIs as a process of its own. Says {"url": …} on stdout when it is ready, and ends on
// SIGTERM, on SIGINT, and when its stdin, if that is a pipe, closes: it never outlives the process that started it.
const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    limit: { type: 'string', default: '100' },
    window: { type: 'string', default: '1000' },
    unit: { type: 'string', default: 'request' },
    apis: { type: 'string', default: '{}' },
    'site-id': { type: 'string' },
    'api-key': { type: 'string' },
    'app-key': { type: 'string' },
    seed: { type: 'string', default: '1' },
    faults: { type: 'string', default: '{}' },
  },
})

const standIn = await createStandIn({
  host: values.host,
  port: Number(values.port),
  limit: Number(values.limit),
  windowMs: Number(values.window),
  unit: values.unit as Unit,
  apis: JSON.parse(values.apis),
  siteId: values['site-id'],
  apiKey: values['api-key'],
  appKey: values['app-key'],
  seed: Number(values.seed),
  faults: JSON.parse(values.faults),
})

async function end(): Promise<void> {
  await standIn.close()
  process.exit(0)
}

process.once('SIGTERM', end)
process.once('SIGINT', end)
// not for /dev/null, as in a container: that is always at its end
const stdin = fstatSync(0)
if (stdin.isFIFO() || stdin.isSocket()) process.stdin.once('close', end).resume()
console.log(JSON.stringify({ url: standIn.url }))
