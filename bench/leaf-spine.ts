/**
 * A leaf-spine network of routers with the whole IP stack, as `peers/ns3/leafspine.cc` builds it:
 *
 *   spine 0 … S-1      40 Gbit/s to every leaf
 *   leaf 0 … L-1       10 Gbit/s to its hosts; a route for each host, the way through spine (host mod S)
 *   host 0 … H-1       sends 1400 octets over UDP to one other host, chosen by chance, at 1 Gbit/s
 *
 * A hop is one forward or the delivery: two for a packet within a leaf, four for any other.
 */
import * as Ipv4 from '../src/addr/ipv4.ts';
import * as Prefix from '../src/addr/prefix.ts';
import { connect } from '../src/fabric/wiring.ts';
import { EthernetDevice } from '../src/netstack/ethernet-device.ts';
import type { Namespace } from '../src/netstack/namespace.ts';
import type { NetDevice } from '../src/netstack/netdevice.ts';
import { udpOf } from '../src/netstack/udp.ts';
import type { LinkOptions } from '../src/sim/link.ts';
import { Partition } from '../src/sim/partition.ts';
import * as Payload from '../src/sim/payload.ts';
import { Random } from '../src/sim/random.ts';
import { MICROSECOND, MILLISECOND, NEVER, type VirtualTime } from '../src/sim/time.ts';
import { Host } from './chain.ts';
import { perCpuSecond, type Sampling } from './sampling.ts';

const DOWN = { rateBps: 10e9, queueOctets: 1_500_000 };
const UP = { rateBps: 40e9, queueOctets: 1_500_000 };
const PAYLOAD = 1400;
/** Between two packets of a host: 1 Gbit/s with the headers of UDP, IP and PPP, which ns-3 has for Ethernet's. */
const GAP = (PAYLOAD + 30) * 8;
const PORT = 9;
const HOSTS = Ipv4.from('172.16.0.0');
const UPLINKS = Ipv4.from('192.168.0.0');

export interface LeafSpineShape {
  readonly spines: number;
  readonly leaves: number;
  /** At most 64 to a leaf. */
  readonly hosts: number;
  /** Of every link: 1 µs in ns-3's case, which leaves a node one packet at a time. */
  readonly delay: VirtualTime;
}

export class LeafSpine {
  readonly partition: Partition;
  readonly #shape: LeafSpineShape;
  readonly #spines: Namespace[];
  readonly #leaves: Namespace[];
  readonly #hosts: Namespace[];
  readonly #addresses: Ipv4.Ipv4Address[] = [];
  #now: VirtualTime = 0;

