import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** Runs a command to its end. @returns what it wrote to stdout. Rejects with the last line that it wrote to stderr if it fails. */
export async function run(command: string, args: readonly string[], { input, env }: { input?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  // one that ends at once does not read what it is told
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? '')
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (code !== 0) throw new Error(`${command.split('/').at(-1)} ${args.slice(0, 4).join(' ')}: ${stderr.trim().split('\n').at(-1) || `exit code ${code}`}`)
  return stdout
}
