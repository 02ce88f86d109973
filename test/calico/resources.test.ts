import * as Prefix from '../../src/addr/prefix.ts';
import { Store } from '../../src/api/store.ts';
import { DatastoreError } from '../../src/calico/datastore.ts';
import { newBlock } from '../../src/calico/ipam/block.ts';
import { annotationList } from '../../src/calico/resources/core.ts';
import { KINDS, kindNamed, parse, type Resource, validate } from '../../src/calico/resources/kinds.ts';
import { onceAlike } from '../../src/calico/resources/meta.ts';
import {
  bgpNetwork,
  kubernetesAnnotations,
  type Node,
  nodeNetwork,
  roles,
} from '../../src/calico/resources/node.ts';
import { DecodeError } from '../../src/calico/resources/shape.ts';
import { assert, suite } from '../kit.ts';

const t = suite('calico/resources');
type Numbered = { readonly n: number; readonly note: string };
const API = 'projectcalico.org/v3';
const object = (kind: string, spec: unknown, name = 'default'): unknown => ({
  apiVersion: API,
  kind,
  metadata: { name },
  spec,
});

/** What storing the object says: '' when it is accepted. */
function verdict(value: unknown, store = new Store(() => 0)): string {
  try {
    store.apply(parse(value));
    return '';
  } catch (e) {
    if (e instanceof DatastoreError || e instanceof DecodeError) return e.message;
    throw e;
  }
}

const POOL = 'error with field IPPool.Spec.';
const TAG = 'Reason: failed to validate Field:';

for (const [what, spec, message] of [
  ['a plain pool', { cidr: '10.0.0.0/16' }, ''],
  ['no cidr', {}, `${POOL}CIDR (IPPool CIDR must be specified)`],
  ['a word for a cidr', { cidr: 'x' }, `${POOL}CIDR = 'x' (IPPool CIDR must be a valid subnet)`],
  [
    'a mask of 33',
    { cidr: '10.0.0.0/33' },
    `${POOL}CIDR = '10.0.0.0/33' (IPPool CIDR must be a valid subnet)`,
  ],
  ['host bits', { cidr: '10.0.0.1/16' }, `${POOL}CIDR = '10.0.0.0/16' (IPPool CIDR is not strictly masked)`],
  [
    'blockSize 19',
    { cidr: '10.0.0.0/16', blockSize: 19 },
    `${POOL}BlockSize = '19' (IPv4 block size must be between 20 and 32)`,
  ],
  [
    'blockSize 33',
    { cidr: '10.0.0.0/16', blockSize: 33 },
    `${POOL}BlockSize = '33' (IPv4 block size must be between 20 and 32)`,
  ],
  ['blockSize 20', { cidr: '10.0.0.0/16', blockSize: 20 }, ''],
  ['blockSize 32', { cidr: '10.0.0.0/16', blockSize: 32 }, ''],
  ['blockSize 0', { cidr: '10.0.0.0/16', blockSize: 0 }, ''],
  [
    'a pool smaller than a block',
    { cidr: '10.0.0.0/27' },
    `${POOL}CIDR = '10.0.0.0/27' (IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.)`,
  ],
  ['a disabled small pool', { cidr: '10.0.0.0/27', disabled: true }, ''],
  [
    'both encapsulations',
    { cidr: '10.0.0.0/16', ipipMode: 'Always', vxlanMode: 'CrossSubnet' },
    `${POOL}VXLANMode = 'CrossSubnet' (Cannot enable both VXLAN and IPIP on the same IPPool)`,
  ],
  [
    'link-local',
    { cidr: '169.254.0.0/20' },
    `${POOL}CIDR = '169.254.0.0/20' (IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16)`,
  ],
  [
    'IPIP on IPv6',
    { cidr: 'fd00::/48', ipipMode: 'Always' },
    `${POOL}IPIPMode = 'Always' (IPIP is not supported on an IPv6 IP pool)`,
  ],
  [
    'blockSize of IPv6',
    { cidr: 'fd00::/48', blockSize: 64 },
    `${POOL}BlockSize = '64' (IPv6 block size must be between 116 and 128)`,
  ],
  ['IPv6', { cidr: 'fd00::/48' }, `${POOL}CIDR = 'fd00::/48' (IPv6 pools are not emulated)`],
  [
    'a mode that is none',
    { cidr: '10.0.0.0/16', ipipMode: 'Sometimes' },
    `error with field IPIPMode = 'Sometimes' (${TAG} IPIPMode because of Tag: ipIpMode )`,
  ],
  [
    'a bad selector',
    { cidr: '10.0.0.0/16', nodeSelector: 'rack' },
    `error with field NodeSelector = 'rack' (${TAG} NodeSelector because of Tag: selector )`,
  ],
  [
    'global()',
    { cidr: '10.0.0.0/16', nodeSelector: 'global()' },
    "error with field NodeSelector = 'global()' (global() selector is not valid for IPPool nodeSelector)",
  ],
  [
    'an unknown use',
    { cidr: '10.0.0.0/16', allowedUses: ['Tunnel', 'X'] },
    "error with field IPpool.AllowedUses = '[Tunnel X]' (unknown use: X)",
  ],
  [
    'two problems',
    { cidr: '10.0.0.1/27' },
    `error with the following fields:\n-  IPPool.Spec.CIDR = '10.0.0.0/27' (IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.)\n-  IPPool.Spec.CIDR = '10.0.0.0/27' (IPPool CIDR is not strictly masked)\n`,
  ],
  [
    'an unknown field',
    { cidr: '10.0.0.0/16', ipipmode: 'Always' },
    'error unmarshaling JSON: while decoding JSON: json: unknown field "ipipmode"',
  ],
  [
    'text for a number',
    { cidr: '10.0.0.0/16', blockSize: '24' },
    'error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field IPPoolSpec.spec.blockSize of type int',
  ],
  [
    'a number for a bool',
    { cidr: '10.0.0.0/16', natOutgoing: 1 },
    'error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go struct field IPPoolSpec.spec.natOutgoing of type bool',
  ],
] as const) {
  t(`IPPool: ${what}`, () => assert.is(verdict(object('IPPool', spec, 'p')), message));
}

