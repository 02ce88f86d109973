/**
 * The acceptance matrix of the reference lab (facts: kans-lab §8, without WireGuard): five modes; routes on k8s-w1, and who
 * reaches whom behind a router that knows nothing, behind one that speaks BGP, and on AWS with the source/destination
 * check on. The last two columns are the MTUs of tunnel and pod, on AWS and on plain Ethernet.
 */
import type { Lab } from '../../src/lab.ts';
import { assert, suite } from '../kit.ts';
import {
  awsForm,
  BGP_ROUTER,
  bootLab,
  calico,
  DUMB_ROUTER,
  type Mode,
  pool,
  routeLines,
  routerForm,
  waysBetween,
} from './reference-lab.ts';

interface Row {
  readonly mode: Mode;
  /** To k8s-m and k8s-w2, and to k8s-w0; ROUTER stands for the gateway of the form. */
  readonly sameSubnet: (node: string, block: string) => string;
  readonly otherSubnet: string;
  readonly way: string;
  readonly crossWay: { readonly dumb: string; readonly bgp: string };
  readonly aws: { readonly same: string; readonly cross: string };
  readonly tunnel: string | undefined;
  /** Octets that the mode takes from the MTU. */
  readonly overhead: number;
}

const BLOCKED = 'k8s-w1/eth0 FABRIC_SRC_DST_CHECK';

const ROWS: readonly Row[] = [
  {
    mode: 'ipip-always',
    sameSubnet: (node, block) => `${block} via ${node} dev tunl0 proto bird onlink`,
    otherSubnet: '172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink',
    way: 'tunl0',
    crossWay: { dumb: 'tunl0', bgp: 'tunl0' },
    aws: { same: 'tunl0', cross: 'tunl0' },
    tunnel: 'tunl0',
    overhead: 20,
  },
  {
    mode: 'ipip-crosssubnet',
    sameSubnet: (node, block) => `${block} via ${node} dev eth0 proto bird`,
    otherSubnet: '172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink',
    way: 'direct',
    crossWay: { dumb: 'tunl0', bgp: 'tunl0' },
    aws: { same: BLOCKED, cross: 'tunl0' },
    tunnel: 'tunl0',
    overhead: 20,
  },
  {
    mode: 'direct',
    sameSubnet: (node, block) => `${block} via ${node} dev eth0 proto bird`,
    otherSubnet: '172.16.34.0/24 via ROUTER dev eth0 proto bird',
    way: 'direct',
    crossWay: { dumb: 'k8s-rtr NO_ROUTE', bgp: 'direct' },
    aws: { same: BLOCKED, cross: BLOCKED },
    tunnel: undefined,
    overhead: 0,
  },
  {
    mode: 'vxlan-always',
    sameSubnet: (_, block) => `${block} via ${block.slice(0, -3)} dev vxlan.calico onlink`,
    otherSubnet: '172.16.34.0/24 via 172.16.34.0 dev vxlan.calico onlink',
    way: 'vxlan.calico',
    crossWay: { dumb: 'vxlan.calico', bgp: 'vxlan.calico' },
    aws: { same: 'vxlan.calico', cross: 'vxlan.calico' },
    tunnel: 'vxlan.calico',
    overhead: 50,
  },
  {
    mode: 'vxlan-crosssubnet',
    sameSubnet: (node, block) => `${block} via ${node} dev eth0 proto 80 onlink`,
    otherSubnet: '172.16.34.0/24 via 172.16.34.0 dev vxlan.calico onlink',
    way: 'direct',
    crossWay: { dumb: 'vxlan.calico', bgp: 'vxlan.calico' },
    aws: { same: BLOCKED, cross: 'vxlan.calico' },
    tunnel: 'vxlan.calico',
    overhead: 50,
  },
];

const PEER = calico('BGPPeer', 'bgppeer', { peerIP: '192.168.10.254', asNumber: 64512 });

const t = suite('routing/matrix', undefined, 30_000);

async function routesAre(lab: Lab, row: Row, router: string): Promise<void> {
  const lines = await routeLines(lab, 'k8s-w1');
  const wanted = [
    row.sameSubnet('192.168.10.10', '172.16.116.0/24'),
    row.otherSubnet,
    row.sameSubnet('192.168.10.102', '172.16.184.0/24'),
  ].map(line => line.replace('ROUTER', router));
  for (const line of wanted) assert.ok(lines.includes(line), `no "${line}" in\n${lines.join('\n')}`);
}

async function mtusAre(lab: Lab, row: Row, underlay: number): Promise<void> {
  const pod = (await lab.devices('pod1')).find(device => device.name === 'eth0');
  assert.is(pod?.mtu, underlay - row.overhead);
  if (row.tunnel === undefined) return;
  const tunnel = (await lab.devices('k8s-w1')).find(device => device.name === row.tunnel);
  assert.is(tunnel?.mtu, underlay - row.overhead);
}

/** All six directions: pod1 and pod2 share a subnet, pod3 is across. */
async function waysAre(lab: Lab, same: string, cross: string): Promise<void> {
  const ways = await waysBetween(lab, ['pod1', 'pod2', 'pod3']);
  assert.equal([ways['pod1 pod2'], ways['pod1 pod3']], [same, cross]);
  const works = (way: string): boolean => !way.includes(' ');
  assert.is(works(ways['pod2 pod1']!), works(same));
  for (const pair of ['pod2 pod3', 'pod3 pod1', 'pod3 pod2'])
    assert.is(works(ways[pair]!), works(cross), pair);
}

for (const row of ROWS) {
  t(`${row.mode} behind a router without BGP`, async () => {
    const lab = await bootLab({ fabric: routerForm(DUMB_ROUTER), resources: [pool(row.mode)] });
    assert.ok((await lab.converge()).converged);
    await routesAre(lab, row, '192.168.10.254');
    await waysAre(lab, row.way, row.crossWay.dumb);
    await mtusAre(lab, row, 1500);
    await lab.close();
  });

  t(`${row.mode} behind a router with BGP`, async () => {
    const lab = await bootLab({ fabric: routerForm(BGP_ROUTER), resources: [pool(row.mode), PEER] });
    assert.ok((await lab.converge()).converged);
    await routesAre(lab, row, '192.168.10.254');
    await waysAre(lab, row.way, row.crossWay.bgp);
    await lab.close();
  });

  t(`${row.mode} on AWS with the source/destination check`, async () => {
    const lab = await bootLab({ fabric: awsForm('on'), resources: [pool(row.mode)] });
    assert.ok((await lab.converge()).converged);
    await routesAre(lab, row, '192.168.10.1');
    await waysAre(lab, row.aws.same, row.aws.cross);
    await mtusAre(lab, row, 9001);
    await lab.close();
  });
}

t.run();
