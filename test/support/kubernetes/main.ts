// An API server of Kubernetes by hand: node test/support/kubernetes/main.ts
// Prints TEST_KUBECONFIG=path when it serves (progress goes to stderr), and ends it on SIGTERM, SIGINT or, when stdin is a pipe, at the end
// of stdin.
import { fstatSync } from 'node:fs'
import { startKubernetes } from './index.ts'

const kubernetes = await startKubernetes({ log: (line) => console.error(line) }).catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
console.log(`TEST_KUBECONFIG=${kubernetes.kubeconfig}`)

const stop = async (): Promise<void> => {
  await kubernetes.stop()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

// not for a terminal (reading from it would stop a background job) nor for /dev/null (which is always at its end)
const stdin = fstatSync(0)
if (stdin.isFIFO() || stdin.isSocket()) process.stdin.on('end', stop).resume()

// an external cluster is nothing that Node waits for, and neither is a signal
setInterval(() => {}, 60_000)
