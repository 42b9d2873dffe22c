// The chart and the plain manifests before a real API server of Kubernetes, and what the chart looks up there. No controller runs: objects are
// checked and kept, no pod is started.

import { spawnSync } from 'node:child_process'
import { stringify } from 'yaml'
import { CHART } from '../../scripts/chart-files.ts'
import { kubernetesMissing, startKubernetes, type TestKubernetes } from '../support/kubernetes/index.ts'
import { casesOf, helm, LEAST, merged, renderAll, tools, valuesOf, type Manifest, type Values } from './chart.ts'

const missing = kubernetesMissing()
if (missing) console.warn(`${missing} The tests of the chart before an API server are skipped.`)
const withApi = tools && !missing ? describe : describe.skip

/** Operators bring these kinds; the API server does not know them. */
const isOfOperator = ({ apiVersion }: Manifest): boolean => /^(monitoring\.coreos\.com|keda\.sh)\//.test(apiVersion)

withApi('before an API server', () => {
  let kubernetes: TestKubernetes
  beforeAll(async () => { kubernetes = await startKubernetes({ log: (line) => console.log(line) }) })
  afterAll(async () => kubernetes.stop())

  const kubectl = (args: readonly string[], input?: string) => {
    const { status, stdout, stderr } = spawnSync(tools!.kubectl, [...args], { input, encoding: 'utf8', env: { ...process.env, KUBECONFIG: kubernetes.kubeconfig } })
    return { status, stdout, stderr }
  }
  /** A namespace in which every object that is not as restricted as it can be is warned of. */
  const addNamespace = async (): Promise<string> => {
    const name = await kubernetes.admin.addNamespace()
    const { status, stderr } = kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/warn=restricted', 'pod-security.kubernetes.io/enforce=restricted'])
    if (status !== 0) throw new Error(stderr)
    return name
  }
  /** How many objects the server would take. */
  const dryRun = (text: string, namespace: string): number => {
    const { status, stdout, stderr } = kubectl(['apply', '--dry-run=server', '--validate=strict', '-n', namespace, '-f', '-'], text)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return stdout.trim().split('\n').length
  }
  /** Its namespace is that of the Deployment, not the one that tests render with by themselves. */
  const inNamespace = (objects: readonly Values[], namespace: string): string => objects.map((object) => stringify(object)).join('---\n').replaceAll('namespace: shop', `namespace: ${namespace}`)

  test.each(casesOf())('%s: every object is taken, with no warning', async (file) => {
    const objects = renderAll(valuesOf(file)).filter((object) => !isOfOperator(object))
    const namespace = await addNamespace()
    expect(dryRun(inNamespace(objects, namespace), namespace)).toBe(objects.length)
  })

  test('k8s/: every object is taken, with no warning', async () => {
    const { status, stdout } = kubectl(['kustomize', 'k8s'])
    expect(status).toBe(0)
    expect(dryRun(stdout, await addNamespace())).toBe(8)
  })

  describe('a release', () => {
    let namespace: string
    beforeAll(async () => {
      namespace = await addNamespace()
      run('install')
    })
    const run = (verb: 'install' | 'upgrade', over: Values = {}, ...flags: string[]) =>
      helm([verb, 'customerio-worker', CHART, '-n', namespace, '-f', '-', ...flags], merged(LEAST, over), { KUBECONFIG: kubernetes.kubeconfig })
    const upgrade = (over: Values) => run('upgrade', over)
    const wouldUpgrade = (over: Values) => run('upgrade', over, '--dry-run=server')
    const replicas = () => kubernetes.admin.apps.readNamespacedDeployment({ name: 'customerio-worker', namespace }).then(({ spec }) => spec!.replicas)

    test.each<[string, Values, string]>([
      ['another share of the limit', { share: { source: 'partitions' } }, 'counts requests by "kubernetes track:request/1000ms" and would by "partitions track:request/1000ms"'],
      ['another unit', { limits: { track: { unit: 'operation' } } }, 'would by "kubernetes track:operation/1000ms"'],
      ['another window', { settings: { RATE_LIMIT_WINDOW_MS: 2_000 } }, 'would by "kubernetes track:request/2000ms"'],
    ])('%s is refused while old workers run, and taken where they end first', (_, over, says) => {
      const { status, stderr } = wouldUpgrade(over)
      expect(status).not.toBe(0)
      expect(stderr).toContain(says)
      expect(stderr).toContain('upgrade with strategy.type=Recreate, once.')
      expect(wouldUpgrade(merged(over, { strategy: { type: 'Recreate' } }))).toMatchObject({ status: 0 })
    })

    test('goes to Recreate and back', () => {
      expect(upgrade({ share: { source: 'partitions' }, strategy: { type: 'Recreate' } })).toMatchObject({ status: 0 })
      expect(upgrade({ share: { source: 'partitions' } })).toMatchObject({ status: 0 })
      expect(upgrade({ strategy: { type: 'Recreate' } })).toMatchObject({ status: 0 })
      expect(upgrade({})).toMatchObject({ status: 0 })
    })

    test('an autoscaler that is turned on takes over what is there, and an upgrade leaves its number alone', async () => {
      expect(upgrade({ replicaCount: 5 })).toMatchObject({ status: 0 })
      expect(upgrade({ autoscaling: { kind: 'hpa' } })).toMatchObject({ status: 0 })
      expect(await replicas()).toBe(5)
      expect(kubectl(['scale', 'deployment/customerio-worker', '--replicas=9', '-n', namespace])).toMatchObject({ status: 0 })
      expect(upgrade({ autoscaling: { kind: 'hpa' }, minReadySeconds: 25 })).toMatchObject({ status: 0 })
      expect(await replicas()).toBe(9)
    })

    test('a second autoscaler is refused', () => {
      expect(kubectl(['autoscale', 'deployment/customerio-worker', '--name=by-hand', '--min=2', '--max=5', '-n', namespace])).toMatchObject({ status: 0 })
      expect(wouldUpgrade({ autoscaling: { kind: 'hpa' } }).stderr).toContain('The HorizontalPodAutoscaler by-hand scales customerio-worker already')
      expect(wouldUpgrade({ autoscaling: { kind: 'none' } })).toMatchObject({ status: 0 })
      expect(kubectl(['delete', 'hpa/by-hand', '-n', namespace])).toMatchObject({ status: 0 })
      expect(wouldUpgrade({ autoscaling: { kind: 'hpa' } })).toMatchObject({ status: 0 })
    })
  })
})
