// The pages at the root, held against what they speak of: files, commands, settings, examples.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { KEYS, type KeyDeclaration } from '../../src/config-keys.ts'
import { EXIT } from '../../src/errors.ts'
import { decodeEvent } from '../../src/event.ts'
import { deliveredTypes } from '../../src/event-schema.ts'

const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
/** Variables of make and the tests, not of the worker. */
const NOT_THE_WORKERS = [
  'EVENTS', 'WORKERS', 'LIMIT', 'MINUTES', 'SEED', 'STORIES', 'SOURCE', 'FLAW', 'KILL_SEEDS', 'NODE_IMAGE',
  'PART', 'RUNS', 'CONTESTANTS', 'PROFILE', 'WRITE', 'CHECK', 'SECONDS', 'PROMETHEUS_URL', 'TEST_PROMETHEUS_BIN', 'HELM', 'KUBECTL', 'RUNBOOK_BASE',
  'E2E_KUBECONFIG', 'E2E_HOST', 'E2E_IMAGE', 'E2E_IMPORT', 'E2E_KUBECTL', 'E2E_HELM', 'E2E_PROMETHEUS', 'E2E_RESTART_API', 'E2E_K3S_IMAGE', 'E2E_STEPS',
  'TEST_DELIVERY_MODE', 'TEST_KAFKA', 'TEST_KAFKA_BROKERS', 'TEST_KAFKA_IMAGE', 'TEST_KUBERNETES_BIN', 'TEST_KUBECONFIG',
]

const read = (path: string): string => readFileSync(path, 'utf8')
const allOf = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([whole, part]) => part ?? whole)
const filesUnder = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))

/** What a page shows as code: its fenced blocks (of one language, if it is given), and without a language its inline code. */
function codeOf(page: string, language?: string): string {
  const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, of]) => language === undefined || of === language).map(([, , code]) => code as string)
  const inline = language === undefined ? allOf(page.replaceAll(/^```.*?^```$/gms, ''), /`([^`\n]+)`/g) : []
  return [...blocks, ...inline].join('\n')
}

/** The variables that a page names: by their form anywhere, or by an assignment in code. */
const variablesOf = (page: string): Set<string> =>
  new Set([...allOf(page, /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g), ...allOf(codeOf(page), /(?<![\w.])([A-Z][A-Z0-9_]*)=/g)])

test('ARCHITECTURE.md names every file of src/', () => {
  const named = new Set(allOf(read('ARCHITECTURE.md'), /\bsrc\/[\w/.-]+\.ts\b/g))
  expect(filesUnder('src').filter((file) => !named.has(file))).toEqual([])
})

describe.each(PAGES)('%s', (name) => {
  const page = read(name)

  test('names no file that does not exist', () => {
    expect(allOf(page, /\b(?:src|test|docs|scripts)\/[\w/.-]+\.\w+\b/g).filter((file) => !existsSync(file))).toEqual([])
  })

  test('links to what is there', () => {
    const links = allOf(page, /\]\(([^)\s]+)\)/g).filter((link) => !link.startsWith('https://'))
    const headings = (text: string) => allOf(text, /^#+ (.+)$/gm).map((heading) => heading.toLowerCase().replaceAll(/[^\w\s-]/g, '').replaceAll(' ', '-'))
    const broken = links.filter((link) => {
      const [path, anchor] = link.split('#', 2) as [string, string?]
      const target = path === '' ? name : join(dirname(name), path)
      return !existsSync(target) || (anchor !== undefined && !headings(read(target)).includes(anchor))
    })
    expect(broken).toEqual([])
  })

  test('shows no make target that the Makefile lacks', () => {
    const targets = new Set(allOf(read('Makefile'), /^([a-z0-9-]+):/gm))
    expect(allOf(codeOf(page), /\bmake ([a-z0-9-]+)/g).filter((target) => !targets.has(target))).toEqual([])
  })

  test('speaks of no setting that the worker lacks', () => {
    const declarations = Object.entries<KeyDeclaration>(KEYS)
    const names = declarations.flatMap(([key, { alias, secret }]) => [key, ...(alias ? [alias] : [])].flatMap((known) => (secret ? [known, `${known}_FILE`] : [known])))
    const known = new Set([...names, ...NOT_THE_WORKERS])
    expect([...variablesOf(page)].filter((variable) => !known.has(variable))).toEqual([])
  })
})

test.each(NOT_THE_WORKERS)('%s is read by make or the tests', (variable) => {
  const sources = ['Makefile', ...filesUnder('test').filter((file) => file !== 'test/unit/architecture.test.ts')].map(read)
  expect(sources.some((source) => new RegExp(`\\b${variable}\\b`).test(source))).toBe(true)
})

describe('README.md', () => {
  const page = read('README.md')
  const examples = codeOf(page, 'json').split('\n').filter(Boolean)

  test.each(examples)('%s is a good event', (example) => {
    const record = { topic: 't', partition: 0, offset: 0, timestamp: 1_767_603_600_000, key: null, value: Buffer.from(example) }
    expect(decodeEvent(record, undefined, 'n')).toMatchObject({ kind: 'event' })
  })

  test('names every type that is delivered, once, and no other', () => {
    const [, table] = page.split('| What | Types |') as [string, string]
    const named = (table.split('\n\n', 1)[0] as string).split('\n').flatMap((row) => allOf(row, /`(\w+)`/g))
    expect(named.toSorted()).toEqual([...deliveredTypes].toSorted())
  })

  test('leads producers to the page that has them all', () => {
    expect(page).toContain('](docs/events.md)')
  })

  test('has every exit code', () => {
    const [, table] = page.split('| Exit code |') as [string, string]
    expect(allOf(table.split('\n\n', 1)[0] as string, /^\| (\d+) \|/gm).map(Number)).toEqual(Object.values(EXIT))
  })
})
