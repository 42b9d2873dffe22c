import { spawn, type ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export interface PrometheusOptions {
  binary: string
  /** Of its configuration and its data: with what is stored there it goes on. */
  folder: string
  port: number
  config: object
}

/** Starts a Prometheus at 127.0.0.1:port. It does not serve yet: whoever starts it can see to its end first. */
export async function startPrometheus({ binary, folder, port, config }: PrometheusOptions): Promise<ChildProcess> {
  const file = join(folder, 'prometheus.yml')
  // JSON is YAML
  await writeFile(file, JSON.stringify(config))
  return spawn(binary, [
    `--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn',
  ], { stdio: ['ignore', 'inherit', 'inherit'] })
}

/** Resolves with its address when it serves. @throws Error if it ends before */
export async function prometheusServes(child: ChildProcess, port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}`
  while (child.exitCode === null && child.signalCode === null) {
    const ready = await fetch(`${url}/-/ready`).then(({ ok }) => ok, () => false)
    if (ready) return url
    await wait(100)
  }
  throw new Error(`Prometheus ended at once, with exit code ${child.exitCode}`)
}
