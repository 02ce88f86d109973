/**
 * A network namespace: devices, addresses, routes, neighbours, hooks and sysctls of one stack, and the protocols on top.
 * A node has one, so has each of its pods. What a packet meets in it is in ip-input.ts, ip-forward.ts and ip-output.ts.
 *
 * Addresses and link state carry the kernel's own routes with them, as `fib_frontend.c` does it:
 *
 *   address A/n on dev     local A dev  (as long as the address is there)
 *   … and dev is up        A's prefix dev  proto kernel scope link src A,   broadcast of the prefix
 */
import type { AddressWord } from '../addr/address-word.ts';
import * as Ipv4Address from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import type { Random } from '../sim/random.ts';
import type { Clock } from '../sim/time.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import * as EthernetCodec from '../wire/ethernet.ts';
import * as Icmpv4 from '../wire/icmpv4.ts';
import * as Arp from './arp.ts';
import { Fib } from './fib.ts';
import type { FlowOffload } from './flow-offload.ts';
import type { FlowDevice, FlowEnd } from './flow-table.ts';
import { HookTable } from './hooks.ts';
import type { NetHost } from './host.ts';
import { Icmp } from './icmp.ts';
import { sendError } from './icmp-error.ts';
import { ipReceive } from './ip-input.ts';
import { path, send, sendByFlow } from './ip-output.ts';
import { Loopback } from './loopback.ts';
import { NeighbourTable } from './neighbour.ts';
import type { DeviceAddress, NetDevice } from './netdevice.ts';
import { PathMtuCache } from './path-mtu.ts';
import { PeerLimits } from './peer-limits.ts';
import { Reassembly } from './reassembly.ts';
import type { Route, RouteScope, RouteType } from './route.ts';
import {
  DEFAULT_SYSCTL,
  type IpLayer,
  type NamespaceSysctl,
  type Path,
  type SendError,
  type SendRequest,
  type TransportProtocol,
} from './transport.ts';
import type { IpipDevice } from './tunnel/ipip.ts';
import type { VxlanDevice } from './tunnel/vxlan.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ethernet = { ...EthernetCodec };

export class Namespace implements IpLayer {
  // What a datagram meets comes first, in one cache line: V8 lays fields out in this order.
  readonly host: NetHost;
  readonly frames: FrameStore;
  /** By IP protocol number: TCP and UDP, where somebody uses them. */
  readonly transports: (TransportProtocol | undefined)[] = [];
  readonly sysctl: NamespaceSysctl = { ...DEFAULT_SYSCTL };
  /** `flowEnd.inputJack`, where a datagram finds it without another look at memory: below 0, and no other namespace's. */
  readonly flowJack: number;
  #identification: number;
  readonly name: string;
  readonly clock: Clock;
  /** In the order of their indices, those of removed devices left out. */
  readonly devices: NetDevice[] = [];
  readonly fib: Fib;
  readonly hooks: HookTable;
  readonly neighbours: NeighbourTable;
  readonly icmp: Icmp;
  readonly pathMtu: PathMtuCache;
  readonly peers: PeerLimits;
  readonly reassembly: Reassembly;
  readonly loopback: Loopback;
  /** The fallback IPIP device, `tunl0`. */
  ipip: IpipDevice | undefined;
  vxlan: VxlanDevice | undefined;
  /** Past the hooks, where there is connection tracking. */
  offload: FlowOffload | undefined;
  /** Written anew for every packet that is built here. */
  readonly header = {
    tos: 0,
    totalLength: 0,
    identification: 0,
    flags: 0,
    fragmentOffset: 0,
    ttl: 64,
    protocol: 0,
    source: 0,
    destination: 0,
  };
  /** Where flows begin and end here. */
  readonly flowEnd: FlowEnd;
  /** Sends no ICMP errors: the router of a cloud, which says nothing about what it drops. */
  silent = false;
  #lastIndex = 0;

  /** Has `lo`, down. Made by `NetHost.namespace`; `number` is no other's of that host. */
  constructor(host: NetHost, name: string, number: number) {
    const jack = -1 - number;
    this.flowJack = jack;
    this.flowEnd = { inputJack: jack, outputJack: jack, number: -1, macHigh: 0, macLow: 0 };
    this.host = host;
    this.name = name;
    this.clock = host;
    this.frames = host.frames;
    this.fib = new Fib(this.random('multipath').next(), wanted => this.device(wanted));
    this.fib.onChange(() => host.flows.forget());
    this.hooks = new HookTable(() => host.flows.forget());
    this.neighbours = new NeighbourTable(this);
    this.icmp = new Icmp(this);
    this.pathMtu = new PathMtuCache(host, () => host.flows.forget());
    this.peers = new PeerLimits(host);
    this.reassembly = new Reassembly(this);
    this.#identification = this.random('identification').below(0xffff);
    this.loopback = new Loopback(this);
  }

  random(purpose: string): Random {
    return this.host.random(`${this.name}/${purpose}`);
  }

  /** The next device index; indices are never used twice. */
  nextIndex(): number {
    return ++this.#lastIndex;
  }

