// X.509 certificates for tests, with nothing but Node: a few lines of DER (RFC 5280) instead of a tool that may not be there.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** PEM */
export interface Certificate {
  cert: string
  /** PKCS #8, without a password */
  key: string
}

export interface Authority extends Certificate {
  /** A certificate for `name`, good for these host names and IPv4 addresses, from yesterday until tomorrow. */
  issue(name: string, hosts?: string[]): Certificate
}

const DAY_MS = 86_400_000

const der = (tag: number, ...parts: (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)))
  const { length } = content
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}
const TAG = {
  boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, utf8: 0x0c, time: 0x17, sequence: 0x30, set: 0x31, version: 0xa0, extensions: 0xa3,
}
/** Of subjectAltName. */
const HOST = { name: 0x82, ip: 0x87 }
const OID = {
  ecdsaWithSha256: '06082a8648ce3d040302', commonName: '0603550403', basicConstraints: '0603551d13', subjectAltName: '0603551d11',
}
const SIGNED_BY = der(TAG.sequence, OID.ecdsaWithSha256)

const nameOf = (name: string): Buffer =>
  der(TAG.sequence, der(TAG.set, der(TAG.sequence, OID.commonName, der(TAG.utf8, Buffer.from(name)))))

const utcTime = (at: number): Buffer =>
  der(TAG.time, Buffer.from(`${new Date(at).toISOString().replaceAll(/\D/g, '').slice(2, 14)}Z`))

const extension = (oid: string, value: Buffer): Buffer => der(TAG.sequence, oid, der(TAG.octets, value))

const hostOf = (host: string): Buffer =>
  isIPv4(host) ? der(HOST.ip, Buffer.from(host.split('.').map(Number))) : der(HOST.name, Buffer.from(host))

const certificate = (issuer: { name: string; key: KeyObject }, subject: { name: string; key: KeyObject }, extensions: Buffer[]): string => {
  const serial = Buffer.concat([Buffer.from([0x40]), randomBytes(8)])
  const now = Date.now()
  const toSign = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, '02')), // version 3
    der(TAG.integer, serial),
    SIGNED_BY,
    nameOf(issuer.name),
    der(TAG.sequence, utcTime(now - DAY_MS), utcTime(now + DAY_MS)),
    nameOf(subject.name),
    subject.key.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(TAG.extensions, der(TAG.sequence, ...extensions))] : []),
  )
  const signature = der(TAG.bits, '00', sign('sha256', toSign, issuer.key))
  const lines = der(TAG.sequence, toSign, SIGNED_BY, signature).toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string

/** A certificate authority of its own, with a new key. */
export const certificateAuthority = (name: string): Authority => {
  const own = keyPair()
  const issuer = { name, key: own.privateKey }
  const isAuthority = extension(OID.basicConstraints, der(TAG.sequence, der(TAG.boolean, 'ff')))
  return {
    cert: certificate(issuer, { name, key: own.publicKey }, [isAuthority]),
    key: pem(own.privateKey),
    issue: (subject, hosts = []) => {
      const { publicKey, privateKey } = keyPair()
      const extensions = hosts.length > 0 ? [extension(OID.subjectAltName, der(TAG.sequence, ...hosts.map(hostOf)))] : []
      return { cert: certificate(issuer, { name: subject, key: publicKey }, extensions), key: pem(privateKey) }
    },
  }
}
