// Metrics, settings and links of the runbooks, and metrics of all pages.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { KEYS } from '../../src/config-keys.ts'
import { isKnown, knownLabels, RUNBOOKS } from './names.ts'
import { labelsOf, metricsOf } from './promql.ts'

const pagesIn = (folder: string): string[] => readdirSync(folder).filter((file) => file.endsWith('.md')).map((file) => join(folder, file))
const runbooks = pagesIn(RUNBOOKS)
const read = (page: string): string => readFileSync(page, 'utf8')
const anchorOf = (heading: string): string => heading.toLowerCase().replaceAll(/[^\w\- ]/g, '').replaceAll(' ', '-')

test.each([...runbooks, ...pagesIn('docs')])('%s names only metrics that there are', (page) => {
  const named = [...read(page).matchAll(/\b(?:customerio_worker|kube)[_:][\w:]*\w/g)].map(([name]) => name)
  // a histogram is also spoken of as a whole
  expect(named.filter((name) => !isKnown(name) && !isKnown(`${name}_bucket`))).toEqual([])
})

describe.each(runbooks)('%s', (page) => {
  const text = read(page)

  test('asks for metrics and labels that there are', () => {
    const asked = [...text.matchAll(/```promql\n(.*?)```/gs)].flatMap(([, block]) => (block as string).split('\n').filter(Boolean))
    expect(asked.flatMap(metricsOf).filter((name) => !isKnown(name))).toEqual([])
    expect(asked.flatMap(labelsOf).filter((label) => !knownLabels.has(label))).toEqual([])
  })

  test('names settings that there are', () => {
    const others = new Set(['SERVICE_ACCOUNT', 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'GROUP_AUTHORIZATION_FAILED', 'OFFSET_METADATA_TOO_LARGE'])
    const named = [...text.matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)].map(([name]) => name)
    expect(named.filter((name) => !Object.hasOwn(KEYS, name) && !others.has(name))).toEqual([])
  })

  test('links to what is there', () => {
    const links = [...text.matchAll(/\]\(([^)#]*)(?:#([^)]+))?\)/g)].map(([, path, anchor]) => [path ? join(dirname(page), path) : page, anchor] as const)
    const broken = links.filter(([path, anchor]) => !existsSync(path) || (anchor && ![...read(path).matchAll(/^#+ (.+)$/gm)].some(([, heading]) => anchorOf(heading as string) === anchor)))
    expect(broken).toEqual([])
  })
})
