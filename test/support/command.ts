import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'

export interface CommandOptions {
  cwd?: string
  /** On top of this process's own. */
  env?: NodeJS.ProcessEnv
  /** For its stdin. */
  input?: string
  signal?: AbortSignal
}

/** What Go builds for the tests: without a C compiler, and whatever workspace whoever runs them is in. */
export const GO_ENVIRONMENT = { CGO_ENABLED: '0', GOWORK: 'off' }

/** Runs a command to its end. @returns what it wrote to stdout. @throws Error with the last lines of what it wrote, if it fails */
export async function run(command: string, args: readonly string[], { cwd, env, input = '', signal }: CommandOptions = {}): Promise<string> {
  const child = spawn(command, args, { ...(cwd && { cwd }), ...(signal && { signal }), env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  // one that ends at once does not read what it is told
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (code === 0) return stdout
  const last = `${stdout}${stderr}`.trim().split('\n').slice(-5).join('\n') || `exit code ${code}`
  throw new Error(`${path.basename(command)} ${args.slice(0, 4).join(' ')}: ${last}`)
}
