// Removes the group of brokers named on the command line; run by the guard when the process that started it has died.
import { getContainerRuntimeClient } from 'testcontainers'
import { removeGroup } from './docker-group.ts'

const [group] = process.argv.slice(2)
if (!group) throw new Error('usage: node remove-container.ts GROUP')
await removeGroup(await getContainerRuntimeClient(), group)
