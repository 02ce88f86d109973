/**
 * A sender, a row of routers with the whole IP stack, a receiver with a UDP socket:
 *
 *   sender ── r1 ── r2 ── … ── rN ── receiver       10 Gbit/s, 10 µs; network i is 172.16.i.0/24
 *
 * The sender is no host but a process that copies a packet to the wire at 90 % of the link's rate: its cost is counted,
 * its packets are not. A hop is one forward or the delivery.
 */
import * as Ipv4Address from '../src/addr/ipv4.ts';
import * as Prefix from '../src/addr/prefix.ts';
import { connect } from '../src/fabric/wiring.ts';
import { EthernetDevice } from '../src/netstack/ethernet-device.ts';
import { NetHost } from '../src/netstack/host.ts';
import type { Namespace } from '../src/netstack/namespace.ts';
import { udpOf } from '../src/netstack/udp.ts';
import type { Frame, FrameStore } from '../src/sim/frame-store.ts';
import { wireOctets } from '../src/sim/link.ts';
import { type Habitat, LogicalProcess } from '../src/sim/logical-process.ts';
import { Partition } from '../src/sim/partition.ts';
import * as Payload from '../src/sim/payload.ts';
import { Random } from '../src/sim/random.ts';
import { MICROSECOND, NEVER, SECOND, type Timer, type VirtualTime } from '../src/sim/time.ts';
import * as Ethernet from '../src/wire/ethernet.ts';
import * as Ipv4 from '../src/wire/ipv4.ts';
import * as Udp from '../src/wire/udp.ts';

const DELAY = 10 * MICROSECOND;
const RATE = 10e9;
const LINK = { rateBps: RATE, delay: DELAY, queueOctets: 1_000_000 };
const HEADERS = Ethernet.HEADER_LENGTH + Ipv4.MIN_HEADER_LENGTH + Udp.HEADER_LENGTH;
const PORT = 9;
const HERE = Ipv4Address.from('172.16.0.1');
const NETS = Prefix.from('172.16.0.0/16');

export class Host extends NetHost {
  boot(): void {}
  protected execute(): void {}
}

/** Sends a copy of one packet again and again; its counterpart's MAC address is known. */
class Sender extends LogicalProcess {
  sent = 0;
  readonly #template: Uint8Array;
  readonly #payload: number;
  readonly #burst: number;
  readonly #timer: Timer;

  constructor(id: number, habitat: Habitat, octets: number, destination: number, mac: number) {
    super(id, 'sender', habitat);
    this.#template = template(octets, destination, mac);
    this.#payload = octets - HEADERS;
    this.#burst = Math.max(1, Math.floor((0.9 * DELAY * RATE) / (8e9 * wireOctets(octets))));
    this.#timer = this.timer(() => this.#send());
  }

  boot(): void {
    this.#timer.arm(0);
  }

  protected receive(frame: Frame): void {
    this.frames.free(frame);
  }

  protected execute(): void {}

  #send(): void {
    for (let i = 0; i < this.#burst; i++) {
      const frame = this.frames.allocate();
      // As a host's stack leaves it: the lower headers in front of where the frame began.
      this.frames.append(frame, Udp.HEADER_LENGTH);
      const at = this.frames.push(frame, HEADERS - Udp.HEADER_LENGTH);
      this.frames.bytes(frame).set(this.#template, at);
      this.frames.setPayload(frame, Payload.ZERO, 0, this.#payload, null);
      if (this.outputs[0]!.transmit(frame) !== undefined) throw new Error('the sender is too fast');
    }
    this.sent += this.#burst;
    this.#timer.arm(this.now + DELAY);
  }
}

/** The headers of a UDP packet that makes a frame of `octets`, with the payload all zeros. */
function template(octets: number, destination: number, mac: number): Uint8Array {
  const bytes = new Uint8Array(HEADERS);
  const view = new DataView(bytes.buffer);
  Ethernet.emit(view, 0, { destination: mac, source: 2, etherType: Ethernet.TYPE_IPV4 });
  const totalLength = octets - Ethernet.HEADER_LENGTH;
  const fixed = {
    tos: 0,
    identification: 1,
    flags: 0,
    fragmentOffset: 0,
    ttl: 64,
    protocol: Ipv4.PROTOCOL_UDP,
  };
  Ipv4.emit(view, Ethernet.HEADER_LENGTH, { ...fixed, totalLength, source: HERE, destination });
  const at = HEADERS - Udp.HEADER_LENGTH;
  const length = totalLength - Ipv4.MIN_HEADER_LENGTH;
  Udp.emit(view, at, { sourcePort: 40000, destinationPort: PORT, length, checksum: 0 });
  Udp.setChecksum(view, at, Udp.checksum(view, at, HERE, destination, length, 0));
  return bytes;
}

export interface ChainOptions {
  readonly routers: number;
  /** Octets of a frame, without the FCS. */
  readonly octets: number;
  /** Further routes in each router, spread over the address space. */
  readonly routes?: number;
}

export class Chain {
  readonly partition = new Partition({ seed: 1, lookahead: DELAY });
  delivered = 0;
  readonly sender: Sender;
  readonly #hosts: Host[] = [];
  #now: VirtualTime = 0;

