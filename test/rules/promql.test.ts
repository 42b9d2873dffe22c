import { labelsOf, metricsOf } from './promql.ts'

test.each([
  ['up', ['up'], []],
  ['sum by (job, le) (rate(x_total{status=~"2..|up",api!="a b"}[5m] offset 1h)) > bool 0.5e3', ['x_total'], ['job', 'le', 'status', 'api']],
  ['a:b:sum / on (job) group_left () (c or 0 * d) unless avg_over_time(e[$__rate_interval]) >= 14.4', ['a:b:sum', 'c', 'd', 'e'], ['job']],
  ['histogram_quantile(0.99, sum by (le) (rate(h_bucket{le=~"300|300.0"}[1m])))', ['h_bucket'], ['le']],
  ['{__name__="x"}', [], ['__name__']],
])('%s', (expr, metrics, labels) => {
  expect([metricsOf(expr), labelsOf(expr)]).toEqual([metrics, labels])
})
