import { ConfigError, errorText, EXIT, LetterRefusedError, StartupError } from '../../src/errors.ts'

test('each error has its own name, which is what a log shows', () => {
  expect([new ConfigError([]), new StartupError('x'), new LetterRefusedError('x')].map(({ name }) => name)).toEqual(['ConfigError', 'StartupError', 'LetterRefusedError'])
})

test('a config error says all of its faults', () => {
  const error = new ConfigError(['A: is missing', 'B: is wrong'])
  expect([error.message, error.faults]).toEqual(['A: is missing\nB: is wrong', ['A: is missing', 'B: is wrong']])
})

test('exit codes differ, so that a supervisor can tell what happened', () => {
  expect(EXIT).toEqual({ ok: 0, failure: 1, unfinished: 3, config: 78 })
})

test.each([
  ['an error', new TypeError('fetch failed'), 'TypeError: fetch failed'],
  ['one with a code', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 'Error ECONNREFUSED: refused'],
  ['one whose code is no text', Object.assign(new Error('x'), { code: 20 }), 'Error: x'],
  ['a text', 'boom', 'boom'],
  ['nothing', undefined, 'undefined'],
])('the text of %s', (_name, thrown, text) => {
  expect(errorText(thrown)).toBe(text)
})

test('the text of an error has none of its other fields, which may hold payloads or credentials', () => {
  const error = Object.assign(new Error('status 401', { cause: new Error('cause-secret') }), { body: 'body-secret', config: { apiKey: 'key-secret' } })
  expect(errorText(error)).not.toContain('secret')
})
