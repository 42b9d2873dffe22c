import type { Socket } from 'node:net'
import { buildConnector } from 'undici'

/** What undici says when it closes a connection on which nothing is under way. */
const ORDERLY = new Set(['reset', 'socket idle timeout'])

/**
 * Connections that are reset when a request on them is cut short (a timeout, an answer that is no HTTP), so that the kernel throws away what
 * it has not sent yet: closed in the usual way, it would go on trying to, for minutes, and a request could arrive long after it was given up.
 *
 * Only a TCP socket can be reset. One that is made by `tls.connect` is none, so TLS is put over a connection that was made before.
 */
export function resetOnTimeout(): buildConnector.connector {
  const connect = buildConnector({})
  return (options, callback) => {
    const secure = options.protocol === 'https:'
    connect({ ...options, protocol: 'http:', port: options.port || (secure ? '443' : '80') }, (error, tcp) => {
      if (error) callback(error, null)
      else if (secure) connect({ ...options, httpSocket: tcp }, (fault, tls) => (fault ? callback(fault, null) : callback(null, resetting(tls, tcp))))
      else callback(null, resetting(tcp, tcp))
    })
  }
}

/** @param tcp what carries `socket`, or `socket` itself */
function resetting<S extends Socket>(socket: S, tcp: Socket): S {
  const destroy = socket.destroy.bind(socket)
  let cause: Error | undefined
  socket.destroy = (error) => {
    if (error && !cause && !socket.destroyed && !isOrderly(error)) {
      cause = error
      // comes back here without the error if `socket` is the TCP socket
      tcp.resetAndDestroy()
    }
    return destroy(error ?? cause)
  }
  return socket
}

function isOrderly(error: Error): boolean {
  const { code } = error as { code?: unknown }
  return code === 'UND_ERR_DESTROYED' || (code === 'UND_ERR_INFO' && ORDERLY.has(error.message))
}
