import type { Config } from '../../config.ts'

/**
 * An access token by the client credentials grant (RFC 6749, 4.4), for SASL OAUTHBEARER. kafkajs asks for one at each new connection.
 * @throws Error without the answer's body: it may carry credentials
 */
export async function oauthToken(config: Config): Promise<{ value: string }> {
  const basic = Buffer.from(`${encodeURIComponent(config.KAFKA_SASL_OAUTH_CLIENT_ID ?? '')}:${encodeURIComponent(config.KAFKA_SASL_OAUTH_CLIENT_SECRET ?? '')}`).toString('base64')
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(config.KAFKA_SASL_OAUTH_SCOPE && { scope: config.KAFKA_SASL_OAUTH_SCOPE }) })
  const response = await fetch(config.KAFKA_SASL_OAUTH_TOKEN_URL ?? '', {
    method: 'POST', headers: { authorization: `Basic ${basic}` }, body: form, redirect: 'error', signal: AbortSignal.timeout(10_000),
  })
  if (!response.ok) throw new Error(`the token endpoint answered ${response.status}`)
  const { access_token: value } = (await response.json()) as { access_token?: unknown }
  if (typeof value !== 'string' || value === '') throw new Error('the token endpoint gave no access_token')
  return { value }
}
