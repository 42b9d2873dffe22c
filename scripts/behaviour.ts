// Writes the tables of docs/behaviour.md from the figures of the last run of the fault cases: make behaviour
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { RECORDS, type FaultRecord } from '../test/faults/fault-case.ts'
import { withTables } from '../test/faults/page.ts'
import { KAFKA_VERSION } from '../test/support/kafka/settings.ts'

const PAGE = 'docs/behaviour.md'
const records = readdirSync(RECORDS).map((name) => JSON.parse(readFileSync(`${RECORDS}/${name}`, 'utf8')) as FaultRecord)
const measuredOn = `${new Date().toISOString().slice(0, 10)}, ${os.availableParallelism()} cores shared, Node ${process.versions.node}, Apache Kafka ${KAFKA_VERSION}`
writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8'), records, measuredOn))
console.log(`${PAGE}: ${records.length} cases`)