  /** A device joins. Called once, by its constructor. */
  attach(device: NetDevice): void {
    this.devices.push(device);
    this.host.register(device);
  }

  /** `ip link del`: its routes, addresses and neighbours go with it. */
  detach(device: NetDevice): void {
    this.setUp(device, false);
    for (const { address } of device.addresses) this.removeAddress(device, address);
    this.devices.splice(this.devices.indexOf(device), 1);
    if (device === this.vxlan) this.vxlan = undefined;
    if (device === this.ipip) this.ipip = undefined;
  }

  /** The device of that name, or with that alternative name. */
  device(name: string): NetDevice | undefined {
    return this.devices.find(device => device.name === name || device.altnames.includes(name));
  }

  /** An identification for a packet that may be fragmented: never 0, and all different for a long while. */
  identification(): number {
    const last = this.#identification;
    this.#identification = last === 0xffff ? 1 : last + 1;
    return this.#identification;
  }

  /** Is what comes in on `device` forwarded? */
  forwards(device: NetDevice): boolean {
    return this.sysctl.ipForward && device.sysctl.forwarding;
  }

  isLocal(address: Ipv4Address.Ipv4Address): boolean {
    return this.fib.lookup(address)?.type === 'local';
  }

  isBroadcast(address: Ipv4Address.Ipv4Address): boolean {
    return address === Ipv4Address.BROADCAST || this.fib.lookup(address)?.type === 'broadcast';
  }

  /** `ip link set dev … up|down`. */
  setUp(device: NetDevice, up: boolean): void {
    if (device.up === up) return;
    device.up = up;
    this.host.flows.forget();
    if (up) {
      device.wasUp = true;
      if (device === this.loopback && device.addresses.length === 0)
        this.addAddress(device, Ipv4Address.from('127.0.0.1'), 8, 'host');
      for (const address of device.addresses) this.#addPrefixRoutes(device, address);
      return;
    }
    this.neighbours.flush(device, true);
    this.fib.removeDevice(device);
    // The addresses stay, and stay ours.
    for (const address of device.addresses) this.#addLocalRoute(device, address);
  }

  /** The other end went away or came back: what was learnt there is void, routes and addresses stay. */
  carrierLost(device: NetDevice): void {
    this.neighbours.flush(device, false);
  }

  /** `ip addr add … [brd BROADCAST]`. False (EEXIST) when the device has it. */
  addAddress(
    device: NetDevice,
    address: Ipv4Address.Ipv4Address,
    length: number,
    scope: DeviceAddress['scope'] = 'global',
    broadcast: Ipv4Address.Ipv4Address = 0,
  ): boolean {
    if (device.addresses.some(other => other.address === address && other.length === length)) return false;
    const added: DeviceAddress = { address, length, scope, broadcast };
    device.addresses = [...device.addresses, added];
    this.#addLocalRoute(device, added);
    if (device.up) this.#addPrefixRoutes(device, added);
    return true;
  }

  /**
   * `ip addr del`. False when the device has no such address. Routes that prefer it as source go too; with the first
   * address of a prefix its secondary ones (`promote_secondaries` is 0).
   */
  removeAddress(device: NetDevice, address: Ipv4Address.Ipv4Address): boolean {
    const gone = device.addresses.find(other => other.address === address);
    if (gone === undefined) return false;
    const alone = primaryOf(device, gone) !== gone;
    const doomed = alone ? [gone] : device.addresses.filter(other => primaryOf(device, other) === gone);
    device.addresses = device.addresses.filter(other => !doomed.includes(other));
    for (const { address: dead } of doomed) this.#forgetAddress(device, dead);
    return true;
  }

