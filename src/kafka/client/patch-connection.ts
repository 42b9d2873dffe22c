import Connection from 'kafkajs/src/network/connection.js'

/** Of the length that every answer begins with. */
const LENGTH_BYTES = 4

/**
 * kafkajs connects again with the same object. Two things must not get from one connection into the next, or every answer is read at a wrong
 * place from then on: requests wait out their time-out of 30 s, or a number that makes no sense ends the process.
 *
 * - What came of an answer that was torn off: kafkajs keeps it.
 * - The bytes of another socket: kafkajs leaves the old one open, and requests made side by side each open one.
 */
export function patchConnection(): void {
  const prototype = Connection.prototype
  const original = prototype.connect
  const connecting = new WeakMap<object, Promise<boolean>>()
  prototype.connect = async function patched(this: typeof prototype) {
    if (this.isConnected()) return true
    const present = connecting.get(this)
    if (present) return present
    this.socket?.destroy()
    Object.assign(this, { chunks: [], bytesBuffered: 0, bytesNeeded: LENGTH_BYTES })
    const connect = original.call(this).finally(() => connecting.delete(this))
    connecting.set(this, connect)
    return connect
  }
}