t('a pool must not overlap another, nor blocks of another size, when it is made', () => {
  const store = new Store(() => 0);
  assert.is(verdict(object('IPPool', { cidr: '10.0.0.0/16' }, 'a'), store), '');
  assert.is(
    verdict(object('IPPool', { cidr: '10.0.8.0/22' }, 'b'), store),
    `${POOL}CIDR = '10.0.8.0/22' (IPPool(b) CIDR overlaps with IPPool(a) CIDR 10.0.0.0/16)`,
  );
  store.create(newBlock(Prefix.from('10.1.0.0/26'), 'n', 0, ''));
  assert.is(
    verdict(object('IPPool', { cidr: '10.1.0.0/16', blockSize: 24 }, 'c'), store),
    `${POOL}BlockSize = '24' (IPPool blocksSize conflicts with existing allocations that use a different blockSize)`,
  );
  assert.is(verdict(object('IPPool', { cidr: '10.1.0.0/16' }, 'c'), store), '');
});

t('a pool keeps its CIDR and block size', () => {
  const store = new Store(() => 0);
  assert.is(verdict(object('IPPool', { cidr: '10.0.0.0/16' }, 'a'), store), '');
  assert.is(
    verdict(object('IPPool', { cidr: '10.1.0.0/16', blockSize: 24 }, 'a'), store),
    "error with the following fields:\n-  IPPool.Spec.CIDR = '10.1.0.0/16' (IPPool CIDR cannot be modified)\n-  IPPool.Spec.BlockSize = '24' (IPPool BlockSize cannot be modified)\n",
  );
  assert.is(verdict(object('IPPool', { cidr: '10.0.0.0/16', vxlanMode: 'Always' }, 'a'), store), '');
});

