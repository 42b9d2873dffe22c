/** The operations that the account tells apart. */
export const OPERATIONS = [
  'identify', 'track', 'page', 'screen', 'trackAnonymous', 'destroy', 'suppress', 'unsuppress', 'region', 'other',
] as const
export type Operation = (typeof OPERATIONS)[number]

/** One row of the API: which checks and which answer a request gets. `unknown` is a path that the API does not have. */
export type Endpoint =
  | 'identify' | 'destroy' | 'event' | 'anonymousEvent' | 'suppress' | 'unsuppress' | 'region'
  | 'form' | 'unsubscribe' | 'other' | 'unknown'

/** `person` is the decoded id in the path; null where the path has none, or one that cannot be decoded. */
export interface Route { endpoint: Endpoint; person: string | null }

const PERSON = '/api/v1/customers/([^/]+)'
const ROUTES: [method: string, pattern: RegExp, endpoint: Endpoint][] = [
  ['PUT', new RegExp(`^${PERSON}$`), 'identify'],
  ['DELETE', new RegExp(`^${PERSON}$`), 'destroy'],
  ['POST', new RegExp(`^${PERSON}/events$`), 'event'],
  ['POST', new RegExp(`^${PERSON}/suppress$`), 'suppress'],
  ['POST', new RegExp(`^${PERSON}/unsuppress$`), 'unsuppress'],
  ['PUT', new RegExp(`^${PERSON}/devices$`), 'other'],
  ['DELETE', new RegExp(`^${PERSON}/devices/[^/]+$`), 'other'],
  ['POST', /^\/api\/v1\/events$/, 'anonymousEvent'],
  ['GET', /^\/api\/v1\/accounts\/region$/, 'region'],
  ['POST', /^\/api\/v1\/merge_customers$/, 'other'],
  ['POST', /^\/api\/v1\/segments\/[^/]+\/(?:add|remove)_customers$/, 'other'],
  ['POST', /^\/api\/v1\/(?:metrics|push\/events)$/, 'other'],
  ['POST', /^\/api\/v1\/forms\/[^/]+\/submit$/, 'form'],
  ['POST', /^\/unsubscribe\/[^/]+$/, 'unsubscribe'],
]

/** Finds the endpoint of a request line. `target` is the path as sent, still encoded, with or without a query. */
export function routeOf(method: string, target: string): Route {
  const path = target.split('?', 1)[0]!
  for (const [routeMethod, pattern, endpoint] of ROUTES) {
    const match = method === routeMethod ? pattern.exec(path) : null
    if (match) return { endpoint, person: match[1] === undefined ? null : decoded(match[1]) }
  }
  return { endpoint: 'unknown', person: null }
}

/** Text without its percent-encoding; null if that is malformed. */
export function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** The operation as far as the path alone tells it: a track call may turn out to be a page or a screen by its body. */
export function operationOf(endpoint: Endpoint): Operation {
  switch (endpoint) {
    case 'event': return 'track'
    case 'anonymousEvent': return 'trackAnonymous'
    case 'form': case 'unsubscribe': case 'unknown': return 'other'
    default: return endpoint
  }
}