  constructor({ routers, octets, routes = 0 }: ChainOptions) {
    const { partition } = this;
    const destination = Ipv4Address.from(`172.16.${routers}.2`);
    const first = 0x0200_0000_0000 + Ipv4Address.from('172.16.0.2');
    this.sender = new Sender(0, partition, octets, destination, first);
    partition.add(this.sender);
    for (let i = 1; i <= routers + 1; i++) this.#host(i, routers, routes);
    const line = [this.sender, ...this.#hosts];
    line.slice(1).forEach((process, i) => {
      connect({ process: line[i]!, jack: i === 0 ? 0 : 1 }, { process, jack: 0 }, LINK);
    });
    const socket = udpOf(this.#hosts.at(-1)!.namespaces[0]!).socket();
    socket.bind(0, PORT);
    socket.onReceive = () => {
      this.delivered++;
    };
    for (const process of partition.processes) process.start();
  }

  /** Host `i` has 172.16.i-1.2 to its left and, if it is a router, 172.16.i.1 to its right. */
  #host(i: number, routers: number, routes: number): void {
    const host = new Host(i, `r${i}`, this.partition);
    this.partition.add(host);
    this.#hosts.push(host);
    const namespace = host.namespace(host.name);
    namespace.sysctl.ipForward = true;
    nic(namespace, 0, `172.16.${i - 1}.2`);
    if (i > routers) return;
    const right = nic(namespace, 1, `172.16.${i}.1`);
    const via = Ipv4Address.from(`172.16.${i}.2`);
    for (let net = i + 1; net <= routers; net++) addRoute(namespace, `172.16.${net}.0/24`, via, right);
    const random = new Random(1, 'routes');
    const lengths = [16, 20, 22, 23, 24, 24, 24, 24];
    for (let added = 0; added < routes; ) {
      const { address, length } = Prefix.network(random.next(), lengths[random.below(lengths.length)]!);
      if (Prefix.contains(NETS, address)) continue;
      addRoute(namespace, Prefix.format({ address, length }), via, right);
      added++;
    }
  }

  /** Carry on for `duration`; returns the hops made. */
  run(duration: VirtualTime): number {
    const before = this.delivered;
    const until = this.#now + duration;
    for (;;) {
      const window = this.partition.nextWindow();
      if (window === NEVER || window * DELAY >= until) break;
      this.partition.runWindow(window, until);
    }
    this.#now = until;
    return (this.delivered - before) * this.#hosts.length;
  }

  /** Past ARP and the first packets, which waited for it. */
  settle(): void {
    this.run(SECOND / 1000);
    const dropped = this.#hosts.map(host => host.account.dropped);
    this.run(SECOND / 1000);
    for (const [i, host] of this.#hosts.entries())
      if (host.account.dropped !== dropped[i]) throw new Error(`${host.name} drops packets`);
  }

  get frames(): FrameStore {
    return this.partition.frames;
  }
}

function nic(namespace: Namespace, jack: number, address: string): EthernetDevice {
  const mac = 0x0200_0000_0000 + Ipv4Address.from(address);
  const device = new EthernetDevice(namespace, `eth${jack}`, { mac, mtu: 1500, jack });
  namespace.addAddress(device, Ipv4Address.from(address), 24);
  namespace.setUp(device, true);
  return device;
}

function addRoute(namespace: Namespace, prefix: string, via: number, device: EthernetDevice): void {
  namespace.fib.replace({
    prefix: Prefix.from(prefix),
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
