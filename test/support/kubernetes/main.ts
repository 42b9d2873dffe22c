// An API server of Kubernetes by hand: node test/support/kubernetes/main.ts
// Prints TEST_KUBECONFIG=path when it serves (progress goes to stderr), and ends it on SIGTERM, SIGINT or, when stdin is a pipe, at the end
// of stdin.
import { serveUntilTold } from '../serve-until-told.ts'
import { startKubernetes } from './index.ts'

const kubernetes = await startKubernetes({ log: (line) => console.error(line) }).catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
console.log(`TEST_KUBECONFIG=${kubernetes.kubeconfig}`)
serveUntilTold(async () => kubernetes.stop())