for (const [kind, what, spec, message] of [
  ['BGPPeer', 'a global peer', { peerIP: '192.168.10.254', asNumber: 64512 }, ''],
  ['BGPPeer', 'a dotted AS number', { peerIP: '192.168.10.254', asNumber: '1.10' }, ''],
  [
    'BGPPeer',
    'an AS number that is none',
    { peerIP: '192.168.10.254', asNumber: 'x' },
    'error unmarshaling JSON: while decoding JSON: invalid AS Number format (x)',
  ],
  ['BGPPeer', 'a port', { peerIP: '192.168.10.254:1179', asNumber: 1 }, ''],
  [
    'BGPPeer',
    'port 0',
    { peerIP: '192.168.10.254:0', asNumber: 1 },
    `error with field PeerIP = '192.168.10.254:0' (${TAG} PeerIP because of Tag: IP:port )`,
  ],
  [
    'BGPPeer',
    'node and nodeSelector',
    { node: 'n', nodeSelector: 'all()', peerIP: '1.2.3.4' },
    "error with field Node = 'n' (Node field must be empty when NodeSelector is specified)",
  ],
  [
    'BGPPeer',
    'peerIP and peerSelector',
    { peerIP: '1.2.3.4', peerSelector: 'all()' },
    "error with field PeerIP = '1.2.3.4' (PeerIP field must be empty when PeerSelector is specified)",
  ],
  [
    'BGPPeer',
    'asNumber and peerSelector',
    { asNumber: 7, peerSelector: 'all()' },
    "error with field ASNumber = '7' (ASNumber field must be empty when PeerSelector is specified)",
  ],
  [
    'BGPPeer',
    'reachableBy of another family',
    { peerIP: '1.2.3.4', reachableBy: 'fd00::1' },
    "error with field ReachableBy = 'fd00::1' (ReachableBy and PeerIP address family mismatched)",
  ],
  [
    'BGPPeer',
    'reachableBy alone',
    { reachableBy: '1.2.3.4' },
    "error with field ReachableBy = '1.2.3.4' (ReachablyBy field must be empty when PeerIP is empty)",
  ],
  ['BGPConfiguration', 'the mesh off', { nodeToNodeMeshEnabled: false, asNumber: 64513 }, ''],
  [
    'BGPConfiguration',
    'listenPort 0',
    { listenPort: 0 },
    `error with field ListenPort = '0' (${TAG} ListenPort because of Tag: gt )`,
  ],
  [
    'BGPConfiguration',
    'ignoring everything',
    { ignoredInterfaces: ['*'] },
    `error with field IgnoredInterfaces[0] = '*' (${TAG} IgnoredInterfaces[0] because of Tag: ignoredInterface )`,
  ],
  [
    'BGPConfiguration',
    'a mesh password without a mesh',
    { nodeToNodeMeshEnabled: false, nodeMeshPassword: { secretKeyRef: { name: 's', key: 'k' } } },
    'error with field BGPConfiguration.Spec.NodeMeshPassword (nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false)',
  ],
  [
    'BGPConfiguration',
    'a mesh password',
    { nodeMeshPassword: { secretKeyRef: { name: 's', key: 'k' } } },
    'error with field BGPConfiguration.Spec.NodeMeshPassword (TCP MD5 passwords are not emulated)',
  ],
  [
    'BGPPeer',
    'a password',
    { peerIP: '192.168.10.254', asNumber: 1, password: { secretKeyRef: { name: 's', key: 'k' } } },
    'error with field BGPPeer.Spec.Password (TCP MD5 passwords are not emulated)',
  ],
  [
    'BGPPeer',
    'TTL security',
    { peerIP: '192.168.10.254', asNumber: 1, ttlSecurity: 2 },
    "error with field BGPPeer.Spec.TTLSecurity = '2' (TTL security (GTSM) is not emulated)",
  ],
  ['BGPPeer', 'TTL security off', { peerIP: '192.168.10.254', asNumber: 1, ttlSecurity: 0 }, ''],
  [
    'BGPConfiguration',
    'communities that nobody uses',
    { communities: [{ name: 'c', value: '1:2' }] },
    "error with field Spec.Communities[] = '[]' (communities are defined but not used in prefixAdvertisements)",
  ],
  [
    'BGPConfiguration',
    'an undefined community',
    { prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['c'] }] },
    "error with field Spec.PrefixAdvertisements[].Communities[] = 'c' (community used is invalid or not defined)",
  ],
  [
    'BGPConfiguration',
    'a large community',
    { prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['1:2:70000'] }] },
    '',
  ],
  ['BGPFilter', 'a rule', { exportV4: [{ action: 'Accept', cidr: '10.0.0.0/8', matchOperator: 'In' }] }, ''],
  [
    'BGPFilter',
    'no action',
    { exportV4: [{}] },
    `error with field Action = '' (${TAG} Action because of Tag: filterAction )`,
  ],
  [
    'BGPFilter',
    'a cidr without operator',
    { importV4: [{ action: 'Reject', cidr: '10.0.0.0/8' }] },
    "error with field CIDR = '10.0.0.0/8' (MatchOperator cannot be empty when CIDR is not)",
  ],
  [
    'BGPFilter',
    'an operator without cidr',
    { importV4: [{ action: 'Reject', matchOperator: 'In' }] },
    "error with field MatchOperator = 'In' (CIDR cannot be empty when MatchOperator is not)",
  ],
  ['Node', 'an empty bgp', { bgp: {} }, 'error with field BGP (Spec.BGP should not be empty)'],
  [
    'Node',
    'a bad address',
    { bgp: { ipv4Address: 'x' } },
    `error with field IPv4Address = 'x' (${TAG} IPv4Address because of Tag: cidrv4 )`,
  ],
  ['Node', 'an address without mask', { bgp: { ipv4Address: '10.0.0.1' } }, ''],
  ['FelixConfiguration', 'a tunnel MTU', { ipipMTU: 1400 }, ''],
  [
    'FelixConfiguration',
    'a NAT address that is none',
    { natOutgoingAddress: 'x' },
    "error with field NATOutgoingAddress = 'x' (is not a valid IPv4 address)",
  ],
  [
    'FelixConfiguration',
    'WireGuard',
    { wireguardEnabled: true },
    "error with field FelixConfiguration.Spec.WireguardEnabled = 'true' (WireGuard is not emulated)",
  ],
  [
    'FelixConfiguration',
    'a NAT port range',
    { natPortRange: '1024:2048' },
    "error with field FelixConfiguration.Spec.NatPortRange = '1024:2048' (natPortRange is not emulated)",
  ],
  [
    'FelixConfiguration',
    'the AWS check',
    { awsSrcDstCheck: 'Disable' },
    "error with field FelixConfiguration.Spec.AwsSrcDstCheck = 'Disable' (the check is a property of the fabric here)",
  ],
  ['FelixConfiguration', 'the AWS check left alone', { awsSrcDstCheck: 'DoNothing' }, ''],
  [
    'BGPConfiguration',
    'Services',
    { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] },
    "error with field BGPConfiguration.Spec.ServiceClusterIPs = '[10.96.0.0/12]' (Services are not emulated)",
  ],
  [
    'FelixConfiguration',
    'eBPF',
    { bpfEnabled: true },
    "error with field FelixConfiguration.Spec.BpfEnabled = 'true' (the eBPF dataplane is not emulated)",
  ],
  [
    'IPAMConfiguration',
    'both off',
    { autoAllocateBlocks: false },
    "error with field AutoAllocateBlocks = 'false' (Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time)",
  ],
  [
    'IPAMConfiguration',
    'a limit without strictness',
    { maxBlocksPerHost: 3 },
    "error with field MaxBlocksPerHost = '3' ('StrictAffinity' must be true when 'MaxBlocksPerHost' is greater than 0)",
  ],
  ['IPReservation', 'an address', { reservedCIDRs: ['10.0.0.1', '10.0.1.0/24'] }, ''],
  [
    'IPReservation',
    'a word',
    { reservedCIDRs: ['x'] },
    `error with field ReservedCIDRs = 'x' (${TAG} ReservedCIDRs because of Tag: cidrs )`,
  ],
] as const) {
  t(`${kind}: ${what}`, () => assert.is(verdict(object(kind, spec)), message));
}

