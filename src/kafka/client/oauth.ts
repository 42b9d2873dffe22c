import type { Config } from '../../config.ts'
import { StartupError } from '../../errors.ts'

/** Answers of the token endpoint to a request that it does not like, and will not like later either. */
const REFUSED = new Set([400, 401, 403, 404])

/**
 * An access token by the client credentials grant (RFC 6749, 4.4), for SASL OAUTHBEARER. Asked for at each login.
 * @throws StartupError if the endpoint refuses the settings, else Error; both without the answer's body: it may carry credentials
 */
export async function oauthToken(config: Config, clientSecret: string): Promise<{ value: string }> {
  const basic = Buffer.from(`${encodeURIComponent(config.KAFKA_SASL_OAUTH_CLIENT_ID ?? '')}:${encodeURIComponent(clientSecret)}`).toString('base64')
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(config.KAFKA_SASL_OAUTH_SCOPE && { scope: config.KAFKA_SASL_OAUTH_SCOPE }) })
  const response = await fetch(config.KAFKA_SASL_OAUTH_TOKEN_URL ?? '', {
    method: 'POST', headers: { authorization: `Basic ${basic}` }, body: form, redirect: 'error', signal: AbortSignal.timeout(10_000),
  }).catch((error: Error) => {
    const code = (error.cause as { code?: unknown } | undefined)?.code
    throw new Error(`KAFKA_SASL_OAUTH_TOKEN_URL gives no answer (${typeof code === 'string' ? code : error.name})`, { cause: error })
  })
  if (REFUSED.has(response.status)) {
    throw new StartupError(`KAFKA_SASL_OAUTH_TOKEN_URL answers ${response.status}: look at it, at KAFKA_SASL_OAUTH_CLIENT_ID and at KAFKA_SASL_OAUTH_CLIENT_SECRET`)
  }
  if (!response.ok) throw new Error(`KAFKA_SASL_OAUTH_TOKEN_URL answers ${response.status}`)
  const { access_token: value } = (await response.json().catch(() => ({}))) as { access_token?: unknown }
  if (typeof value !== 'string' || value === '') throw new Error('KAFKA_SASL_OAUTH_TOKEN_URL gives no access_token')
  return { value }
}
