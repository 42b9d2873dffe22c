// On what, and with what, something was measured.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { KAFKA_VERSION } from '../support/kafka/settings.ts'

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> }
const PACKAGES = ['kafkajs', 'customerio-node', 'undici', 'bottleneck', 'zod']
/** Of the environment, where it is set: what the run was told. */
const TOLD = ['PART', 'CONTESTANTS', 'RUNS', 'EVENTS', 'SINGLE_EVENTS', 'DRAIN_EVENTS', 'CLIENT_MS']

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly versions: Readonly<Record<string, string>>
  /** Of the repository, with a + if files had been changed since. */
  readonly commit: string
}

export function aboutMachine(): Machine {
  const [cpu] = os.cpus()
  return {
    cpu: cpu?.model ?? 'unknown', cores: os.cpus().length, memoryGiB: Math.round(os.totalmem() / 2 ** 30), kernel: `${os.type()} ${os.release()}`,
    versions: { node: process.versions.node, kafka: KAFKA_VERSION, ...Object.fromEntries(PACKAGES.map((name) => [name, dependencies[name] ?? '?'])) },
    commit: git('describe', '--always', '--dirty=+', '--exclude=*'),
  }
}

/** @returns to be called at the end: lines that tell what ran where and when, and how busy the machine was */
export function aboutRun(): () => string {
  const [began, load] = [new Date(), os.loadavg()]
  return () => {
    const { cpu, cores, memoryGiB, kernel, versions, commit } = aboutMachine()
    const minutes = Math.round((Date.now() - began.getTime()) / 60_000)
    const told = TOLD.flatMap((name) => (process.env[name] ? [`${name}=${process.env[name]}`] : []))
    return [
      `${began.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${minutes} min, commit ${commit}${told.length > 0 ? `, ${told.join(' ')}` : ''}`,
      `${cpu}, ${cores} cores for everything (Kafka, sink, contestant), ${memoryGiB} GiB, ${kernel}`,
      Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', '),
      `load average ${load.map((one) => one.toFixed(1)).join(' ')} at the start, ${os.loadavg().map((one) => one.toFixed(1)).join(' ')} at the end`,
    ].join('\n')
  }
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
