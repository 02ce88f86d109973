/**
 * The laboratory of the recordings, built by hand: three nodes on one switch, one on another, a router between, a pod
 * on three of the nodes; routes, neighbours and fdb entries as each mode has them.
 *
 *    swA 192.168.10.0/24:  k8s-m .10   k8s-w1 .101   k8s-w2 .102   k8s-rtr .254
 *    swB 192.168.20.0/24:  k8s-w0 .100                             k8s-rtr .254
 */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { Switch } from '../../src/fabric/switch.ts';
import { connect } from '../../src/fabric/wiring.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import { NetHost } from '../../src/netstack/host.ts';
import { type Echo, type EchoReply, IcmpSocket } from '../../src/netstack/icmp-socket.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import type { Direction, NetDevice } from '../../src/netstack/netdevice.ts';
import type { Route } from '../../src/netstack/route.ts';
import type { IcmpErrorReport, SendError } from '../../src/netstack/transport.ts';
import { IpipDevice } from '../../src/netstack/tunnel/ipip.ts';
import { VxlanDevice } from '../../src/netstack/tunnel/vxlan.ts';
import { UdpLayer } from '../../src/netstack/udp.ts';
import { type Veth, vethPair } from '../../src/netstack/veth.ts';
import { Partition } from '../../src/sim/partition.ts';
import { MICROSECOND, NEVER, SECOND, type VirtualTime } from '../../src/sim/time.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';

export type Mode = 'ipip-always' | 'ipip-crosssubnet' | 'direct-nopeer' | 'vxlan-always';

export class TestHost extends NetHost {
  #action: () => unknown = () => undefined;

  override boot(): void {}

  /** Do `action` as a journal command would: at `at`, and what it hands over is settled. */
  act<T>(at: VirtualTime, action: () => T): T {
    this.#action = action;
    return this.command(at, null) as T;
  }

  protected override execute(): unknown {
    return this.#action();
  }
}

/** One partition and its loop: what the controller does, for a test. */
export class TestBench {
  readonly partition = new Partition({ seed: 1, lookahead: 10 * MICROSECOND });
  now: VirtualTime = 0;

  host(name: string): TestHost {
    const host = new TestHost(this.partition.processes.length, name, this.partition);
    this.partition.add(host);
    return host;
  }

  switch(name: string): Switch {
    const process = new Switch(this.partition.processes.length, name, this.partition);
    this.partition.add(process);
    return process;
  }

  /** Carry on for `duration`. */
  run(duration: VirtualTime): void {
    const until = this.now + duration;
    for (;;) {
      const window = this.partition.nextWindow();
      if (window === NEVER || window * 10 * MICROSECOND >= until) break;
      this.partition.runWindow(window, until);
    }
    this.now = until;
  }

  /** originated - delivered - dropped - in flight: 0, or a frame was lost or counted twice. */
  imbalance(): number {
    let balance = -this.partition.frames.inUse;
    for (const process of this.partition.processes) {
      if (process instanceof NetHost || process instanceof Switch)
        balance += process.account.originated - process.account.delivered - process.account.dropped;
    }
    return balance;
  }
}

export const LINK = { rateBps: 10e9, delay: 50 * MICROSECOND, queueOctets: 1_000_000 };

export function route(
  device: NetDevice | undefined,
  prefix: string,
  via = '',
  more: Partial<Route> & { onlink?: boolean } = {},
): Route {
  const { onlink = false, ...rest } = more;
  const nextHops =
    device === undefined ? [] : [{ via: via === '' ? 0 : Ipv4.from(via), device, onlink, weight: 1 }];
  return {
    prefix: Prefix.from(prefix),
    type: device === undefined ? 'blackhole' : 'unicast',
    nextHops,
    protocol: 'boot',
    scope: via === '' && device !== undefined ? 'link' : 'global',
    metric: 0,
    source: 0,
    mtu: 0,
    table: 'main',
    ...rest,
  };
}

interface NodeSpec {
  readonly name: string;
  readonly address: string;
  readonly block: string;
  readonly vtepMac: string;
  readonly pod?: { readonly name: string; readonly address: string; readonly cali: string };
}

