import { readApp } from './app.ts'
import { json, markerOf, number, oneError, parsedObject } from './reading.ts'
import type { Answer, Reading } from './reading.ts'
import type { Route } from './routes.ts'
import { readV1 } from './track-v1.ts'
import { readBatch, readEntity } from './track-v2.ts'

/** Of the Track API a site's id and key, of the App API a key of its own. */
export interface Credentials { siteId: string; apiKey: string; appKey: string }

/**
 * Reads a request, and judges it as Customer.io would: path, credentials, body. `rawBody` is '' if there is none.
 * @param ofRequest its number
 * @param nowS Unix seconds
 */
export function read(route: Route, authorization: string | undefined, rawBody: string, credentials: Credentials, ofRequest: number, nowS: number): Reading {
  const reading = readBody(route, rawBody, ofRequest, nowS)
  if (route.endpoint === 'unknown') return refused(reading, json(404, { meta: { error: 'not found' } }))
  const isApp = route.api !== 'track'
  // The delivery id in its path is the secret of an unsubscribe.
  if (route.endpoint === 'unsubscribe' || authorization === (isApp ? `Bearer ${credentials.appKey}` : basicAuth(credentials))) return reading
  return refused(reading, isApp ? oneError({ message: 'unauthorized' }, 401) : { status: 401, headers: { 'content-type': 'text/plain' }, body: 'Unauthorized' })
}

function readBody(route: Route, rawBody: string, ofRequest: number, nowS: number): Reading {
  switch (route.endpoint) {
    case 'batch': return readBatch(rawBody)
    case 'entity': return readEntity(rawBody)
    case 'email': case 'push': case 'sms': case 'whatsApp': case 'inApp': case 'inboxMessage': case 'broadcast': case 'transactionalList':
      return readApp(route, rawBody, ofRequest, nowS)
    case 'unknown': {
      // What it carries is told all the same: a redirect may have sent it here.
      const body = parsedObject(rawBody) ?? {}
      const details = { operation: 'other', person: null, subject: null, eventId: null, timestamp: number(body.timestamp), marker: markerOf(body) } as const
      return { operations: [{ ...details, effect: null, problem: null }], answer: json(200, {}), isBatch: false }
    }
    default: return readV1(route, rawBody)
  }
}

/** The operations stay to be told; none takes effect. */
function refused({ operations }: Reading, answer: Answer): Reading {
  return { operations: operations.map((asked) => ({ ...asked, effect: null, problem: null })), answer, isBatch: false }
}

function basicAuth({ siteId, apiKey }: Credentials): string {
  return `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`
}
