import { count, fixed, median, quantile } from './figures.ts'

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[7], 7],
  [[], NaN],
])('the median of %j is %p', (values, expected) => {
  expect(median(values)).toBe(expected)
})

test('a quantile is a value that was there; so many are below it', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 99 - index)
  expect([0, 0.5, 0.99, 1].map((share) => quantile(hundred, share))).toEqual([0, 50, 99, 99])
  expect(quantile([], 0.5)).toBeNaN()
})

test('what is not known is a dash', () => {
  expect([count(12_345.4), count(NaN), fixed(1.005, 2), fixed(NaN, 2)]).toEqual(['12,345', '-', '1.00', '-'])
})
