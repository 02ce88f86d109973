/**
 * A machine of the lab that can be asked and told things: a Kubernetes node, a router, a plain host. What they have in
 * common is here: NICs and static routes, the commands of `command.ts`, programs, captures.
 */
import * as Prefix from '../addr/prefix.ts';
import { EthernetDevice } from '../netstack/ethernet-device.ts';
import { NetHost } from '../netstack/host.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NetDevice } from '../netstack/netdevice.ts';
import { formatRoute } from '../netstack/route-text.ts';
import { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import { IpipDevice } from '../netstack/tunnel/ipip.ts';
import type { Habitat } from '../sim/logical-process.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { LabRecord } from '../trace/record.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { AttachedStreams } from './attached-streams.ts';
import { CaptureTable } from './captures.ts';
import type { MachineCommand, MachineStatus } from './command.ts';
import { ProgramTable } from './programs.ts';
import { devicesOf, fdbOf, neighboursOf, routesOf, routeTo } from './queries.ts';
import type { NicSpec, StaticRouteSpec } from './spec.ts';

export abstract class Machine extends NetHost {
  /** The machine's own namespace. */
  readonly root: Namespace;
  /** When one of its tables last changed. */
  lastChange: VirtualTime = 0;
  /** TCP as the routing daemon sees it. */
  protected readonly daemonStreams: AttachedStreams;
  readonly #captures: CaptureTable;
  readonly #programs: ProgramTable;

  constructor(id: number, name: string, habitat: Habitat) {
    super(id, name, habitat);
    this.root = this.namespace('');
    this.daemonStreams = new AttachedStreams(this.root, record => this.report(record));
    this.#captures = new CaptureTable(this, record => this.report(record));
    this.#programs = new ProgramTable(record => {
      this.report(record);
      if (record.type === 'exit') habitat.attention();
    });
  }

  /** A namespace as the kernel makes it: `lo` and a `tunl0` that is down; TCP and UDP on top. */
  override namespace(name: string): Namespace {
    const namespace = super.namespace(name);
    if (name !== '') equip(namespace);
    return namespace;
  }

  protected report(record: LabRecord): void {
    this.habitat.report(this, record);
  }

  /** NICs first, then `tunl0`: the order decides which address an ICMP error gets that leaves by a device without one. */
  protected plugIn(
    nics: readonly NicSpec[],
    routes: readonly StaticRouteSpec[],
    connectedMetric: number,
  ): void {
    const { root } = this;
    root.setUp(root.loopback, true);
    for (const nic of nics) {
      const device = new EthernetDevice(root, nic.device, { mac: nic.mac, mtu: nic.mtu, jack: nic.jack });
      device.altnames = nic.altnames;
      root.setUp(device, true);
      root.addAddress(device, nic.address, nic.length);
      if (connectedMetric !== 0) this.#moveConnected(device, nic, connectedMetric);
    }
    equip(root);
    for (const route of routes) this.#addStatic(route);
    root.fib.onChange(({ kind, route }) => {
      this.lastChange = this.now;
      this.report({ type: 'route', namespace: '', action: kind, text: formatRoute(route).trimEnd() });
    });
  }

  /** A DHCP client gives the connected route its metric. */
  #moveConnected(device: NetDevice, nic: NicSpec, metric: number): void {
    const { fib } = this.root;
    const prefix = Prefix.network(nic.address, nic.length);
    const route = fib
      .list('main')
      .find(r => Prefix.equal(r.prefix, prefix) && r.nextHops[0]?.device === device);
    if (route === undefined) return;
    fib.remove({ prefix, device });
    fib.add({ ...route, metric });
  }

  #addStatic(route: StaticRouteSpec): void {
    const device = this.root.device(route.device);
    if (device === undefined)
      throw new Error(`${this.name}: a route through ${route.device}, which there is not`);
    const { prefix, via, protocol, scope, metric, source } = route;
    const nextHops = [{ via, device, onlink: false, weight: 1 }];
    this.root.fib.add({
      prefix,
      type: 'unicast',
      nextHops,
      protocol,
      scope,
      metric,
      source,
      mtu: 0,
      table: 'main',
    });
  }

  /** `net.ipv4.…` settings of the scenario that decide where packets go. */
  protected applySysctls(sysctls: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(sysctls)) {
      const match = /^net\.ipv4\.conf\.([\w.-]+)\.rp_filter$/.exec(name);
      if (match !== null && value >= 0 && value <= 2) {
        const all = match[1] === 'all' || match[1] === 'default';
        for (const device of this.root.devices) {
          if (all || device.name === match[1]) device.sysctl.rpFilter = value as 0 | 1 | 2;
        }
      } else if (name === 'net.ipv4.fib_multipath_hash_policy') {
        this.root.sysctl.fibMultipathHashPolicy = value === 1 ? 1 : 0;
      } else if (name === 'net.ipv4.ip_forward') {
        this.root.sysctl.ipForward = value === 1;
      }
    }
  }

  protected abstract status(): MachineStatus;

  /** Words after `birdcl` or `vtysh`; the answer's text. */
  protected abstract routingDaemon(words: readonly string[]): string;

  protected override execute(raw: unknown): unknown {
    const command = raw as MachineCommand;
    switch (command.do) {
      case 'routes':
        return routesOf(this.#inside(command.namespace), command.table);
      case 'route-get':
        return routeTo(this.#inside(command.namespace), command.destination) ?? null;
      case 'devices':
        return devicesOf(this.#inside(command.namespace));
      case 'neighbours':
        return neighboursOf(this.#inside(command.namespace));
      case 'fdb':
        return fdbOf(this.#inside(command.namespace));
      case 'namespaces':
        return this.namespaces.map(n => n.name);
      case 'status':
        return this.status();
      case 'counters':
        return this.account.counters();
      case 'birdcl':
        return this.routingDaemon(command.words);
      default:
        return this.#act(command);
    }
  }

  #act(command: MachineCommand): unknown {
    switch (command.do) {
      case 'start':
        return this.#programs.start(command.program, this.#inside(command.namespace), command.what);
      case 'signal':
        return this.#programs.signal(command.program);
      case 'capture':
        return this.#captures.start(command);
      case 'capture-stop':
        return this.#captures.stop(command.capture);
      case 'device-up':
        return this.#setDevice(command.namespace, command.device, command.up);
      case 'attach':
        return this.daemonStreams.attach(command.peer);
      case 'stream':
        return this.daemonStreams.happened(command.stream, command.event);
      case 'carrier':
        return this.#setCarrier(command.jack, command.up);
      default:
        throw new Error(`${this.name} cannot ${command.do}`);
    }
  }

  #setDevice(namespace: string, name: string, up: boolean): boolean {
    const inside = this.#inside(namespace);
    const device = inside.device(name);
    if (device === undefined) return false;
    inside.setUp(device, up);
    return true;
  }

  #setCarrier(jack: number, up: boolean): void {
    const output = this.outputs[jack];
    if (output !== undefined) output.up = up;
    const device = this.root.devices.find(d => d instanceof EthernetDevice && d.jack === jack);
    if (device !== undefined && !up) this.root.carrierLost(device);
  }

  #inside(name: string): Namespace {
    const namespace = this.namespaces.find(n => n.name === name);
    if (namespace === undefined) throw new Error(`${this.name} has no namespace ${name}`);
    return namespace;
  }
}

function equip(namespace: Namespace): void {
  new IpipDevice(namespace);
  namespace.transports[Ipv4.PROTOCOL_TCP] = new TcpLayer(namespace);
}
