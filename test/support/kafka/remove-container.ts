// Removes the container named on the command line; run by the guard when the process that started it has died.
import { getContainerRuntimeClient } from 'testcontainers'

const [name] = process.argv.slice(2)
if (!name) throw new Error('usage: node remove-container.ts NAME')
const { container } = await getContainerRuntimeClient()
await container.getById(name).remove({ force: true, v: true })
