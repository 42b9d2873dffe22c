// @platformatic/kafka-hooks, which posts each record's value to a URL as it is: it can neither make the API's form of it nor send batches.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Program } from '../../load/program.ts'
import { run } from '../../support/command.ts'
import { freePorts } from '../../support/kafka/ports.ts'
import type { Contestant, Reach } from '../contestants.ts'
import { contenderOf } from './contender.ts'

const VERSION = '0.6.4'
const PACKAGES = { '@platformatic/kafka-hooks': VERSION, '@platformatic/service': '3.67.0', wattpm: '3.67.0' }
/** By it the file is told from that of a single application. */
const SCHEMA = `https://schemas.platformatic.dev/wattpm/${PACKAGES.wattpm}.json`
const FOLDER = resolve('.cache/peers/hooks')
const IN_FLIGHT = 64

/** @returns why it can't take part, if it can't */
export async function prepareHooks({ say, signal }: Program): Promise<Contestant[] | string> {
  if (!existsSync(join(FOLDER, 'node_modules/wattpm'))) {
    say(`installing @platformatic/kafka-hooks ${VERSION} (once) ...`)
    mkdirSync(join(FOLDER, 'app'), { recursive: true })
    writeFileSync(join(FOLDER, 'package.json'), JSON.stringify({ name: 'bench-hooks', private: true, type: 'module', dependencies: PACKAGES }))
    writeFileSync(join(FOLDER, 'app/package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
    const failed = await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: FOLDER, signal }).then(() => undefined, (error: Error) => error)
    if (failed) return `@platformatic/kafka-hooks: npm could not install it (${failed.message.split('\n', 1)[0]})`
  }
  return [{ id: 'hooks', name: `kafka-hooks ${VERSION}, one a call`, batches: false, floor: 'requests', start }]
}

async function start({ brokers, topic, letterTopic, group, url }: Reach): ReturnType<Contestant['start']> {
  const [port = 0] = await freePorts(1)
  const kafka = {
    brokers,
    topics: [{ topic, url: `${url}/`, headers: { 'content-type': 'application/json' }, retries: 6, retryDelay: 1_000, dlq: letterTopic }],
    consumer: { groupId: group, mode: 'committed', fallbackMode: 'earliest', maxWaitTime: 500, sessionTimeout: 10_000, rebalanceTimeout: 15_000, heartbeatInterval: 500 },
    concurrency: IN_FLIGHT,
  }
  const watt = {
    $schema: SCHEMA, server: { hostname: '127.0.0.1', port }, logger: { level: 'error' }, applications: [{ id: 'hooks', path: 'app', config: 'platformatic.json' }], entrypoint: 'hooks',
  }
  writeFileSync(join(FOLDER, 'watt.json'), JSON.stringify(watt))
  writeFileSync(join(FOLDER, 'app/platformatic.json'), JSON.stringify({ module: '@platformatic/kafka-hooks', kafka }))
  return contenderOf(spawn(process.execPath, ['node_modules/wattpm/bin/cli.js', 'start'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] }))
}
