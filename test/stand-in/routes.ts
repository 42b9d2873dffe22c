/** The operations that the account tells apart. `batch` and `entity` are v2 requests of which nothing could be read. */
export const OPERATIONS = [
  'identify', 'track', 'page', 'screen', 'trackAnonymous', 'destroy', 'suppress', 'unsuppress', 'addDevice', 'deleteDevice', 'merge',
  'addToSegment', 'removeFromSegment', 'formSubmit', 'reportMetric', 'unsubscribe', 'identifyObject', 'deleteObject', 'addRelationships',
  'deleteRelationships', 'region', 'batch', 'entity', 'email', 'push', 'sms', 'whatsApp', 'inApp', 'inboxMessage', 'broadcast',
  'transactionalList', 'other',
] as const
export type Operation = (typeof OPERATIONS)[number]

/** Customer.io's APIs, each with a limit of its own: Track (v1 and v2), and the App API's transactional, general and broadcast calls. */
export const APIS = ['track', 'transactional', 'general', 'broadcast'] as const
export type Api = (typeof APIS)[number]

/** One row of the API: which checks and which answer a request gets. `unknown` is a path that the API does not have. */
export type Endpoint =
  | 'identify' | 'destroy' | 'event' | 'anonymousEvent' | 'suppress' | 'unsuppress' | 'addDevice' | 'deleteDevice' | 'merge'
  | 'addToSegment' | 'removeFromSegment' | 'metric' | 'pushMetric' | 'form' | 'unsubscribe' | 'region' | 'entity' | 'batch' | Sending
  | 'broadcast' | 'transactionalList' | 'unknown'
/** The kinds of transactional messages. */
export type Sending = 'email' | 'push' | 'sms' | 'whatsApp' | 'inApp' | 'inboxMessage'

export interface Route {
  endpoint: Endpoint
  api: Api
  /** The decoded id in the path; null where the path has none, or one that cannot be decoded. */
  person: string | null
  /** What else the path names: a device's token, a segment, a form, a delivery, a broadcast; null as above. */
  subject: string | null
  /** Which kind of identifier the ids in the body are. */
  idType: string
}

const PERSON = '/api/v1/customers/(?<person>[^/]+)'
const SUBJECT = '(?<subject>[^/]+)'
const ROUTES: [method: string, pattern: RegExp, endpoint: Endpoint, api: Api][] = [
  ['POST', /^\/api\/v2\/batch$/, 'batch', 'track'],
  ['POST', /^\/api\/v2\/entity$/, 'entity', 'track'],
  ['POST', new RegExp(`^${PERSON}/events$`), 'event', 'track'],
  ['PUT', new RegExp(`^${PERSON}$`), 'identify', 'track'],
  ['DELETE', new RegExp(`^${PERSON}$`), 'destroy', 'track'],
  ['POST', new RegExp(`^${PERSON}/suppress$`), 'suppress', 'track'],
  ['POST', new RegExp(`^${PERSON}/unsuppress$`), 'unsuppress', 'track'],
  ['PUT', new RegExp(`^${PERSON}/devices$`), 'addDevice', 'track'],
  ['DELETE', new RegExp(`^${PERSON}/devices/${SUBJECT}$`), 'deleteDevice', 'track'],
  ['POST', /^\/api\/v1\/events$/, 'anonymousEvent', 'track'],
  ['GET', /^\/api\/v1\/accounts\/region$/, 'region', 'track'],
  ['POST', /^\/api\/v1\/merge_customers$/, 'merge', 'track'],
  ['POST', new RegExp(`^/api/v1/segments/${SUBJECT}/add_customers$`), 'addToSegment', 'track'],
  ['POST', new RegExp(`^/api/v1/segments/${SUBJECT}/remove_customers$`), 'removeFromSegment', 'track'],
  ['POST', /^\/api\/v1\/metrics$/, 'metric', 'track'],
  ['POST', /^\/api\/v1\/push\/events$/, 'pushMetric', 'track'],
  ['POST', new RegExp(`^/api/v1/forms/${SUBJECT}/submit$`), 'form', 'track'],
  ['POST', new RegExp(`^/unsubscribe/${SUBJECT}$`), 'unsubscribe', 'track'],
  ['POST', /^\/v1\/send\/email$/, 'email', 'transactional'],
  ['POST', /^\/v1\/send\/push$/, 'push', 'transactional'],
  ['POST', /^\/v1\/send\/sms$/, 'sms', 'transactional'],
  ['POST', /^\/v1\/send\/whatsapp$/, 'whatsApp', 'transactional'],
  ['POST', /^\/v1\/send\/in_app$/, 'inApp', 'transactional'],
  ['POST', /^\/v1\/send\/inbox_message$/, 'inboxMessage', 'transactional'],
  // The real API counts it among its general calls. Here it takes a place of the transactional window: it is what a sender asks to learn
  // whether its key still holds, and the strictest reading is that such a probe costs what a send costs.
  ['GET', /^\/v1\/transactional$/, 'transactionalList', 'transactional'],
  ['POST', new RegExp(`^/v1/campaigns/${SUBJECT}/triggers$`), 'broadcast', 'broadcast'],
]

/** Finds the endpoint of a request line. `target` is the path as sent, still encoded, with or without a query. */
export function routeOf(method: string, target: string): Route {
  const [path, query] = target.split('?', 2) as [string, string?]
  for (const [routeMethod, pattern, endpoint, api] of ROUTES) {
    const match = method === routeMethod ? pattern.exec(path) : null
    if (match === null) continue
    const { person, subject } = match.groups ?? {}
    return {
      endpoint, api,
      person: person === undefined ? null : decoded(person),
      subject: subject === undefined ? null : decoded(subject),
      idType: query === undefined ? 'id' : new URLSearchParams(query).get('id_type') ?? 'id',
    }
  }
  return { endpoint: 'unknown', api: path.startsWith('/v1/') ? 'general' : 'track', person: null, subject: null, idType: 'id' }
}

/** Text without its percent-encoding; null if that is malformed. */
export function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** The operation as far as the path alone tells it: a track call may turn out to be a page or a screen by its body, an entity to be anything. */
export function operationOf(endpoint: Endpoint): Operation {
  switch (endpoint) {
    case 'event': return 'track'
    case 'anonymousEvent': return 'trackAnonymous'
    case 'metric': case 'pushMetric': return 'reportMetric'
    case 'form': return 'formSubmit'
    case 'unknown': return 'other'
    default: return endpoint
  }
}

/** Whether one request may carry many operations, so that only its body tells how many. */
export function carriesMany(endpoint: Endpoint): boolean {
  return endpoint === 'batch' || endpoint === 'addToSegment' || endpoint === 'removeFromSegment'
}
