import { spawn } from 'node:child_process'

/**
 * Has `command` run when this process ends in whatever way, SIGKILL included: a small shell holds the other end of a pipe
 * that the kernel closes with us. Returns the way to call it off.
 *
 * The shell is in a session of its own, so that Ctrl-C or a signal to our process group does not end it before us.
 */
export const onDeath = (command: string[]): (() => void) => {
  const shell = spawn('sh', ['-c', 'read -r line || exec "$@"', 'sh', ...command], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  shell.stdin.on('error', () => {}) // the shell is gone already: nothing left to call off
  return () => shell.stdin.end('called off\n')
}
