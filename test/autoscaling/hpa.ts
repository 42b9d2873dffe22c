// The HorizontalPodAutoscaler of Kubernetes (autoscaling/v2) as its controller reckons, in virtual time: metrics, tolerance, stabilisation, policies. Seconds.

export interface Policy { readonly type: 'Pods' | 'Percent'; readonly value: number; readonly periodSeconds: number }
export interface Direction { readonly stabilizationWindowSeconds: number; readonly policies: readonly Policy[] }
export interface Spec { readonly minReplicas: number; readonly maxReplicas: number; readonly tolerance: number; readonly scaleUp: Direction; readonly scaleDown: Direction }

/** A metric as it is read at a sync; undefined = it can't be had. */
export type Metric =
  | { readonly type: 'Utilization'; readonly value: number | undefined; readonly target: number }
  | { readonly type: 'AverageValue'; readonly total: number | undefined; readonly target: number }

/** Time between two syncs. */
export const SYNC_SECONDS = 15

interface Change { readonly at: number; readonly by: number }

export class HorizontalPodAutoscaler {
  readonly #spec: Spec
  #recommendations: { readonly at: number; readonly replicas: number }[] = []
  readonly #added: Change[] = []
  readonly #removed: Change[] = []

  constructor(spec: Spec) {
    this.#spec = spec
  }

  /**
   * One sync.
   * @param current replicas that the Deployment asks for
   * @returns those that it is to ask for from now on
   */
  sync(now: number, current: number, metrics: readonly Metric[]): number {
    const { minReplicas, maxReplicas } = this.#spec
    const next = current > maxReplicas ? maxReplicas : current < minReplicas ? minReplicas : this.#byMetrics(now, current, metrics)
    if (next > current) this.#added.push({ at: now, by: next - current })
    if (next < current) this.#removed.push({ at: now, by: current - next })
    return next
  }

  #byMetrics(now: number, current: number, metrics: readonly Metric[]): number {
    const proposals = metrics.map((metric) => this.#proposed(metric, current)).filter((proposal) => proposal !== undefined)
    const proposed = Math.max(...proposals)
    // with a metric missing the others may ask for more, but nothing is taken away
    if (proposals.length === 0 || (proposals.length < metrics.length && proposed < current)) return current
    return this.#withinPolicies(now, current, this.#stabilised(now, current, proposed))
  }

  #proposed(metric: Metric, current: number): number | undefined {
    const value = metric.type === 'Utilization' ? metric.value : metric.total
    if (value === undefined) return undefined
    const ratio = metric.type === 'Utilization' ? value / metric.target : value / (metric.target * current)
    if (Math.abs(ratio - 1) <= this.#spec.tolerance) return current
    return Math.ceil(metric.type === 'Utilization' ? ratio * current : value / metric.target)
  }

  /** Up to the least, down to the most that was proposed within the window of that direction. */
  #stabilised(now: number, current: number, proposed: number): number {
    const { scaleUp, scaleDown } = this.#spec
    const within = (seconds: number) => [proposed, ...this.#recommendations.filter(({ at }) => at > now - seconds).map(({ replicas }) => replicas)]
    const [up, down] = [Math.min(...within(scaleUp.stabilizationWindowSeconds)), Math.max(...within(scaleDown.stabilizationWindowSeconds))]
    const longest = Math.max(scaleUp.stabilizationWindowSeconds, scaleDown.stabilizationWindowSeconds)
    this.#recommendations = [...this.#recommendations.filter(({ at }) => at > now - longest), { at: now, replicas: proposed }]
    return Math.min(Math.max(current, up), down)
  }

  #withinPolicies(now: number, current: number, wanted: number): number {
    const { minReplicas, maxReplicas, scaleUp, scaleDown } = this.#spec
    const changed = (changes: readonly Change[], seconds: number) => changes.filter(({ at }) => at > now - seconds).reduce((sum, { by }) => sum + by, 0)
    const atBegin = ({ periodSeconds }: Policy) => current - changed(this.#added, periodSeconds) + changed(this.#removed, periodSeconds)
    if (wanted > current) {
      const most = scaleUp.policies.map((policy) => atBegin(policy) + (policy.type === 'Pods' ? policy.value : Math.ceil(atBegin(policy) * (policy.value / 100))))
      return Math.min(wanted, maxReplicas, Math.max(current, ...most))
    }
    if (wanted < current) {
      const least = scaleDown.policies.map((policy) => (policy.type === 'Pods' ? atBegin(policy) - policy.value : Math.floor(atBegin(policy) * (1 - policy.value / 100))))
      return Math.max(wanted, minReplicas, Math.min(current, ...least))
    }
    return current
  }
}
