import { seconds } from '../../load/lines.ts'
import { CONTAINER, isReady, nameOf } from '../release.ts'
import type { Step } from '../step.ts'
import { until } from '../until.ts'

const KILLED_WITHIN_MS = 60_000
const READY_WITHIN_MS = 90_000

/**
 * Makes the worker itself take memory until the kernel ends it: Node opens its debugger on SIGUSR1, on the pod's own loopback. A second process in
 * the container would be the one that the kernel ends.
 */
const GROW = `
process.kill(1, 'SIGUSR1')
const found = async () => (await (await fetch('http://127.0.0.1:9229/json/list')).json())[0].webSocketDebuggerUrl
const retry = (left) => found().catch((error) => new Promise((again) => setTimeout(again, 200)).then(() => (left > 0 ? retry(left - 1) : Promise.reject(error))))
retry(50).then((url) => {
  const socket = new WebSocket(url)
  const expression = 'globalThis.grown = []; setInterval(() => globalThis.grown.push(Buffer.alloc(16 * 1024 * 1024, 1)), 20)'
  socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }))
})`

export const outOfMemory: Step = {
  name: 'out-of-memory',
  title: 'container killed for lack of memory',
  run: async ({ cluster: { admin, namespace, kubectl }, release }) => {
    const pods = await release.pods()
    const name = nameOf(pods[0]!)
    const read = async () => admin.core.readNamespacedPod({ name, namespace })
    const restarts = (await read()).status?.containerStatuses?.[0]?.restartCount ?? 0
    const from = performance.now()
    // it ends with the container that it is in
    await kubectl(['exec', name, '--namespace', namespace, '--container', CONTAINER, '--', 'node', '-e', GROW]).catch(() => undefined)
    const killed = await until('the container was killed', KILLED_WITHIN_MS, async () => {
      const container = (await read()).status?.containerStatuses?.[0]
      return (container?.restartCount ?? 0) > restarts && container?.lastState?.terminated !== undefined
    })
    const ended = (await read()).status?.containerStatuses?.[0]?.lastState?.terminated
    if (ended?.reason !== 'OOMKilled') throw new Error(`the container ended by ${ended?.reason} (${ended?.exitCode})`)
    await until('the pod is ready again', READY_WITHIN_MS, async () => isReady(await read()))
    return `OOMKilled after ${seconds(killed)}, the same pod ready again after ${seconds(performance.now() - from)}`
  },
}
