import type { ContainerRuntimeClient } from 'testcontainers'

/** What is on every container of a group of brokers; its value is the name of the group, which its network has, too. */
export const GROUP_LABEL = 'customerio-worker.test-kafka'

/** Removes containers, running ones too, their data, and the network of a group. */
export const removeGroup = async (client: ContainerRuntimeClient, group: string): Promise<void> => {
  const { dockerode } = client.container
  const containers = await dockerode.listContainers({ all: true, filters: { label: [`${GROUP_LABEL}=${group}`] } })
  await Promise.all(containers.map(({ Id }) => client.container.getById(Id).remove({ force: true, v: true })))
  const networks = await dockerode.listNetworks({ filters: { name: [group] } })
  await Promise.all(networks.map(({ Id }) => client.network.getById(Id).remove()))
}
