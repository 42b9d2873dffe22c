import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { WorkerListener } from './broker.ts'
import { certificateAuthority } from './certificates.ts'
import { onDeath } from './guard.ts'
import type { ScramMechanism } from './scram.ts'
import { startTokenEndpoint } from './token-endpoint.ts'

/** What the workers' listener asks for. The direct one is open. */
export interface Security {
  /** 'mutual': a client certificate, too. */
  tls?: true | 'mutual'
  sasl?: 'plain' | 'oauthbearer' | ScramMechanism
}

/** Paths of PEM files, gone with the cluster. */
export interface TlsFiles {
  ca: string
  /** Of an authority that signed no broker. */
  wrongCa: string
  /** A client certificate, and its key. */
  cert: string
  key: string
}

export interface SecuredListener {
  listener: Pick<WorkerListener, 'protocol' | 'props'>
  username: string
  password: string
  tls: TlsFiles | undefined
  /** Settings by which a worker gets in. */
  env: Record<string, string>
  close(): Promise<void>
}

type Side = { props: Record<string, string>; env: Record<string, string>; close(): Promise<void> }

/** In a properties file a line break is \n. */
const inOneLine = (pem: string): string => pem.replaceAll('\n', String.raw`\n`)

const tlsSide = async (host: string, mutual: boolean): Promise<Side & { files: TlsFiles }> => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'kafka-tls-'))
  const callOff = onDeath(['rm', '-rf', directory])
  const authority = certificateAuthority('the tests')
  const client = authority.issue('worker')
  const broker = authority.issue('broker', ['localhost', '127.0.0.1', host])
  const contents = { ca: authority.cert, wrongCa: certificateAuthority('somebody else').cert, cert: client.cert, key: client.key }
  const written = Object.entries(contents).map(async ([name, content]) => {
    const file = path.join(directory, `${name}.pem`)
    await writeFile(file, content, { mode: 0o600 })
    return [name, file]
  })
  const files = Object.fromEntries(await Promise.all(written)) as TlsFiles
  return {
    files,
    props: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.key': inOneLine(broker.key),
      'ssl.keystore.certificate.chain': inOneLine(broker.cert),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': inOneLine(authority.cert),
      ...(mutual && { 'ssl.client.auth': 'required' }),
    },
    env: {
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA_FILE: files.ca,
      ...(mutual && { KAFKA_TLS_CERT_FILE: files.cert, KAFKA_TLS_KEY_FILE: files.key }),
    },
    close: async () => {
      callOff()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const saslSide = async (sasl: NonNullable<Security['sasl']>, username: string, password: string): Promise<Side> => {
  const endpoint = sasl === 'oauthbearer' ? await startTokenEndpoint(username, password) : undefined
  const modules = {
    plain: `plain.PlainLoginModule required user_${username}="${password}"`,
    'scram-sha-256': 'scram.ScramLoginModule required',
    'scram-sha-512': 'scram.ScramLoginModule required',
    oauthbearer: 'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"',
  }
  return {
    props: {
      'sasl.enabled.mechanisms': sasl.toUpperCase(),
      [`${sasl}.sasl.jaas.config`]: `org.apache.kafka.common.security.${modules[sasl]};`,
    },
    env: {
      KAFKA_SASL_MECHANISM: sasl,
      ...(endpoint
        ? { KAFKA_SASL_OAUTH_TOKEN_URL: endpoint.url, KAFKA_SASL_OAUTH_CLIENT_ID: username, KAFKA_SASL_OAUTH_CLIENT_SECRET: password }
        : { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password }),
    },
    close: async () => endpoint?.close(),
  }
}

/** What a listener on `host` and its clients need. SCRAM users live in the cluster: make them there (scram.ts). */
export const secureListener = async (security: Security, host: string): Promise<SecuredListener> => {
  const [username, password] = ['worker', `secret-${randomBytes(12).toString('hex')}`]
  const tls = security.tls ? await tlsSide(host, security.tls === 'mutual') : undefined
  const sasl = security.sasl ? await saslSide(security.sasl, username, password) : undefined
  const protocol = sasl ? (tls ? 'SASL_SSL' : 'SASL_PLAINTEXT') : tls ? 'SSL' : 'PLAINTEXT'
  return {
    listener: { protocol, props: { ...tls?.props, ...sasl?.props } },
    username,
    password,
    tls: tls?.files,
    env: { ...tls?.env, ...sasl?.env },
    close: async () => {
      await sasl?.close()
      await tls?.close()
    },
  }
}
