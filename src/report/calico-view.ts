/** Resources as calicoctl writes them out: a Node without what only Kubernetes knows, but with what calicoctl adds. */
import type { Resource } from '../calico/resources/kinds.ts';
import type { ObjectMeta } from '../calico/resources/meta.ts';
import type { Node } from '../calico/resources/node.ts';

/** `exported`: without what belongs to this very cluster (`--export`). */
export function calicoView(resource: Resource, exported = false): unknown {
  const view = resource.kind === 'Node' ? nodeView(resource) : resource;
  if (!exported) return view;
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _time, ...metadata } = view.metadata;
  return { ...view, metadata };
}

function nodeView({ kubernetes: _, ...node }: Node): Omit<Node, 'kubernetes'> {
  const { labels = {}, annotations = {} } = node.metadata;
  const kubeLabels = JSON.stringify(Object.fromEntries(Object.entries(labels).sort()));
  const metadata: ObjectMeta = {
    ...node.metadata,
    annotations: { 'projectcalico.org/kube-labels': kubeLabels, ...annotations },
  };
  const own = node.spec.bgp?.ipv4Address;
  const addresses = node.spec.addresses ?? [];
  const known = own === undefined || addresses.some(a => a.type === 'CalicoNodeIP');
  const all = known ? addresses : [{ address: own, type: 'CalicoNodeIP' as const }, ...addresses];
  return { ...node, metadata, spec: { ...node.spec, addresses: all } };
}
