import { StartupError } from '../../errors.ts'

/** What is asked of the API server, in the words of a Role's rule. */
export interface Access {
  readonly apiGroup: string
  readonly resource: string
  /** The one object that the rule can be held to; none if a Role can't name it (`create`), or need not. */
  readonly resourceName?: string
  readonly verbs: readonly string[]
}

/** The API server does not let this process do it: 401, or 403 with the rule that is missing. It takes a change there. */
export class AccessError extends Error {
  override name = 'AccessError'
}

/** The pod is not one of a Deployment: it can't share slots by a Lease. */
export class NotADeploymentError extends StartupError {
  override name = 'NotADeploymentError'
}

/** No answer, or none to the question: it may be asked again. Whether a write was done is not known. */
export class UnavailableError extends Error {
  override name = 'UnavailableError'
}

/** The words of every authorizer of an API server. A 403 of a quota, a policy or an admission plug-in has others. */
const FOR_WANT_OF_A_RULE = /cannot \w+ resource/

/**
 * The error of an answer with such a status.
 * @param body looked at, never repeated: it may quote what was sent
 */
export function refusal(status: number, body: unknown, access: Access): AccessError | UnavailableError {
  const what = inWords(access)
  if (status === 401) return new AccessError(`the API server refused the token, asked to ${what} (HTTP 401)`)
  if (status !== 403) return new UnavailableError(`the API server can't ${what} (HTTP ${status})`)
  return new AccessError(FOR_WANT_OF_A_RULE.test(String(body))
    ? `not allowed to ${what} (HTTP 403): the service account needs a Role with the rule ${ruleFor(access)}`
    : `refused to ${what} (HTTP 403), not for want of a Role: by a quota, a policy, or because the namespace is being deleted`)
}

/** The error of a request without an answer. What was thrown is named, not quoted: messages of parsers repeat what they read. */
export function noAnswer(thrown: unknown, access: Access): UnavailableError {
  const cause = causeOf(thrown)
  // files of the service account that the kubelet mounts: token and certificate
  const why = cause === 'ENOENT' ? ': the pod has no service account token mounted' : ''
  return new UnavailableError(`no answer of the API server, asked to ${inWords(access)} (${cause})${why}`)
}

function inWords({ verbs, resource, resourceName }: Access): string {
  return `${verbs.join(' or ')} ${resource}${resourceName === undefined ? '' : ` "${resourceName}"`}`
}

/** As it stands in a Role. */
function ruleFor({ apiGroup, resource, resourceName, verbs }: Access): string {
  const list = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(', ')}]`
  const names = resourceName === undefined ? '' : `resourceNames: ${list([resourceName])}, `
  return `apiGroups: ${list([apiGroup])}, resources: ${list([resource])}, ${names}verbs: ${list(verbs)}`
}

/** The code, else the name, of the innermost error: fetch wraps what really happened. */
function causeOf(thrown: unknown): string {
  const { cause, code, name } = Object(thrown) as { cause?: unknown; code?: unknown; name?: unknown }
  if (cause !== undefined) return causeOf(cause)
  return typeof code === 'string' ? code : String(name)
}