  #forgetAddress(device: NetDevice, address: Ipv4Address.Ipv4Address): void {
    const prefix = { address, length: 32 };
    this.fib.remove({ prefix, type: 'local', device });
    const remains = this.devices.some(({ addresses }) => addresses.some(other => other.address === address));
    this.fib.removeWhere(
      ({ source, nextHops }) => source === address && (!remains || nextHops[0]?.device === device),
    );
  }

  #addLocalRoute(device: NetDevice, added: DeviceAddress): void {
    const { address } = added;
    const source = primaryOf(device, added).address;
    this.#addKernelRoute(device, { address, length: 32 }, 'local', 'host', source);
  }

  #addPrefixRoutes(device: NetDevice, added: DeviceAddress): void {
    const { address, length } = added;
    const prefix = Prefix.network(address, length);
    if (length === 32 || prefix.address >>> 24 === 0 || primaryOf(device, added) !== added) return;
    if (device === this.loopback) this.#addKernelRoute(device, prefix, 'local', 'host', address);
    else this.#addKernelRoute(device, prefix, 'unicast', 'link', address);
    if (length === 31) return;
    const broadcast = (prefix.address | ~Prefix.mask(length)) >>> 0;
    this.#addKernelRoute(device, { address: broadcast, length: 32 }, 'broadcast', 'link', address);
  }

  #addKernelRoute(
    device: NetDevice,
    prefix: Prefix.Prefix,
    type: RouteType,
    scope: RouteScope,
    source: Ipv4Address.Ipv4Address,
  ): void {
    const table = type === 'unicast' ? 'main' : 'local';
    const nextHops = [{ via: 0, device, onlink: false, weight: 1 }];
    this.fib.add({ prefix, type, nextHops, protocol: 'kernel', scope, metric: 0, source, mtu: 0, table });
  }

  /** Everything is taken to be on the link of `device`: for senders bound to it that no route serves. */
  onLinkRoute(device: NetDevice): Route {
    const nextHops = [{ via: 0, device, onlink: false, weight: 1 }];
    const prefix = { address: 0, length: 0 };
    const fixed = { metric: 0, source: 0, mtu: 0, table: 'main' } as const;
    return { prefix, type: 'unicast', nextHops, protocol: 'boot', scope: 'link', ...fixed };
  }

  /** A frame came in on `device`, which is up (start = link header). Takes ownership. */
  receive(device: NetDevice, frame: Frame): void {
    if (device.kind === 'ipip') {
      ipReceive(this, device, frame, true);
      return;
    }
    const { frames } = this;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    if (Ethernet.check(view, at, frames.end[frame]!) !== Ethernet.Fault.None) {
      this.drop(frame, 'MALFORMED', device);
      return;
    }
    const unicast = Ethernet.isTo(view, at, device.macHigh, device.macLow);
    if (!unicast && !Ethernet.isToGroup(view, at)) {
      this.drop(frame, 'NOT_FOR_ME', device);
      return;
    }
    const etherType = Ethernet.etherType(view, at);
    frames.pull(frame, Ethernet.HEADER_LENGTH);
    if (etherType === Ethernet.TYPE_IPV4) ipReceive(this, device, frame, unicast);
    else if (etherType === Ethernet.TYPE_ARP) Arp.receive(this, device, frame, unicast);
    else this.drop(frame, 'UNKNOWN_PROTOCOL', device);
  }

  path(request: SendRequest): Path | SendError {
    return path(this, request);
  }

  send(frame: Frame, request: SendRequest): SendError {
    return send(this, frame, request);
  }

  sendByFlow(
    frame: Frame,
    protocol: number,
    source: AddressWord,
    destination: AddressWord,
    ttl: number,
    tos: number,
  ): boolean {
    return sendByFlow(this, frame, source, destination, (ttl << 24) | (protocol << 16), tos, 'want');
  }

  confirm(destination: Ipv4Address.Ipv4Address): void {
    const hop = this.fib.lookup(destination)?.nextHops[0];
    if (hop?.device.needsNeighbour === true) this.neighbours.confirm(hop.device, hop.via || destination);
  }

  sendIcmpError(frame: Frame, type: number, code: number, info: number, _device?: NetDevice): void {
    sendError(this, frame, type, code, info);
  }

  /** ARP gave up on the next hop of the packet in `frame` (start = IPv4 header): whoever sent it hears of it. */
  linkFailure(frame: Frame, device: NetDevice): void {
    sendError(this, frame, Icmpv4.DESTINATION_UNREACHABLE, Icmpv4.HOST_UNREACHABLE, 0);
    this.drop(frame, 'NEIGH_FAILED', device);
  }

  /**
   * What is sent from `input` through `output` to the neighbour `nextHop`, from `source` to `destination`, is treated like
   * any other packet of that flow: remember it. Not where hooks look at each packet, or somebody watches.
   */
  learnFlow(
    input: FlowDevice,
    output: NetDevice,
    nextHop: AddressWord,
    mtu: number,
    source: AddressWord,
    destination: AddressWord,
  ): void {
    const { host } = this;
    if (output.outputJack < 0 || !output.up || output.tapped || host.tracing) return;
    if (!this.hooks.isEmpty || host.processor !== undefined) return;
    const header = this.neighbours.headerTo(output, nextHop);
    if (header === undefined) return;
    host.flows.learn({ source, destination, input, output, header, mtu: Math.min(mtu, output.mtu) });
  }

  /** The same for what comes in by `input` and is for this host. A VXLAN device takes some of it before UDP sees it. */
  learnArrival(input: NetDevice, source: AddressWord, destination: AddressWord): void {
    const { host } = this;
    if (input.inputJack < 0 || input.tapped || host.tracing || this.vxlan !== undefined) return;
    if (!this.hooks.isEmpty || host.processor !== undefined) return;
    host.flows.learn({ source, destination, input, output: this.flowEnd, header: undefined, mtu: 0 });
  }

  drop(frame: Frame, reason: DropReason, device?: NetDevice): void {
    this.host.drop(frame, reason, this, device);
  }

  deliver(frame: Frame): void {
    this.host.deliver(frame);
  }

  /** The namespace goes away: nothing of it sends or waits any more. */
  shutdown(): void {
    this.reassembly.clear();
    for (const device of [...this.devices]) this.detach(device);
  }
}

/** The first address of the same prefix on the device: itself, or the one that it is secondary to. */
function primaryOf(device: NetDevice, of: DeviceAddress): DeviceAddress {
  const prefix = { address: of.address, length: of.length };
  return device.addresses.find(
    other => other.length === of.length && Prefix.contains(prefix, other.address),
  )!;
}
