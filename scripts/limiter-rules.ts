// Writes the table of rules in docs/limiter.md: make rules
import { readFileSync, writeFileSync } from 'node:fs'
import { withRules } from '../test/simulation/rules.ts'

const PAGE = 'docs/limiter.md'
writeFileSync(PAGE, withRules(readFileSync(PAGE, 'utf8')))
console.log(`${PAGE}: the table of rules is written anew`)
