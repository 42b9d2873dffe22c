declare module 'kafkajs/src/consumer/consumerGroup.js' {
  export default class ConsumerGroup {
    constructor(options: object)
    lastRequest: number
    heartbeat(options: { interval: number }): Promise<void>
    joinAndSync(): Promise<void>
    leave(): Promise<void>
  }
}

declare module 'kafkajs/src/cluster/brokerPool.js' {
  export default class BrokerPool {
    constructor(options: object)
    metadataExpireAt: number | null
    refreshMetadataIfNecessary(topics: string[]): Promise<void>
  }
}

declare module 'kafkajs/src/network/requestQueue/socketRequest.js' {
  export default class SocketRequest {
    sentAt: number | null
  }
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    constructor(options: object)
    pending: unknown[]
    throttledUntil: number
    push(request: { entry: object; expectResponse: boolean; sendRequest: () => void }): void
    maybeThrottle(ms: number): void
    canSendSocketRequestImmediately(): boolean
    scheduleRequestTimeoutCheck(): void
    scheduleCheckPendingRequests(): void
    destroy(): void
  }
}

declare module 'kafkajs/src/broker/saslAuthenticator/oauthBearer.js' {
  import type { AuthenticationProviderArgs, Authenticator, SASLOptions } from 'kafkajs'

  const oauthBearer: (sasl: Omit<Extract<SASLOptions, { mechanism: 'oauthbearer' }>, 'mechanism'>) => (connection: AuthenticationProviderArgs) => Authenticator
  export default oauthBearer
}

declare module 'kafkajs/src/broker/saslAuthenticator/plain.js' {
  import type { AuthenticationProviderArgs, Authenticator } from 'kafkajs'

  const plain: (sasl: { username: string; password: string }) => (connection: AuthenticationProviderArgs) => Authenticator
  export default plain
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram256.js' {
  export { default } from 'kafkajs/src/broker/saslAuthenticator/plain.js'
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram512.js' {
  export { default } from 'kafkajs/src/broker/saslAuthenticator/plain.js'
}

declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net'

  interface Request { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<{ buffer: Buffer }> }
  export interface Exchange<T> { request: Request; requestTimeout?: number; response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<T> } }
  export default class Connection {
    constructor(options: object)
    host: string
    port: number
    socket?: Socket
    readonly requestQueue: { readonly requestTimeout: number; readonly inflight: ReadonlyMap<number, { readonly requestTimeout: number }> }
    isConnected(): boolean
    connect(): Promise<boolean>
    disconnect(): Promise<boolean>
    rejectRequests(error: Error): void
    send<T>(exchange: Exchange<T>): Promise<T>
  }
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { ISocketFactory } from 'kafkajs'

  const socketFactoryOf: () => ISocketFactory
  export default socketFactoryOf
}

declare module 'kafkajs/src/network/connectionPool.js' {
  import type { default as Connection, Exchange } from 'kafkajs/src/network/connection.js'

  export default class ConnectionPool {
    constructor(options: object)
    /** For all requests but fetches, and for those. */
    readonly pool: [Connection, Connection]
    getConnectionByRequest(exchange: Exchange<unknown>): Promise<Connection>
    send<T>(exchange: Exchange<T>): Promise<T>
    destroy(): Promise<void>
  }
}
