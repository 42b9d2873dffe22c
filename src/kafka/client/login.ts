import kafkajs from 'kafkajs'
import type { AuthenticationProviderArgs, Mechanism } from 'kafkajs'
import oauthBearer from 'kafkajs/src/broker/saslAuthenticator/oauthBearer.js'
import plain from 'kafkajs/src/broker/saslAuthenticator/plain.js'
import scram256 from 'kafkajs/src/broker/saslAuthenticator/scram256.js'
import scram512 from 'kafkajs/src/broker/saslAuthenticator/scram512.js'
import type { Config } from '../../config.ts'
import { errorText, StartupError } from '../../errors.ts'
import type { Secrets } from '../../secrets.ts'
import { oauthToken } from './oauth.ts'

/** Of the length that every answer of the broker begins with. */
const LENGTH_BYTES = 4
/** Longest text of a refusal that is told, characters. */
const LONGEST_TEXT = 200

const WAYS = { plain, 'scram-sha-256': scram256, 'scram-sha-512': scram512 }

/**
 * Logs in at each new connection (and when the broker asks for it again) by kafkajs's own ways, with three differences:
 *
 * - The secret is looked up for that login, files and all. One login uses one value from its first message to its last.
 * - Once a login has worked, one that fails is a connection that failed, which kafkajs tries again. To kafkajs it would be the end of the
 *   consumer; but the password has just been changed, say, and its file comes a minute later. A first login that is refused is the end: wrong
 *   settings. One that fails otherwise (the connection breaks, the token endpoint is down) is tried again as well.
 * - kafkajs takes a token that the broker refuses for one that it takes: the refusal of OAUTHBEARER is no error of the protocol, but a text.
 */
export function loginOf(config: Config, secrets: Pick<Secrets, 'look' | 'of'>): Mechanism | undefined {
  const mechanism = config.KAFKA_SASL_MECHANISM
  if (mechanism === 'none') return undefined
  const settings = mechanism === 'oauthbearer' ? 'the KAFKA_SASL_OAUTH_ settings' : 'KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'
  let worked = false

  const login = async (connection: AuthenticationProviderArgs): Promise<void> => {
    await secrets.look()
    if (mechanism === 'oauthbearer') {
      const secret = secrets.of('KAFKA_SASL_OAUTH_CLIENT_SECRET') ?? ''
      await oauthBearer({ oauthBearerProvider: async () => oauthToken(config, secret) })(connection).authenticate()
    } else {
      await WAYS[mechanism]({ username: config.KAFKA_SASL_USERNAME ?? '', password: secrets.of('KAFKA_SASL_PASSWORD') ?? '' })(connection).authenticate()
    }
  }

  return {
    mechanism,
    authenticationProvider: (connection) => ({
      authenticate: async () => {
        const { observed, refused } = observe(connection, mechanism)
        try {
          await login(observed)
          worked = true
        } catch (error) {
          const why = refused()
          const failure = why === undefined ? error : new StartupError(`the broker refuses the login, look at ${settings}: ${why}`)
          if (failure instanceof StartupError && !worked) throw failure
          const text = failure instanceof StartupError ? failure.message : errorText(failure)
          throw new kafkajs.KafkaJSConnectionError(text, { broker: `${connection.host}:${connection.port}` })
        }
      },
    }),
  }
}

/** The same connection, and why the broker refused a login at it, in its own words; undefined if it did not. */
function observe(connection: AuthenticationProviderArgs, mechanism: string) {
  let words: string | undefined
  const refuse = (text: string): void => { words = text.slice(0, LONGEST_TEXT) }
  const refusalOfToken = {
    decode: (answer: Buffer) => answer,
    // an answer begins with its length; there is none for a token that was taken
    parse: (answer: Buffer) => {
      const text = answer.subarray(LENGTH_BYTES).toString()
      if (text === '') return
      refuse(text)
      throw new Error('the token is refused')
    },
  }
  const saslAuthenticate: AuthenticationProviderArgs['saslAuthenticate'] = async (exchange) => {
    try {
      return await connection.saslAuthenticate(mechanism === 'oauthbearer' ? { ...exchange, response: refusalOfToken as never } : exchange)
    } catch (error) {
      if ((error as { type?: unknown }).type === 'SASL_AUTHENTICATION_FAILED') refuse((error as Error).message)
      throw error
    }
  }
  return { observed: { ...connection, saslAuthenticate }, refused: () => words }
}
