// Plays the days and writes the table and the picture of docs/autoscaling.md: make autoscaling. With --print it only prints the days, as JSON.

import { readFileSync, writeFileSync } from 'node:fs'
import { PAGE, PICTURE, playDays, withFigures } from './page.ts'
import { plot } from './plot.ts'

const days = playDays()
if (process.argv.includes('--print')) process.stdout.write(JSON.stringify(days))
else {
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), days))
  writeFileSync(PICTURE, plot(days))
  console.log(`${PAGE} and ${PICTURE} are written anew`)
}
