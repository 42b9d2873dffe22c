import type Connection from 'kafkajs/src/network/connection.js'
import ConnectionPool from 'kafkajs/src/network/connectionPool.js'

/**
 * A request that got no answer in time is all that tells of a connection which a firewall has forgotten, or whose other end has lost its
 * power. kafkajs fails the request and goes on with the connection: it sends into the void, request by request, for as long as the operating
 * system hopes on (a quarter of an hour). Here it is given up, and so is the other connection to that broker: its requests would only wait out
 * the same time, one after the other. The next request makes a new one.
 *
 * The broker answers in order, and a join may rightly take longer than other requests: behind one they say nothing of the connection.
 */
export function patchRequestTimeout(): void {
  ConnectionPool.prototype.send = async function patched(this: ConnectionPool, exchange) {
    const connection = await this.getConnectionByRequest(exchange)
    const sockets = new Set(this.pool.map(({ socket }) => socket))
    try {
      return await connection.send(exchange)
    } catch (error) {
      if ((error as Error).name === 'KafkaJSRequestTimeoutError') {
        for (const each of this.pool) if (sockets.has(each.socket) && !isBehindLonger(each)) each.socket?.destroy(new Error('a request got no answer in time'))
      }
      throw error
    }
  }
}

function isBehindLonger({ requestQueue }: Connection): boolean {
  return [...requestQueue.inflight.values()].some(({ requestTimeout }) => requestTimeout > requestQueue.requestTimeout)
}
