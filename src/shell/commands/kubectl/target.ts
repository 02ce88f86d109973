/** What kubectl's words name: kinds and objects. */
import { KINDS, type Kind, kindNamed, type Resource } from '../../../calico/resources/kinds.ts';
import { type CommandIo, failed, type ShellResult } from '../../command.ts';
import type { Parsed } from '../../options.ts';

export interface Target {
  readonly kind: Kind;
  readonly names: readonly string[];
}

/** Kinds every cluster has and this lab does not. */
const NOT_EMULATED = new Set(
  (
    'componentstatuses cs configmaps configmap cm endpoints ep endpointslices events event ev limitranges ' +
    'persistentvolumeclaims pvc persistentvolumes pv replicationcontrollers rc resourcequotas quota secrets secret ' +
    'services service svc daemonsets daemonset ds replicasets replicaset rs statefulsets statefulset sts jobs job ' +
    'cronjobs cronjob cj ingresses ingress ing networkpolicies networkpolicy netpol storageclasses storageclass sc ' +
    'customresourcedefinitions customresourcedefinition crd crds roles role rolebindings clusterroles clusterrole ' +
    'clusterrolebindings leases lease tigerastatus installation installations globalnetworkpolicies globalnetworkpolicy gnp globalnetworksets networksets ' +
    'hostendpoints hostendpoint hep profiles clusterinformations clusterinformation kubecontrollersconfigurations tiers ' +
    'caliconodestatuses serviceaccounts serviceaccount sa persistentvolumeclaim horizontalpodautoscalers hpa'
  ).split(' '),
);

/** `pods`, `pod/pod1 node/k8s-m`, `pod pod1 pod2`, `pods,nodes`. */
export function targets(words: readonly string[], verb: string): Target[] | ShellResult {
  const [first, ...names] = words;
  if (first === undefined)
    return failed(
      `You must specify the type of resource to ${verb}. Use "kubectl api-resources" for a complete list of supported resources.\n\n` +
        `error: Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).\n` +
        `See 'kubectl ${verb} -h' for help and examples\n`,
    );
  const found: Target[] = [];
  if (first.includes('/')) {
    for (const word of words) {
      const at = word.indexOf('/');
      if (at < 0)
        return failed(
          `error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'\n`,
        );
      const kind = kindOf(word.slice(0, at), verb);
      if (typeof kind !== 'string') return kind;
      found.push({ kind, names: [word.slice(at + 1)] });
    }
    return found;
  }
  for (const word of first === 'all' ? ['pods'] : first.split(',')) {
    const kind = kindOf(word, verb);
    if (typeof kind !== 'string') return kind;
    found.push({ kind, names });
  }
  return found;
}

export function kindOf(word: string, verb: string): Kind | ShellResult {
  // `ippools.crd.projectcalico.org`, `pods.v1`
  const info = kindNamed(word) ?? kindNamed(word.split('.')[0]!);
  if (info !== undefined && info.kind !== 'WorkloadEndpoint') return info.kind;
  if (NOT_EMULATED.has(word.split('.')[0]!.toLowerCase()))
    return failed(`kubectl ${verb} ${word}: this kind is not emulated in this lab\n`, 2);
  return failed(`error: the server doesn't have a resource type "${word}"\n`);
}

/** The namespace to look in; undefined for all, and for kinds that have none. */
export function namespaceOf(kind: Kind, { flags }: Parsed): string | undefined {
  if (!KINDS[kind].namespaced || flags.has('all-namespaces')) return undefined;
  return flags.get('namespace') ?? 'default';
}

/** `pod/pod1`, `ippool.crd.projectcalico.org/default-ipv4-ippool`. */
export const fullName = ({ kind, metadata }: Pick<Resource, 'kind' | 'metadata'>): string =>
  `${typeName(kind)}/${metadata.name}`;

export function typeName(kind: Kind): string {
  const { resource } = KINDS[kind];
  const at = resource.indexOf('.');
  return kind.toLowerCase() + (at < 0 ? '' : resource.slice(at));
}

export const notFound = (kind: Kind, name: string): string =>
  `Error from server (NotFound): ${KINDS[kind].resource} "${name}" not found\n`;

/** What a controller appends to its name: a template's hash, and five characters of its own. */
const CONTROLLERS: Readonly<Record<string, readonly [resource: string, ending: RegExp]>> = {
  daemonset: ['daemonsets.apps', /^-[a-z0-9]{5}$/],
  statefulset: ['statefulsets.apps', /^-\d+$/],
  deployment: ['deployments.apps', /^-[a-z0-9]{6,10}-[a-z0-9]{5}$/],
  replicaset: ['replicasets.apps', /^-[a-z0-9]{5}$/],
};
const CONTROLLER_ALIASES: Readonly<Record<string, string>> = {
  ds: 'daemonset',
  daemonsets: 'daemonset',
  sts: 'statefulset',
  deploy: 'deployment',
  deployments: 'deployment',
  rs: 'replicaset',
};

/** The pod that `exec` and `logs` mean by `pod1`, `pod/pod1` or `ds/calico-node` (the first of its pods). */
export async function podCalled(
  word: string,
  parsed: Parsed,
  { cluster }: CommandIo,
): Promise<(Resource & { kind: 'Pod' }) | ShellResult> {
  const namespace = parsed.flags.get('namespace') ?? 'default';
  const [, kind = '', name = word] = /^([a-z]+)(?:\.apps)?\/(.+)$/.exec(word) ?? [];
  if (kind === '' || /^(po|pods?)$/.test(kind)) {
    const pod = await cluster.find('Pod', name, namespace);
    return pod ?? failed(notFound('Pod', name));
  }
  const controller = CONTROLLERS[CONTROLLER_ALIASES[kind] ?? kind];
  if (controller === undefined) return failed(`error: the server doesn't have a resource type "${kind}"\n`);
  const [resource, ending] = controller;
  const pods = await cluster.list('Pod', namespace);
  const own = pods.find(
    ({ metadata }) => metadata.name.startsWith(name) && ending.test(metadata.name.slice(name.length)),
  );
  return own ?? failed(`Error from server (NotFound): ${resource} "${name}" not found\n`);
}