const NODES: readonly NodeSpec[] = [
  { name: 'k8s-m', address: '192.168.10.10', block: '172.16.116.0', vtepMac: '66:04:03:49:b1:1e' },
  {
    name: 'k8s-w1',
    address: '192.168.10.101',
    block: '172.16.158.0',
    vtepMac: '66:74:91:32:7c:04',
    pod: { name: 'pod1', address: '172.16.158.3', cali: 'calice0906292e2' },
  },
  {
    name: 'k8s-w2',
    address: '192.168.10.102',
    block: '172.16.184.0',
    vtepMac: '66:55:c4:6b:81:ed',
    pod: { name: 'pod2', address: '172.16.184.4', cali: 'calibd2348b4f67' },
  },
  {
    name: 'k8s-w0',
    address: '192.168.20.100',
    block: '172.16.34.0',
    vtepMac: '66:8d:da:b4:58:1a',
    pod: { name: 'pod3', address: '172.16.34.1', cali: 'cali49778cadcf1' },
  },
];

/** `02:00:` and the four octets of the address, as in the recordings. */
const nicMac = (address: string): Mac.MacAddress => 0x0200_0000_0000 + Ipv4.from(address);
const podMac = (address: string): Mac.MacAddress => 0x0a58_0000_0000 + Ipv4.from(address);
const isAcross = (a: string, b: string): boolean =>
  a.startsWith('192.168.10.') !== b.startsWith('192.168.10.');

export interface Outcome {
  sent: SendError;
  reply: EchoReply | undefined;
  /** Virtual time from request to answer. */
  rtt: VirtualTime;
  error: IcmpErrorReport | undefined;
}

export class Lab extends TestBench {
  readonly mode: Mode;
  readonly namespaces = new Map<string, Namespace>();
  readonly switches: Record<'swA' | 'swB', Switch> = { swA: this.switch('swA'), swB: this.switch('swB') };
  readonly podMtu: number;
  #sequence = 0;

  constructor(mode: Mode, podMtu = { ipip: 1480, vxlan: 1450, direct: 1500 }[mode.split('-')[0]!]!) {
    super();
    this.mode = mode;
    this.podMtu = podMtu;
    const nodes = NODES.map(spec => this.#node(spec));
    this.#router();
    NODES.forEach((spec, i) => {
      for (const other of NODES) if (other !== spec) this.#blockRoute(nodes[i]!, spec, other);
    });
    for (const process of this.partition.processes) process.start();
  }

  namespace(name: string): Namespace {
    return this.namespaces.get(name)!;
  }

  device(namespace: string, name: string): NetDevice {
    const device = this.namespace(namespace).device(name);
    if (device === undefined) throw new Error(`no ${name} in ${namespace}`);
    return device;
  }

  #nic(namespace: Namespace, name: string, jack: number, address: string): EthernetDevice {
    const device = new EthernetDevice(namespace, name, { mac: nicMac(address), mtu: 1500, jack });
    namespace.addAddress(device, Ipv4.from(address), 24);
    namespace.setUp(device, true);
    const process = this.switches[address.startsWith('192.168.10.') ? 'swA' : 'swB'];
    connect({ process: namespace.host, jack }, { process, jack: process.outputs.length }, LINK);
    return device;
  }

