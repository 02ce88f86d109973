/**
 * From pod to pod on two nodes with all of Calico's hooks: veth, rpfilter, connection tracking, NAT, FIB, tunnel, link,
 * and the same backwards. A hop is one forward or the delivery: three for each packet. Below 2 million a CPU-second on
 * a machine of its own would be a surprise.
 */
import * as Ipv4 from '../src/addr/ipv4.ts';
import * as Mac from '../src/addr/mac.ts';
import * as Prefix from '../src/addr/prefix.ts';
import { connect } from '../src/fabric/wiring.ts';
import { EthernetDevice } from '../src/netstack/ethernet-device.ts';
import { felixHooks, type HookVariant, NO_RULES } from '../src/netstack/felix-hooks.ts';
import type { Namespace } from '../src/netstack/namespace.ts';
import type { NetDevice } from '../src/netstack/netdevice.ts';
import type { Route } from '../src/netstack/route.ts';
import { IpipDevice } from '../src/netstack/tunnel/ipip.ts';
import { VxlanDevice } from '../src/netstack/tunnel/vxlan.ts';
import { udpOf } from '../src/netstack/udp.ts';
import { vethPair } from '../src/netstack/veth.ts';
import { Partition } from '../src/sim/partition.ts';
import * as Payload from '../src/sim/payload.ts';
import { MICROSECOND, MILLISECOND, NEVER } from '../src/sim/time.ts';
import { Host } from './chain.ts';
import { perCpuSecond, type Sampling } from './sampling.ts';

const DELAY = 10 * MICROSECOND;
const LINK = { rateBps: 10e9, delay: DELAY, queueOctets: 1_000_000 };
/** Packets in every ten microseconds: about 90 % of the link. */
const BURST = 7;
const PAYLOAD = 1400;
const HOPS_PER_PACKET = 3;

type Tunnel = 'ipip' | 'vxlan' | 'direct';

function add(namespace: Namespace, prefix: string, via: string, device: NetDevice, onlink = false): void {
  const route: Route = {
    prefix: Prefix.from(prefix),
    type: 'unicast',
    nextHops: [{ via: via === '' ? 0 : Ipv4.from(via), device, onlink, weight: 1 }],
    protocol: 'bird',
    scope: via === '' ? 'link' : 'global',
    metric: 0,
    source: 0,
    mtu: 0,
    table: 'main',
  };
  namespace.fib.replace(route);
}

const vtepMac = (node: number): number => 0x6600_0000_0000 + node;

/** Node `n` is 192.168.10.n with pod 172.16.n.1. Returns the pod's namespace. */
function node(
  partition: Partition,
  n: number,
  other: number,
  tunnel: Tunnel,
  variant: HookVariant,
): Namespace {
  const host = new Host(n - 1, `node${n}`, partition);
  partition.add(host);
  const root = host.namespace(host.name);
  root.sysctl.ipForward = true;
  const address = `192.168.10.${n}`;
  const eth0 = new EthernetDevice(root, 'eth0', { mac: 0x0200_0000_0000 + n, mtu: 1500, jack: 0 });
  root.addAddress(eth0, Ipv4.from(address), 24);
  root.setUp(eth0, true);
  const block = `172.16.${other}.0/26`;
  if (tunnel === 'direct') add(root, block, `192.168.10.${other}`, eth0);
  if (tunnel === 'ipip') {
    const tunl0 = new IpipDevice(root);
    root.addAddress(tunl0, Ipv4.from(`172.16.${n}.0`), 32);
    root.setUp(tunl0, true);
    add(root, block, `192.168.10.${other}`, tunl0, true);
  }
  if (tunnel === 'vxlan') {
    const options = { mtu: 1450, vni: 4096, port: 4789, local: Ipv4.from(address), parent: eth0 };
    const device = new VxlanDevice(root, 'vxlan.calico', { mac: vtepMac(n), ...options });
    root.addAddress(device, Ipv4.from(`172.16.${n}.0`), 32);
    root.setUp(device, true);
    const gateway = `172.16.${other}.0`;
    add(root, block, gateway, device, true);
    root.neighbours.setPermanent(device, Ipv4.from(gateway), vtepMac(other));
    device.fdb.set(vtepMac(other), Ipv4.from(`192.168.10.${other}`));
  }
  const pools = [Prefix.from('172.16.0.0/16')];
  const nodes = [Prefix.from('192.168.10.0/24')];
  felixHooks(root).program(variant, {
    ...NO_RULES,
    pools,
    masqueradePools: pools,
    hosts: nodes,
    vteps: nodes,
    ipipEnabled: tunnel === 'ipip',
    vxlanEnabled: tunnel === 'vxlan',
    tunnelDevices: ['tunl0', 'vxlan.calico'],
  });
  return pod(host, root, `172.16.${n}.1`);
}

