import { setTimeout as wait } from 'node:timers/promises'
import type { V1PolicyRule } from '@kubernetes/client-node'
import type { Where } from './deployment.ts'

/** What docs/limiter.md asks for: the rules of the service account of a Deployment's pods. */
export const chartRules = (deployment: string): V1PolicyRule[] => [
  { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
  { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get'] },
  { apiGroups: ['apps'], resources: ['deployments'], resourceNames: [deployment], verbs: ['get'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [`${deployment}-slots`], verbs: ['get', 'update'] },
  // a Role can't say which names may be made
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
]

/** A Role of these rules and a RoleBinding, both with the name of the service account. Resolves when they hold. */
export const grant = async ({ admin, namespace }: Where, serviceAccount: string, rules: V1PolicyRule[]): Promise<void> => {
  const metadata = { name: serviceAccount }
  await admin.rbac.createNamespacedRole({ namespace, body: { metadata, rules } })
  await admin.rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: serviceAccount },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace }],
    },
  })
  const [{ apiGroups: [group] = [], resources: [resource] = [], resourceNames: [name] = [], verbs: [verb] }] = rules as [V1PolicyRule]
  const user = `system:serviceaccount:${namespace}:${serviceAccount}`
  const spec = { user, resourceAttributes: { namespace, group, resource, name, verb } }
  while (!(await admin.authorization.createSubjectAccessReview({ body: { spec } })).status!.allowed) await wait(20)
}
