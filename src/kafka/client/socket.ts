import type { ISocketFactory } from 'kafkajs'
import socketFactoryOf from 'kafkajs/src/network/socketFactory.js'

/** Codes of Node and OpenSSL, and what they mean in terms of the settings. The first that fits counts. */
const TLS_FAULTS: readonly (readonly [code: RegExp, meaning: string])[] = [
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, 'the broker\'s certificate has expired, or is not valid yet: renew it, or look at the clock of this machine'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'the broker\'s certificate is for another name: KAFKA_BROKERS and the broker\'s advertised.listeners must name it as its certificate does'],
  [/^ERR_SSL_.*ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/, 'the broker refuses the client certificate, or asks for one: look at KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE'],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, 'the broker does not speak TLS at this port: look at KAFKA_TLS and KAFKA_BROKERS'],
  [/CERT|_SIGNATURE|_CA$/, 'the broker\'s certificate can\'t be verified: KAFKA_TLS_CA_FILE must hold the authority that signed it'],
]

/** What a code of a failed TLS connection means, with the settings to look at; undefined if it is not about certificates or TLS. */
export function tlsFault(code: unknown): string | undefined {
  if (typeof code !== 'string') return undefined
  const meaning = TLS_FAULTS.find(([pattern]) => pattern.test(code))?.[1]
  return meaning && `${meaning} (${code})`
}

/**
 * kafkajs's own sockets, with two differences. Errors of TLS say which setting to look at, in place of OpenSSL's words and Node's advice for
 * other programs. And kafkajs may close a connection many times over, each of which would leave a listener behind on the dead socket.
 */
export function socketFactory(): ISocketFactory {
  const create = socketFactoryOf()
  return (options) => {
    const socket = create(options)
    socket.on('error', (error: NodeJS.ErrnoException) => { error.message = tlsFault(error.code) ?? error.message })
    const unref = socket.unref.bind(socket)
    socket.unref = () => (socket.destroyed ? socket : unref())
    return socket
  }
}
