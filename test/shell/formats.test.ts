/** Every format of calicoctl and kubectl that is known from their sources and logs, whole, at the reference lab. */
import { age } from '../../src/report/kubectl-columns.ts';
import { assert, suite } from '../kit.ts';
import { settled, sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/formats', undefined, 30_000);

t.before(async context => {
  context.typist = await sitDown('scenarios/kans.yaml');
});
t.after(({ typist }) => typist.leave());

/** Without what the datastore draws and counts. */
const stored = (text: string): string =>
  text
    .replace(/uid: [\da-f-]{36}/g, 'uid: UID')
    .replace(/resourceVersion: "\d+"/g, 'resourceVersion: "N"')
    .replace(/\b[\da-f]{64}\b/g, 'CONTAINER');

const THREE_KINDS = `cat <<EOF | calicoctl apply -f -
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: f}
spec:
  exportV4:
  - {action: Reject, matchOperator: In, cidr: 10.0.0.0/8}
  - {action: Accept, matchOperator: In, cidr: 11.0.0.0/8}
  importV4:
  - {action: Accept, matchOperator: In, cidr: 10.0.0.0/8}
---
apiVersion: projectcalico.org/v3
kind: IPReservation
metadata: {name: r}
spec: {reservedCIDRs: [172.16.9.0/28, 172.16.9.32/28]}
---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {logSeverityScreen: Info}
EOF`;

const POOL = `apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  creationTimestamp: "2024-09-22T01:52:31Z"
  name: default-ipv4-ippool
  resourceVersion: "N"
  uid: UID
spec:
  allowedUses:
  - Workload
  - Tunnel
  blockSize: 24
  cidr: 172.16.0.0/16
  ipipMode: Always
  natOutgoing: true
  nodeSelector: all()
  vxlanMode: Never
`;
const indented = POOL.trimEnd()
  .split('\n')
  .map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`))
  .join('\n');

/** Line, what it prints, exit code. */
const TABLE: readonly (readonly [line: string, output: string, exitCode?: number])[] = [
  [THREE_KINDS, 'Successfully applied 3 resource(s)\n'],
  [
    'calicoctl get bgpfilter',
    'NAME   NUMEXPORTV4   NUMIMPORTV4   NUMEXPORTV6   NUMIMPORTV6   \nf      2             1             0             0             \n\n',
  ],
  ['calicoctl get ipreservation', 'NAME   \nr      \n\n'],
  [
    'calicoctl get ipreservation -o wide',
    'NAME   CIDRS                          \nr      172.16.9.0/28,172.16.9.32/28   \n\n',
  ],
  ['calicoctl get felixconfig', 'NAME      \ndefault   \n\n'],
  ['calicoctl get felixconfig -o wide', 'NAME      \ndefault   \n\n'],
  [
    'calicoctl patch felixconfiguration default -p \'{"spec":{"ipipMTU":1400}}\'',
    "Successfully patched 1 'FelixConfiguration' resource\n",
  ],
  ['calicoctl delete ipreservation r', "Successfully deleted 1 'IPReservation' resource(s)\n"],
  [
    'calicoctl get wep pod1 -o yaml',
    'resource does not exist: WorkloadEndpoint(default/pod1) with error: workloadendpoints.crd.projectcalico.org "pod1" not found\n',
    1,
  ],
  [
    'calicoctl get wep -o wide',
    `NAME                    WORKLOAD   NODE     NETWORKS          INTERFACE         PROFILES                          NATS   
k8s--w1-k8s-pod1-eth0   pod1       k8s-w1   172.16.158.3/32   calice0906292e2   kns.default,ksa.default.default          
k8s--w2-k8s-pod2-eth0   pod2       k8s-w2   172.16.184.4/32   calibd2348b4f67   kns.default,ksa.default.default          
k8s--w0-k8s-pod3-eth0   pod3       k8s-w0   172.16.34.1/32    cali49778cadcf1   kns.default,ksa.default.default          

`,
  ],
  [
    'calicoctl get nodes -o wide',
    `NAME     ASN       IPV4                IPV6   
k8s-m    (64512)   192.168.10.10/24           
k8s-w0   (64512)   192.168.20.100/24          
k8s-w1   (64512)   192.168.10.101/24          
k8s-w2   (64512)   192.168.10.102/24          

`,
  ],
  ['calicoctl get ippool default-ipv4-ippool -o yaml', POOL],
  [
    'calicoctl get ippools -o yaml',
    `apiVersion: projectcalico.org/v3\nitems:\n${indented}\nkind: IPPoolList\nmetadata: {}\n`,
  ],
  [
    'calicoctl get ippool default-ipv4-ippool -o yaml --export',
    POOL.replace(/ {2}(creationTimestamp|resourceVersion|uid): .*\n/g, ''),
  ],
  [
    'calicoctl get ippool default-ipv4-ippool -o json --export',
    `{
  "apiVersion": "projectcalico.org/v3",
  "kind": "IPPool",
  "metadata": {
    "name": "default-ipv4-ippool"
  },
  "spec": {
    "allowedUses": [
      "Workload",
      "Tunnel"
    ],
    "blockSize": 24,
    "cidr": "172.16.0.0/16",
    "ipipMode": "Always",
    "natOutgoing": true,
    "nodeSelector": "all()",
    "vxlanMode": "Never"
  }
}`,
  ],
  [
    'calicoctl create -f node3-pod3.yaml',
    'Failed to execute command: Unknown resource type (Pod) and/or version (v1)\n',
    1,
  ],
  ['calicoctl label nodes k8s-w1 rack=1', 'Successfully set label rack on nodes k8s-w1\n'],
  ['calicoctl label nodes k8s-w1 rack --remove', 'Successfully removed label rack from nodes k8s-w1.\n'],
  [
    'calicoctl ipam show --show-blocks',
    `+----------+-----------------+-----------+------------+--------------+
| GROUPING |      CIDR       | IPS TOTAL | IPS IN USE |   IPS FREE   |
+----------+-----------------+-----------+------------+--------------+
| IP Pool  | 172.16.0.0/16   |     65536 | 12 (0%)    | 65524 (100%) |
| Block    | 172.16.116.0/24 |       256 | 1 (0%)     | 255 (100%)   |
| Block    | 172.16.158.0/24 |       256 | 4 (2%)     | 252 (98%)    |
| Block    | 172.16.184.0/24 |       256 | 5 (2%)     | 251 (98%)    |
| Block    | 172.16.34.0/24  |       256 | 2 (1%)     | 254 (99%)    |
+----------+-----------------+-----------+------------+--------------+
`,
  ],
  [
    'calicoctl ipam show --ip=172.16.158.0',
    'IP 172.16.158.0 is in use\nAttributes:\n  node: k8s-w1\n  type: ipipTunnelAddress\n',
  ],
  ['calicoctl ipam show --ip=172.16.158.77', '172.16.158.77 is not assigned\n'],
  [
    'calicoctl ipam check',
    `Checking IPAM for inconsistencies...

Loading all IPAM blocks...
Found 4 IPAM blocks.
 IPAM block 172.16.116.0/24 affinity=host:k8s-m:
 IPAM block 172.16.158.0/24 affinity=host:k8s-w1:
 IPAM block 172.16.184.0/24 affinity=host:k8s-w2:
 IPAM block 172.16.34.0/24 affinity=host:k8s-w0:
IPAM blocks record 12 allocations.

Loading all IPAM pools...
  172.16.0.0/16
Found 1 active IP pools.

Loading all nodes.
Found 4 node tunnel IPs.

Loading all workload endpoints.
Found 8 workload IPs.
Workloads and nodes are using 12 IPs.

Loading all handles
Looking for top (up to 20) nodes by allocations...
  k8s-w2 has 5 allocations
  k8s-w1 has 4 allocations
  k8s-w0 has 2 allocations
  k8s-m has 1 allocations
Node with most allocations has 5; median is 2

Scanning for IPs that are allocated but not actually in use...
Found 0 IPs that are allocated in IPAM but not actually in use.
Scanning for IPs that are in use by a workload or node but not allocated in IPAM...
Found 0 in-use IPs that are not in active IP pools.
Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.

Scanning for IPAM handles with no matching IPs...
Found 0 handles with no matching IPs (and 12 handles with matches).
Scanning for IPs with missing handle...
Found 0 handles mentioned in blocks with no matching handle resource.
Check complete; found 0 problems.
`,
  ],
  [
    'kubectl get nodes -o wide',
    `NAME     STATUS   ROLES           AGE   VERSION   INTERNAL-IP      EXTERNAL-IP   OS-IMAGE             KERNEL-VERSION   CONTAINER-RUNTIME
k8s-m    Ready    control-plane   AGE   v1.30.5   192.168.10.10    <none>        Ubuntu 22.04.5 LTS   6.5.0-1024-aws   containerd://1.7.22
k8s-w0   Ready    <none>          AGE   v1.30.5   192.168.20.100   <none>        Ubuntu 22.04.5 LTS   6.5.0-1024-aws   containerd://1.7.22
k8s-w1   Ready    <none>          AGE   v1.30.5   192.168.10.101   <none>        Ubuntu 22.04.5 LTS   6.5.0-1024-aws   containerd://1.7.22
k8s-w2   Ready    <none>          AGE   v1.30.5   192.168.10.102   <none>        Ubuntu 22.04.5 LTS   6.5.0-1024-aws   containerd://1.7.22
`,
  ],
  ['kubectl get deployments', 'No resources found in default namespace.\n'],
  ['kubectl get ippools -o name', 'ippool.crd.projectcalico.org/default-ipv4-ippool\n'],
  [
    'birdcl show route all for 172.16.34.1',
    `BIRD v0.3.3+birdv1.6.8 ready.
172.16.34.0/24     via 192.168.10.1 on ens5 [Mesh_192_168_20_100 CLOCK from 192.168.20.100] * (100/?) [i]
	Type: BGP unicast univ
	BGP.origin: IGP
	BGP.as_path: 
	BGP.next_hop: 192.168.20.100
	BGP.local_pref: 100
`,
  ],
  [
    'birdcl show protocols',
    `BIRD v0.3.3+birdv1.6.8 ready.
name     proto    table    state  since       info
static1  Static   master   up     CLOCK    
kernel1  Kernel   master   up     CLOCK    
device1  Device   master   up     CLOCK    
direct1  Direct   master   up     CLOCK    
Mesh_192_168_20_100 BGP      master   up     CLOCK    Established   
Mesh_192_168_10_101 BGP      master   up     CLOCK    Established   
Mesh_192_168_10_102 BGP      master   up     CLOCK    Established   
`,
  ],
  [
    'ip route | grep -v blackhole | head -3',
    `default via 192.168.10.1 dev ens5 proto dhcp src 192.168.10.10 metric 100 
172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink 
172.16.158.0/24 via 192.168.10.101 dev tunl0 proto bird onlink 
`,
  ],
];

for (const [line, output, exitCode = 0] of TABLE)
  t(line.split('\n')[0]!, async ({ typist }) => {
    const printed = stored(settled(await typist.type(line))).replace(/ \d+[mh]\d* {3}v1/g, ' AGE   v1');
    assert.is(printed, output);
    assert.is(typist.exitCode, exitCode);
  });

t('calicoctl node status: a peer that refuses, its last error in the next line', async ({ typist }) => {
  await typist.run(`cat <<EOF | calicoctl apply -f -
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: nobody}
spec: {peerIP: 8.8.8.8, asNumber: 65000, node: k8s-m}
EOF`);
  await typist.run('run 20s');
  const text = settled(await typist.run('calicoctl node status'));
  assert.match(text, '| 8.8.8.8        | node specific     | start | CLOCK | Active Socket: Connection |\n');
  assert.match(
    text,
    '|                |                   |       |          | refused                   |\n',
  );
  await typist.run('calicoctl delete bgppeer nobody');
});

t('a block of other nodes, borrowed from', async ({ typist }) => {
  assert.match(
    await typist.run('calicoctl ipam show --show-borrowed'),
    '| IP | BORROWING-NODE | BLOCK | BLOCK OWNER | TYPE | ALLOCATED-TO |\n',
  );
});

for (const [seconds, text] of [
  [0, '0s'],
  [39, '39s'],
  [119, '119s'],
  [120, '2m'],
  [306, '5m6s'],
  [599, '9m59s'],
  [600, '10m'],
  [2_040, '34m'],
  [10_799, '179m'],
  [11_520, '3h12m'],
  [28_800, '8h'],
  [64_800, '18h'],
  [172_799, '47h'],
  [172_800, '2d'],
  [5 * 86_400 + 3 * 3_600, '5d3h'],
  [8 * 86_400, '8d'],
  [21 * 86_400 + 5_000, '21d'],
] as const)
  t(`kubectl's age of ${seconds} s is ${text}`, () => assert.is(age(seconds * 1000), text));

t.run();