  #create(host: TestHost, name: string, forward: boolean): Namespace {
    const namespace = host.namespace(name);
    namespace.setUp(namespace.loopback, true);
    namespace.sysctl.ipForward = forward;
    this.namespaces.set(name, namespace);
    return namespace;
  }

  #router(): void {
    const namespace = this.#create(this.host('k8s-rtr'), 'k8s-rtr', true);
    this.#nic(namespace, 'eth1', 0, '192.168.10.254');
    this.#nic(namespace, 'eth2', 1, '192.168.20.254');
    new IpipDevice(namespace);
  }

  #node(spec: NodeSpec): Namespace {
    const host = this.host(spec.name);
    const namespace = this.#create(host, spec.name, true);
    const eth0 = this.#nic(namespace, 'eth0', 0, spec.address);
    const gateway = spec.address.startsWith('192.168.10.') ? '192.168.10.254' : '192.168.20.254';
    namespace.fib.replace(route(eth0, '0.0.0.0/0', gateway, { protocol: 'static' }));
    const tunl0 = new IpipDevice(namespace);
    if (this.mode.startsWith('ipip')) {
      namespace.addAddress(tunl0, Ipv4.from(spec.block), 32);
      namespace.setUp(tunl0, true);
    }
    if (this.mode.startsWith('vxlan')) {
      const options = { mtu: 1450, vni: 4096, port: 4789, local: Ipv4.from(spec.address), parent: eth0 };
      const mac = Mac.parse(spec.vtepMac)!;
      const device = new VxlanDevice(namespace, 'vxlan.calico', { mac, ...options });
      namespace.addAddress(device, Ipv4.from(spec.block), 32);
      namespace.setUp(device, true);
    }
    const protocol = this.mode.startsWith('vxlan') ? '80' : 'bird';
    namespace.fib.replace(route(undefined, `${spec.block}/26`, '', { protocol }));
    if (spec.pod !== undefined) this.#pod(host, namespace, spec.pod);
    return namespace;
  }

  #pod(host: TestHost, node: Namespace, pod: NonNullable<NodeSpec['pod']>): Veth {
    const namespace = this.#create(host, pod.name, false);
    new IpipDevice(namespace);
    const mtu = this.podMtu;
    const [cali, eth0] = vethPair(
      { namespace: node, name: pod.cali, mac: Mac.CALI, mtu },
      { namespace, name: 'eth0', mac: podMac(pod.address), mtu },
    );
    cali.sysctl.proxyArp = true;
    cali.sysctl.rpFilter = 1;
    node.setUp(cali, true);
    node.fib.replace(route(cali, `${pod.address}/32`));
    namespace.addAddress(eth0, Ipv4.from(pod.address), 32);
    namespace.setUp(eth0, true);
    namespace.fib.replace(route(eth0, '169.254.1.1/32'));
    namespace.fib.replace(route(eth0, '0.0.0.0/0', '169.254.1.1'));
    return eth0;
  }

  /** The routes of the mode from that node to the pods of the others, with their neighbours and fdb entries. */
  routeToOthers(name: string): void {
    const spec = NODES.find(node => node.name === name)!;
    for (const other of NODES) if (other !== spec) this.#blockRoute(this.namespace(name), spec, other);
  }

  #blockRoute(node: Namespace, self: NodeSpec, other: NodeSpec): void {
    const prefix = `${other.block}/26`;
    const across = isAcross(self.address, other.address);
    if (this.mode === 'vxlan-always') {
      const device = node.device('vxlan.calico') as VxlanDevice;
      const mac = Mac.parse(other.vtepMac)!;
      node.fib.replace(route(device, prefix, other.block, { onlink: true }));
      node.neighbours.setPermanent(device, Ipv4.from(other.block), mac);
      device.fdb.set(mac, Ipv4.from(other.address));
    } else if (this.mode === 'ipip-always' || (this.mode === 'ipip-crosssubnet' && across)) {
      const more = { onlink: true, protocol: 'bird' };
      node.fib.replace(route(node.device('tunl0'), prefix, other.address, more));
    } else {
      const via = across ? (self.name === 'k8s-w0' ? '192.168.20.254' : '192.168.10.254') : other.address;
      node.fib.replace(route(node.device('eth0'), prefix, via, { protocol: 'bird' }));
    }
  }

  /** Do `action` now, in the process that `namespace` is of. */
  at<T>(namespace: string, action: () => T): T {
    return (this.namespace(namespace).host as TestHost).act(this.now, action);
  }

  /** The UDP of a namespace; made when it is first asked for. */
  udp(namespace: string): UdpLayer {
    const { transports } = this.namespace(namespace);
    transports[17] ??= new UdpLayer(this.namespace(namespace));
    return transports[17] as UdpLayer;
  }

  /** One echo request and what came of it within `patience`. */
  ping(from: string, to: string, echo: Partial<Echo> = {}, patience = SECOND): Outcome {
    const started = this.now;
    const { clock } = this.namespace(from);
    const outcome: Outcome = { sent: '', reply: undefined, rtt: 0, error: undefined };
    const socket = new IcmpSocket(this.namespace(from), {
      reply: reply => {
        outcome.reply = reply;
        outcome.rtt = clock.now - started;
      },
      error: report => {
        outcome.error = report;
        outcome.rtt = clock.now - started;
      },
    });
    const request = { destination: Ipv4.from(to), sequence: ++this.#sequence, dataLength: 56, ...echo };
    this.at(from, () => {
      outcome.sent = socket.send(request);
    });
    this.run(patience);
    socket.close();
    return outcome;
  }

  /** The octets of every frame that passes a device, as they passed. */
  capture(namespace: string, device: string, direction?: Direction): Uint8Array[] {
    const octets: Uint8Array[] = [];
    this.device(namespace, device).tap((frame, way) => {
      if (direction === undefined || way === direction) octets.push(this.partition.frames.materialise(frame));
    });
    return octets;
  }
}

export const etherType = (octets: Uint8Array): number => Ethernet.etherType(viewOf(octets), 0);
export const viewOf = (octets: Uint8Array): DataView => new DataView(octets.buffer, octets.byteOffset);
