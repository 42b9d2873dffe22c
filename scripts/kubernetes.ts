// make kubernetes: builds etcd and kube-apiserver for the tests of the share source kubernetes, where there is Go; else says what is missing.
import { makeKubernetes } from '../test/support/kubernetes/binaries.ts'

try {
  console.log(`etcd and kube-apiserver for the tests are in ${await makeKubernetes((line) => console.log(line))}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