const BLOCK = newBlock(Prefix.from('172.16.158.0/30'), 'k8s-w1', 0, '');
const AFFINITY = { node: 'k8s-w1', cidr: '172.16.158.0/30', state: 'confirmed', deleted: 'false' };

for (const [what, kind, name, spec, message] of [
  ['a block as IPAM makes it', 'IPAMBlock', '172-16-158-0-30', BLOCK.spec, ''],
  ['a block of host bits', 'IPAMBlock', 'x', { ...BLOCK.spec, cidr: '172.16.158.1/30' }, 'must be a block'],
  ['a block by another name', 'IPAMBlock', '172-16-158-0-26', BLOCK.spec, 'must be 172-16-158-0-30'],
  [
    'too few allocations',
    'IPAMBlock',
    '172-16-158-0-30',
    { ...BLOCK.spec, allocations: [null] },
    'must have 4 entries',
  ],
  [
    'an ordinal that is free twice',
    'IPAMBlock',
    '172-16-158-0-30',
    { ...BLOCK.spec, unallocated: [0, 1, 2, 3, 3] },
    'every ordinal that is not allocated, once',
  ],
  [
    'an ordinal that is free and taken',
    'IPAMBlock',
    '172-16-158-0-30',
    { ...BLOCK.spec, allocations: [0, null, null, null] },
    'every ordinal that is not allocated, once',
  ],
  ['an affinity', 'BlockAffinity', 'k8s-w1-172-16-158-0-30', AFFINITY, ''],
  [
    'an affinity of a state that is none',
    'BlockAffinity',
    'k8s-w1-172-16-158-0-30',
    { ...AFFINITY, state: 'mine' },
    'must be pending, confirmed or pendingDeletion',
  ],
  ['an affinity by another name', 'BlockAffinity', 'k8s-w1', AFFINITY, 'must be k8s-w1-172-16-158-0-30'],
] as const)
  t(`IPAM state in a file: ${what}`, () => {
    const problems = validate(parse(object(kind, spec, name)), undefined, {
      pools: () => [],
      blockCidrs: () => [],
    });
    assert.is(problems.length, message === '' ? 0 : 1);
    assert.ok((problems[0]?.reason ?? '').includes(message), problems[0]?.reason);
  });

