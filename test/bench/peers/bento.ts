// Bento, which moves events from Kafka to HTTP by configuration: one call an event, and 500 a call.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Program } from '../../load/program.ts'
import { run } from '../../support/command.ts'
import { onPath } from '../../support/on-path.ts'
import type { Contestant, Reach } from '../contestants.ts'
import { contenderOf } from './contender.ts'

const VERSION = 'v1.20.0'
const FOLDER = resolve('.cache/peers/bento')
const BINARY = join(FOLDER, 'bento')
const [IN_FLIGHT, BATCH] = [64, 500]

/** @returns why it can't take part, if it can't */
export async function prepareBento({ say, signal }: Program): Promise<Contestant[] | string> {
  if (!existsSync(BINARY)) {
    if (!onPath('go')) return 'Bento: it is not in .cache/peers/bento, and there is no Go to build it with'
    say(`building Bento ${VERSION} (once; a quarter of an hour on two cores, 4 GB of disk) ...`)
    await build(signal)
  }
  const contestant = (id: string, name: string, batches: boolean): Contestant => ({
    id, name, batches, floor: batches ? 'batches' : 'requests', start: async (reach) => start(reach, batches ? batchConfig(reach) : singleConfig(reach)),
  })
  return [contestant('bento-batch', `Bento ${VERSION}, ${BATCH} a call`, true), contestant('bento-single', `Bento ${VERSION}, one a call`, false)]
}

/** `go install` refuses it for the replacements in its module, so it is built as a dependency of a module of our own. */
async function build(signal: AbortSignal): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, 'go.mod'), `module bench/bento\n\ngo 1.26\n\nrequire github.com/warpstreamlabs/bento ${VERSION}\n`)
  writeFileSync(join(FOLDER, 'tools.go'), '//go:build tools\n\npackage tools\n\nimport _ "github.com/warpstreamlabs/bento/cmd/bento"\n')
  await run('go', ['mod', 'tidy'], { cwd: FOLDER, signal })
  await run('go', ['build', '-ldflags', '-s -w', '-o', BINARY, 'github.com/warpstreamlabs/bento/cmd/bento'], { cwd: FOLDER, env: { CGO_ENABLED: '0' }, signal })
}

async function start({ group }: Reach, config: object): ReturnType<Contestant['start']> {
  const file = join(FOLDER, `${group}.json`)
  writeFileSync(file, JSON.stringify(config, null, 2))
  return contenderOf(spawn(BINARY, ['-c', file], { stdio: ['ignore', 'ignore', 'inherit'] }))
}

const common = { http: { enabled: false }, logger: { level: 'WARN' } }
const inputOf = ({ brokers, topic, group }: Reach, more: object = {}) => ({
  kafka_franz: { seed_brokers: brokers, topics: [topic], consumer_group: group, commit_period: '1s', ...more },
})
const outputTo = (url: string) => ({
  http_client: {
    url, verb: 'POST', headers: { 'Content-Type': 'application/json' }, timeout: '5s', max_in_flight: IN_FLIGHT,
    retries: 5, retry_period: '1s', backoff_on: [429, 503], drop_on: [400, 401, 403, 404, 422],
  },
})

function singleConfig(reach: Reach): object {
  const form = 'meta person = this.userId\nroot = {"name": this.payload.event, "data": this.payload.properties}'
  return { ...common, input: inputOf(reach), pipeline: { processors: [{ mapping: form }] }, output: outputTo(`${reach.url}/api/v1/customers/\${! @person }/events`) }
}

function batchConfig(reach: Reach): object {
  const form = 'root = {"type": "person", "identifiers": {"id": this.userId}, "action": "event", "name": this.payload.event, "attributes": this.payload.properties}'
  return {
    ...common, input: inputOf(reach, { batching: { count: BATCH, period: '100ms' } }),
    pipeline: { processors: [{ mapping: form }, { archive: { format: 'json_array' } }, { mapping: 'root = {"batch": this}' }] },
    output: outputTo(`${reach.url}/api/v2/batch`),
  }
}
