import { spawnSync } from 'node:child_process'

/**
 * The manifests of a release called `customerio-worker`, as Helm writes them.
 * @throws Error with what Helm said
 */
export function renderChart(helm: string, chart: string, options: readonly string[]): string {
  const { stdout, stderr, status, error } = spawnSync(helm, ['template', 'customerio-worker', chart, ...options], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (status !== 0) throw new Error(error?.message ?? stderr)
  return stdout
}