t('a problem says where it is', () => {
  try {
    new Store(() => 0).create(parse(object('BGPFilter', { exportV4: [{ action: 'Accept' }, {}] })));
    assert.unreachable();
  } catch (e) {
    assert.equal((e as DatastoreError).problems[0]!.path, ['spec', 'exportV4', 1, 'action']);
  }
  assert.throws(
    () => parse(object('BGPPeer', { filters: ['a', 2] })),
    (e: unknown) => e instanceof DecodeError && String(e.path) === 'spec,filters,1',
  );
});

for (const [name, kind] of [
  ['ippool', 'IPPool'],
  ['ippools', 'IPPool'],
  ['ipp', 'IPPool'],
  ['pool', 'IPPool'],
  ['IPPool', 'IPPool'],
  ['nodes', 'Node'],
  ['no', 'Node'],
  ['bgppeer', 'BGPPeer'],
  ['bgppeers', 'BGPPeer'],
  ['bgpconfig', 'BGPConfiguration'],
  ['felixconfig', 'FelixConfiguration'],
  ['felixconfiguration', 'FelixConfiguration'],
  ['wep', 'WorkloadEndpoint'],
  ['po', 'Pod'],
  ['ns', 'Namespace'],
  ['deploy', 'Deployment'],
] as const) {
  t(`${name} means ${kind}`, () => assert.is(kindNamed(name)?.kind, kind));
}
t('a name that means nothing', () => assert.is(kindNamed('constructor'), undefined));

t('no two kinds share a name', () => {
  const names = Object.values(KINDS).flatMap(k => [
    ...new Set([k.kind.toLowerCase(), k.plural, ...k.aliases]),
  ]);
  assert.is(new Set(names).size, names.length);
});

for (const [what, value] of [
  ['an unknown kind', { apiVersion: API, kind: 'Frob', metadata: { name: 'x' } }],
  ['an inherited word', { apiVersion: API, kind: 'toString', metadata: { name: 'x' } }],
  ['a wrong API', { apiVersion: 'v1', kind: 'IPPool', metadata: { name: 'x' } }],
  ['no name', { apiVersion: API, kind: 'IPPool', metadata: {} }],
  ['a list', []],
  ['null', null],
  ['no metadata', { apiVersion: API, kind: 'IPPool' }],
] as const) {
  t(`parse refuses ${what}`, () =>
    assert.throws(
      () => parse(value),
      (e: unknown) => e instanceof DecodeError,
    ),
  );
}

t('a pod keeps what networking does not need', () => {
  const value = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod1' },
    spec: {
      nodeName: 'k8s-w1',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'n', command: ['tail'], resources: {} }],
    },
  };
  const pod = parse(value) as Resource & { spec: Record<string, unknown> };
  assert.is(pod.spec['terminationGracePeriodSeconds'], 0);
  assert.is(pod.metadata.namespace, 'default');
});

for (const name of ['Foo', '-a', 'a_b', 'a'.repeat(254)]) {
  t(`the name ${name.slice(0, 8)} is refused`, () =>
    assert.match(
      verdict(object('IPPool', { cidr: '10.0.0.0/16' }, name)),
      /error with field Metadata.Name = /,
    ),
  );
}

