import kafkajs from 'kafkajs'
import { StartupError } from '../../src/errors.ts'
import { tlsFault } from '../../src/kafka/client/socket.ts'
import { startFault } from '../../src/kafka/client/start-fault.ts'

test.each([
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'KAFKA_TLS_CA_FILE'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'KAFKA_TLS_CA_FILE'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'KAFKA_TLS_CA_FILE'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'KAFKA_TLS_CA_FILE'],
  ['CERT_SIGNATURE_FAILURE', 'KAFKA_TLS_CA_FILE'],
  ['INVALID_CA', 'KAFKA_TLS_CA_FILE'],
  ['CERT_HAS_EXPIRED', 'expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'KAFKA_BROKERS'],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'KAFKA_TLS_CERT_FILE'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'KAFKA_TLS_CERT_FILE'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'KAFKA_TLS_CERT_FILE'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'KAFKA_TLS and'],
])('%s says what to look at: %s', (code, setting) => {
  expect(tlsFault(code)).toContain(setting)
  expect(tlsFault(code)).toContain(code)
})

test.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', undefined, 20])('%s is no fault of TLS', (code) => {
  expect(tlsFault(code)).toBeUndefined()
})

const connectionError = (message: string, code?: string) => new kafkajs.KafkaJSConnectionError(`Connection error: ${message}`, { broker: 'kafka:9092', ...(code && { code }) })
const afterRetries = (cause: Error) => new kafkajs.KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 8, retryTime: 5_000 })

test.each([
  ['a certificate that can\'t be verified', afterRetries(connectionError('look at the CA', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')), 'Connection error: look at the CA'],
  ['a mechanism that the broker lacks', Object.assign(new Error('not supported'), { type: 'UNSUPPORTED_SASL_MECHANISM' }), 'KAFKA_SASL_MECHANISM: the broker does not offer this mechanism'],
  ['what was known to be one before', new StartupError('the broker refuses the login'), 'the broker refuses the login'],
])('%s: the settings do not fit', (_name, error, message) => {
  expect(startFault(error)).toEqual(new StartupError(message))
  expect(startFault(error)).toBeInstanceOf(StartupError)
})

test('a connection that is closed without a word may be another protocol, or not', () => {
  const found = startFault(afterRetries(connectionError('Closed connection')))
  expect(found).not.toBeInstanceOf(StartupError)
  expect((found as Error).message).toMatch(/Closed connection; .*KAFKA_TLS and KAFKA_SASL_MECHANISM/)
})

test('what may pass stays what it is', () => {
  const error = afterRetries(connectionError('connect ECONNREFUSED', 'ECONNREFUSED'))
  expect([startFault(error), startFault('text')]).toEqual([error, 'text'])
})