  constructor(shape: LeafSpineShape) {
    this.#shape = shape;
    this.partition = new Partition({ seed: 1, lookahead: shape.delay });
    const many = (count: number, name: string): Namespace[] =>
      Array.from({ length: count }, (_, i) => this.#machine(`${name}${i}`));
    this.#spines = many(shape.spines, 'spine');
    this.#leaves = many(shape.leaves, 'leaf');
    this.#hosts = many(shape.hosts, 'host');
    for (let host = 0; host < shape.hosts; host++) this.#plugHost(host);
    for (let leaf = 0; leaf < shape.leaves; leaf++) this.#plugLeaf(leaf);
    for (const process of this.partition.processes) process.start();
    this.#talk();
    this.run(2 * MILLISECOND);
  }

  get nodes(): number {
    return this.partition.processes.length;
  }

  /** Whatever was sent over a link is forwarded or delivered at its other end. */
  get hops(): number {
    let hops = 0;
    for (const { outputs } of this.partition.processes)
      for (const { sentFrames } of outputs) hops += sentFrames;
    return hops;
  }

  /** Carry on for `duration`; returns the hops made. */
  run(duration: VirtualTime): number {
    const before = this.hops;
    this.#now += duration;
    for (;;) {
      const window = this.partition.nextWindow();
      if (window === NEVER || window * this.#shape.delay >= this.#now) return this.hops - before;
      this.partition.runWindow(window, this.#now);
    }
  }

  #machine(name: string): Namespace {
    const host = new Host(this.partition.processes.length, name, this.partition);
    this.partition.add(host);
    const namespace = host.namespace(name);
    namespace.sysctl.ipForward = true;
    return namespace;
  }

  #leafOf(host: number): number {
    return Math.floor(host / (this.#shape.hosts / this.#shape.leaves));
  }

  /** 172.16.LEAF.0/24 belongs to a leaf; each of its hosts has a /30 of it. */
  #plugHost(host: number): void {
    const leaf = this.#leafOf(host);
    const place = host % (this.#shape.hosts / this.#shape.leaves);
    const link = { ...DOWN, delay: this.#shape.delay };
    const [here, there] = cable(
      this.#hosts[host]!,
      this.#leaves[leaf]!,
      HOSTS + 256 * leaf + 4 * place,
      link,
    );
    this.#addresses.push(here.addresses[0]!.address);
    addRoute(this.#hosts[host]!, Prefix.from('0.0.0.0/0'), there.addresses[0]!.address, here);
  }

  #plugLeaf(leaf: number): void {
    const { spines, delay } = this.#shape;
    const link = { ...UP, delay };
    const ups = this.#spines.map((spine, s) => {
      const [up, down] = cable(this.#leaves[leaf]!, spine, UPLINKS + 4 * (leaf * spines + s), link);
      const block = { address: HOSTS + 256 * leaf, length: 24 };
      addRoute(spine, block, up.addresses[0]!.address, down);
      return [up, down.addresses[0]!.address] as const;
    });
    for (const [host, address] of this.#addresses.entries()) {
      if (this.#leafOf(host) === leaf) continue;
      const [up, via] = ups[host % spines]!;
      addRoute(this.#leaves[leaf]!, { address, length: 32 }, via, up);
    }
  }

  #talk(): void {
    const random = new Random(1, 'pairs');
    const payload = { pattern: Payload.ZERO, offset: 0, length: PAYLOAD, bytes: null } as const;
    const count = this.#shape.hosts;
    for (const [host, namespace] of this.#hosts.entries()) {
      const server = udpOf(namespace).socket();
      server.bind(0, PORT);
      server.onReceive = () => {};
      let to = random.below(count - 1);
      if (to >= host) to++;
      const client = udpOf(namespace).socket();
      client.connect(this.#addresses[to]!, PORT);
      const timer = namespace.clock.timer(() => {
        client.send(payload);
        timer.arm(namespace.clock.now + GAP);
      });
      timer.arm(random.below(GAP));
    }
  }
}

/** Join two machines; network `net`/30, of which `a` gets the first address. */
function cable(a: Namespace, b: Namespace, net: number, link: LinkOptions): [NetDevice, NetDevice] {
  const devices = [a, b].map((namespace, i) => {
    const jack = namespace.devices.length - 1;
    const mac = 0x0200_0000_0000 + net + i + 1;
    const device = new EthernetDevice(namespace, `eth${jack}`, { mac, mtu: 1500, jack });
    namespace.addAddress(device, net + i + 1, 30);
    namespace.setUp(device, true);
    return device;
  });
  const [first, second] = devices as [EthernetDevice, EthernetDevice];
  connect({ process: a.host, jack: first.jack }, { process: b.host, jack: second.jack }, link);
  return [first, second];
}

function addRoute(
  namespace: Namespace,
  prefix: Prefix.Prefix,
  via: Ipv4.Ipv4Address,
  device: NetDevice,
): void {
  namespace.fib.replace({
    prefix,
    type: 'unicast',
    nextHops: [{ via, device, onlink: false, weight: 1 }],
    protocol: 'static',
    scope: 'global',
    metric: 0,
    source: 0,
    mtu: 0,
    table: 'main',
  });
}

/** Hops a CPU-second, and the memory of the process by node. */
export function measure(shape: LeafSpineShape, sampling: Sampling) {
  const network = new LeafSpine(shape);
  const { rate, spread } = perCpuSecond(() => network.run(100 * MICROSECOND), sampling);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const kilobytesPerNode = Math.round((heapUsed + arrayBuffers) / network.nodes / 1024);
  return { hopsPerCpuSecond: rate, spread, nodes: network.nodes, kilobytesPerNode };
}

export const cases = [
  {
    name: '2-8-64',
    run: (sampling: Sampling) => measure({ spines: 2, leaves: 8, hosts: 64, delay: MICROSECOND }, sampling),
  },
];