function pod(host: Host, root: Namespace, address: string): Namespace {
  const namespace = host.namespace('pod');
  const [cali, eth0] = vethPair(
    { namespace: root, name: 'cali0', mac: Mac.CALI, mtu: 1450 },
    { namespace, name: 'eth0', mac: 0x0a58_0000_0000 + Ipv4.from(address), mtu: 1450 },
  );
  cali.sysctl.proxyArp = true;
  root.setUp(cali, true);
  add(root, `${address}/32`, '', cali);
  namespace.addAddress(eth0, Ipv4.from(address), 32);
  namespace.setUp(eth0, true);
  add(namespace, '169.254.1.1/32', '', eth0);
  add(namespace, '0.0.0.0/0', '169.254.1.1', eth0);
  // A node with no default route does not answer for 169.254.1.1.
  add(root, '0.0.0.0/0', '192.168.10.254', root.device('eth0')!);
  return namespace;
}

/** Two nodes with a pod each, past ARP; returns how to carry on for a while, which says how many hops were made. */
export function podToPod(tunnel: Tunnel, variant: HookVariant): (duration: number) => number {
  const partition = new Partition({ seed: 1, lookahead: DELAY });
  const from = node(partition, 1, 2, tunnel, variant);
  const to = node(partition, 2, 1, tunnel, variant);
  const [here, there] = partition.processes;
  connect({ process: here!, jack: 0 }, { process: there!, jack: 0 }, LINK);
  for (const process of partition.processes) process.start();
  const server = udpOf(to).socket();
  server.bind(0, 9);
  let delivered = 0;
  server.onReceive = () => {
    delivered++;
  };
  const client = udpOf(from).socket();
  client.connect(Ipv4.from('172.16.2.1'), 9);
  const payload = { pattern: Payload.ZERO, offset: 0, length: PAYLOAD, bytes: null } as const;
  const timer = from.clock.timer(() => {
    for (let i = 0; i < BURST; i++) client.send(payload);
    timer.arm(from.clock.now + DELAY);
  });
  timer.arm(0);
  let now = 0;
  const run = (duration: number): number => {
    const before = delivered;
    now += duration;
    for (;;) {
      const window = partition.nextWindow();
      if (window === NEVER || window * DELAY >= now) break;
      partition.runWindow(window, now);
    }
    return (delivered - before) * HOPS_PER_PACKET;
  };
  run(10 * MILLISECOND);
  const expected = (10 * MILLISECOND * BURST * HOPS_PER_PACKET) / DELAY;
  if (run(10 * MILLISECOND) !== expected) throw new Error('packets are lost on the way');
  return run;
}

function measured(tunnel: Tunnel, variant: HookVariant, sampling: Sampling) {
  const run = podToPod(tunnel, variant);
  const { rate, spread } = perCpuSecond(() => run(MILLISECOND), sampling);
  return { hopsPerCpuSecond: rate, spread };
}

const CASES: readonly (readonly [Tunnel, HookVariant])[] = [
  ['direct', 'none'],
  ['direct', 'calico'],
  ['ipip', 'none'],
  ['ipip', 'calico'],
  ['vxlan', 'calico'],
];

export const cases = CASES.map(([tunnel, variant]) => ({
  name: `${tunnel}-${variant}`,
  run: (sampling: Sampling) => measured(tunnel, variant, sampling),
}));
