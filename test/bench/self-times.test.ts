import { byPlace, selfTimes, type CpuProfile } from './self-times.ts'

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber })
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(idle)') },
    { id: 2, callFrame: frame('decode', 'file:///somewhere/src/event.ts', 9) },
    { id: 3, callFrame: frame('decode', 'file:///somewhere/src/event.ts', 9) },
    { id: 4, callFrame: frame('', 'file:///somewhere/node_modules/kafkajs/src/utils/long.js', 4) },
    { id: 5, callFrame: frame('(garbage collector)') },
    { id: 6, callFrame: frame('validate', 'file:///somewhere/src/event.ts', 19) },
  ],
  samples: [1, 2, 3, 4, 5, 6, 2],
  timeDeltas: [9_000, 1_000, 1_000, 2_000, 500, 250, 1_000],
}

test('sums the time before each sample by function, wherever it was called from; waiting is none', () => {
  expect(selfTimes(profile)).toEqual([
    { where: 'decode  src/event.ts:10', ms: 3 },
    { where: '(anonymous)  kafkajs/src/utils/long.js:5', ms: 2 },
    { where: '(garbage collector)', ms: 0.5 },
    { where: 'validate  src/event.ts:20', ms: 0.25 },
  ])
})

test('sums up what is within a file of ours, or a package of others', () => {
  expect(byPlace(selfTimes(profile))).toEqual([
    { where: 'src/event.ts', ms: 3.25 }, { where: 'kafkajs', ms: 2 }, { where: '(garbage collector)', ms: 0.5 },
  ])
})