const node = (spec: Node['spec'], labels = {}): Node => ({
  apiVersion: API,
  kind: 'Node',
  metadata: { name: 'n', labels },
  spec,
});

t('a node’s network: with a mask, without, by its InternalIP', () => {
  const show = (n: ReturnType<typeof nodeNetwork>) => n && Prefix.format(n.subnet);
  assert.is(show(bgpNetwork(node({ bgp: { ipv4Address: '192.168.10.10/24' } }))), '192.168.10.0/24');
  assert.is(show(bgpNetwork(node({ bgp: { ipv4Address: '192.168.10.10' } }))), '192.168.10.10/32');
  const internal = node({
    addresses: [
      { address: '1.1.1.1', type: 'ExternalIP' },
      { address: '10.0.0.1', type: 'InternalIP' },
    ],
  });
  assert.is(bgpNetwork(internal), undefined);
  assert.is(show(nodeNetwork(internal)), '10.0.0.1/32');
});

t('a node’s annotations and roles', () => {
  const n = node(
    { bgp: { ipv4Address: '192.168.10.10/24', asNumber: 1 }, ipv4VXLANTunnelAddr: '10.0.0.0' },
    { 'node-role.kubernetes.io/control-plane': '' },
  );
  assert.equal(kubernetesAnnotations(n), {
    'projectcalico.org/ASNumber': '1',
    'projectcalico.org/IPv4Address': '192.168.10.10/24',
    'projectcalico.org/IPv4VXLANTunnelAddr': '10.0.0.0',
  });
  assert.is(roles(n.metadata), 'control-plane');
  assert.is(roles({ name: 'n' }), '<none>');
});

t('a Kubernetes Node: annotations become fields, and back', () => {
  const annotations = {
    'projectcalico.org/IPv4Address': '192.168.10.10/24',
    'projectcalico.org/ASNumber': '65001',
    'projectcalico.org/IPv4VXLANTunnelAddr': '172.16.116.0',
  };
  const value = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n', labels: { rack: 'a' }, annotations: { ...annotations, other: 'x' } },
    spec: { podCIDR: '172.16.0.0/24', providerID: 'aws', taints: [{ key: 'k', effect: 'NoSchedule' }] },
    status: {
      addresses: [
        { type: 'InternalIP', address: '192.168.10.10' },
        { type: 'Hostname', address: 'n' },
      ],
    },
  };
  const n = parse(value) as Node;
  assert.equal(n, {
    apiVersion: API,
    kind: 'Node',
    metadata: { name: 'n', labels: { rack: 'a' }, annotations: { other: 'x' } },
    spec: {
      addresses: [{ type: 'InternalIP', address: '192.168.10.10' }],
      bgp: { asNumber: 65001, ipv4Address: '192.168.10.10/24' },
      ipv4VXLANTunnelAddr: '172.16.116.0',
    },
    kubernetes: { podCIDR: '172.16.0.0/24', taints: [{ key: 'k', effect: 'NoSchedule' }] },
  });
  assert.equal(kubernetesAnnotations(n), annotations);
});

t('annotation lists', () => {
  assert.equal(annotationList('["a","b"]'), ['a', 'b']);
  for (const bad of ['a', '[1]', '{}', '']) assert.is(annotationList(bad), undefined);
});

t('what is derived of listings that are alike is derived once, of others anew', () => {
  let derived = 0;
  const sum = onceAlike(
    (object: Numbered) => object.n,
    listing => {
      derived++;
      return { sum: listing.reduce((total, { n }) => total + n, 0) };
    },
  );
  const [one, two, three] = [1, 2, 3].map(n => ({ n, note: '' })) as [Numbered, Numbered, Numbered];
  const first = sum([one, two]);
  assert.is(sum([one, { ...two, note: 'changed' }]), first);
  assert.is(derived, 1);
  assert.equal(sum([one, three]), { sum: 4 });
  assert.equal(sum([one, three, two]), { sum: 6 });
  assert.equal(sum([one]), { sum: 1 });
  assert.equal(sum([two, one]), { sum: 3 });
  assert.equal(sum([]), { sum: 0 });
  assert.is(derived, 6);
});

t.run();
