/**
 * A machine of the lab that can be asked and told things: a Kubernetes node, a router, a plain host. What they have in
 * common is here: NICs and static routes, the commands of `command.ts`, programs, captures, power.
 *
 * Without power a machine is silent: what reaches it dies (LINK_DOWN), and all that it knew is gone.
 */
import * as Ipv4Address from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { SpeakerEvent } from '../bgp/ports.ts';
import type { Route } from '../bgp/route.ts';
import type { Speaker } from '../bgp/speaker.ts';
import { hostModel } from '../cost/models.ts';
import { EthernetDevice } from '../netstack/ethernet-device.ts';
import type { FelixHooks } from '../netstack/felix-hooks.ts';
import { NetHost } from '../netstack/host.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NetDevice } from '../netstack/netdevice.ts';
import { Processor } from '../netstack/processor.ts';
import { formatRoute } from '../netstack/route-text.ts';
import { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import { IpipDevice } from '../netstack/tunnel/ipip.ts';
import type { Habitat } from '../sim/logical-process.ts';
import type { Random } from '../sim/random.ts';
import type { VirtualTime } from '../sim/time.ts';
import { isObservation, type ObserveSpec } from '../trace/observation.ts';
import type { LabRecord, TraceClass } from '../trace/record.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { AttachedStreams } from './attached-streams.ts';
import { changeByHand } from './by-hand.ts';
import type { MachineCommand, MachineLoad, MachineStatus } from './command.ts';
import { Observer } from './observer.ts';
import { ProgramTable } from './programs.ts';
import {
  connectionsOf,
  devicesOf,
  fdbOf,
  forgetConnections,
  ipSetsOf,
  neighboursOf,
  routesOf,
  routeTo,
  socketsOf,
  waitingOf,
} from './queries.ts';
import { explainRoute } from './route-origin.ts';
import { pathTo } from './routing-commands.ts';
import type { NicSpec, StaticRouteSpec } from './spec.ts';
import { sysctls } from './sysctls.ts';
import { vtysh } from './vtysh.ts';

export abstract class Machine extends NetHost {
  /** The machine's own namespace; a new one after each start. */
  root: Namespace;
  /** When one of its tables last changed. */
  lastChange: VirtualTime = 0;
  /** TCP as the routing daemon sees it. */
  protected readonly daemonStreams: AttachedStreams;
  readonly #observer = new Observer(this, record => this.report(record));
  readonly #programs: ProgramTable;
  #boots = 0;
  /** Somebody outside listens. */
  #reportsRoutes = false;

  constructor(id: number, name: string, habitat: Habitat, observe?: ObserveSpec) {
    super(id, name, habitat);
    if (observe !== undefined) this.#observer.begin(observe);
    this.root = this.namespace('');
    this.daemonStreams = new AttachedStreams(
      () => this.root,
      record => this.report(record),
    );
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

  /** A machine that starts again draws other numbers than at its first start. */
  override random(purpose: string): Random {
    return super.random(this.#boots === 0 ? purpose : `${purpose} after start ${this.#boots}`);
  }

  /** Power goes: nothing is sent, nothing is kept. */
  protected powerOff(): void {
    this.lastChange = this.now;
    this.halt();
    this.#programs.kill();
    this.cancelTimers();
    this.say('events', () => 'power off');
  }

  /** Power comes back: an empty machine. */
  protected powerOn(): void {
    this.resume();
    this.#boots++;
    this.lastChange = this.now;
    this.root = this.namespace('');
    this.say('events', () => 'power on');
  }

  /** The programs that run in a pod end with it. */
  protected killPrograms(namespace: Namespace): void {
    this.#programs.kill(other => other === namespace);
  }

  override register(device: NetDevice): void {
    super.register(device);
    this.#observer.captures.deviceAdded(device);
  }

  protected override settle(): void {
    super.settle();
    if (this.watched) this.#observer.settled();
  }

  /** To look changes nothing, so it is not in the fingerprint. */
  override command(at: VirtualTime, command: unknown): unknown {
    if (!isObservation(command)) return super.command(at, command);
    this.now = at;
    return this.execute(command);
  }

  /** A line for those who trace class `what`; `text` is only asked for then. */
  protected say(what: TraceClass, text: () => string): void {
    this.#observer.say(what, text);
  }

  /** Asked first where lines would be many: each is a function to make. */
  protected says(what: TraceClass): boolean {
    return this.#observer.traces(what);
  }

  protected report(record: LabRecord): void {
    this.habitat.report(this, record);
  }

  /** What the routing daemon of the machine says of itself. */
  protected heard(event: SpeakerEvent): void {
    if (event.kind === 'session') {
      const { name, peer, from, to, because } = event;
      this.report({ type: 'session', name, peer: Ipv4Address.format(peer), from, to, because });
    } else if (event.kind === 'best' && this.says('filters')) {
      this.say('filters', () => {
        const { prefix, was, is, because } = event;
        const replaced = was === undefined || is === undefined ? '' : `, was ${sourceText(was)}`;
        return `${Prefix.format(prefix)} best ${is === undefined ? 'none' : sourceText(is)} [${because}]${replaced}`;
      });
    }
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
      const { mac, mtu, jack, altnames } = nic;
      const device = new EthernetDevice(root, nic.device, { mac, mtu, jack, altnames });
      root.setUp(device, true);
      root.addAddress(device, nic.address, nic.length, 'global', nic.broadcast);
      if (connectedMetric !== 0) this.#moveConnected(device, nic, connectedMetric);
    }
    equip(root);
    for (const route of routes) this.#addStatic(route);
    root.fib.onChange(() => {
      this.lastChange = this.now;
    });
    this.#watchRoutes();
  }

  #watchRoutes(): void {
    this.root.fib.watcher = this.#reportsRoutes
      ? ({ kind, route }) =>
          this.report({ type: 'route', namespace: '', action: kind, text: formatRoute(route).trimEnd() })
      : undefined;
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
        if (match[1] === 'all') this.root.sysctl.allRpFilter = value as 0 | 1 | 2;
        for (const device of this.root.devices) {
          if (match[1] === 'default' || device.name === match[1]) device.sysctl.rpFilter = value as 0 | 1 | 2;
        }
      } else if (name === 'net.ipv4.fib_multipath_hash_policy') {
        this.root.sysctl.fibMultipathHashPolicy = value === 1 ? 1 : 0;
      } else if (name === 'net.ipv4.ip_forward') {
        this.root.sysctl.ipForward = value === 1;
      }
    }
  }

  /** Of its own namespace, on all devices. */
  protected get addresses(): Ipv4Address.Ipv4Address[] {
    return this.root.devices.flatMap(device => device.addresses.map(({ address }) => address));
  }

  /** Packets cost what the model of that name says. */
  protected applyHostModel(name: string | undefined): void {
    if (name === undefined) return;
    const model = hostModel(name);
    if (model === undefined) throw new Error(`${this.name}: there is no host model ${name}`);
    if (model.cores > 0) this.processor = new Processor(this, model);
  }

  protected abstract status(): MachineStatus;

  /** The routing daemon, while it runs. */
  protected get speaker(): Speaker | undefined {
    return undefined;
  }

  /** Words after `birdcl` or `vtysh`; the answer's text. */
  protected abstract routingDaemon(words: readonly string[]): string;

  /** Felix's rules, where there are any. */
  protected get hooks(): FelixHooks | undefined {
    return undefined;
  }

  #hooksOf(namespace: string): FelixHooks | undefined {
    return namespace === '' ? this.hooks : undefined;
  }

  /** Configuration files of the routing daemon, by name. */
  protected daemonFiles(): Readonly<Record<string, string>> {
    return {};
  }

  protected override execute(raw: unknown): unknown {
    const command = raw as MachineCommand;
    if (!this.powered) return this.#withoutPower(command);
    switch (command.do) {
      case 'routes':
        return routesOf(this.#inside(command.namespace), command.table);
      case 'route-get':
        return routeTo(this.#inside(command.namespace), command.destination) ?? null;
      case 'route-explain':
        return explainRoute(this.#inside(command.namespace), command.destination, this.speaker);
      case 'path': {
        const { destination, source, device } = command;
        return pathTo(this.#inside(command.namespace), destination, source, device);
      }
      case 'sysctls':
        return [...sysctls(this.#inside(command.namespace))].map(([name, { get }]) => [name, get()]);
      case 'devices':
        return devicesOf(this.#inside(command.namespace));
      case 'neighbours':
        return neighboursOf(this.#inside(command.namespace));
      case 'fdb':
        return fdbOf(this.#inside(command.namespace));
      case 'sockets':
        return socketsOf(this.#inside(command.namespace));
      case 'namespaces':
        return this.namespaces.map(n => n.name);
      case 'waiting':
        return waitingOf(this.namespaces, command.tag);
      case 'conntrack':
        return connectionsOf(this.#hooksOf(command.namespace), this.now);
      case 'felix-hooks':
        return undefined;
      case 'ipsets':
        return ipSetsOf(this.#hooksOf(command.namespace));
      case 'status':
        return this.status();
      case 'counters':
        return this.account.counters(this.frames.inUse);
      case 'load':
        return this.#load();
      case 'birdcl':
        return this.routingDaemon(command.words);
      case 'vtysh':
        return this.speaker === undefined ? '' : (vtysh(this.speaker, command.words) ?? null);
      case 'daemon-files':
        return this.daemonFiles();
      default:
        return this.#act(command);
    }
  }

  /** What can be known of a machine that is off. */
  #withoutPower(command: MachineCommand): unknown {
    switch (command.do) {
      case 'routes':
      case 'devices':
      case 'neighbours':
      case 'fdb':
      case 'namespaces':
        return [];
      case 'route-get':
      case 'waiting':
        return null;
      case 'route-explain':
        return { winner: undefined, beaten: [], daemonPath: undefined };
      case 'status':
        return this.status();
      case 'counters':
        return this.account.counters(this.frames.inUse);
      case 'start':
        return this.#programs.refuse(command.program, command.what, `${this.name} is off`);
      case 'birdcl':
        return `${this.name} is off\n`;
      case 'power':
      case 'carrier':
      case 'trace':
      case 'drops':
      case 'report-routes':
      case 'capture':
      case 'capture-stop':
        return this.#act(command);
      default:
        return undefined;
    }
  }

  #load(): MachineLoad {
    let [sentFrames, sentOctets] = [0, 0];
    for (const device of this.root.devices) {
      if (!(device instanceof EthernetDevice)) continue;
      sentFrames += this.outputs[device.jack]?.sentFrames ?? 0;
      sentOctets += this.outputs[device.jack]?.sentOctets ?? 0;
    }
    const { fragments } = this.account;
    return { sentFrames, sentOctets, fragments, processor: this.processor?.load ?? null };
  }

  #act(command: MachineCommand): unknown {
    switch (command.do) {
      case 'start':
        return this.#programs.start(command.program, this.#inside(command.namespace), command.what);
      case 'signal':
        return this.#programs.signal(command.program);
      case 'capture':
        this.#observer.captures.start(command);
        return this.#observer.changed();
      case 'capture-stop':
        this.#observer.captures.stop(command.capture);
        return this.#observer.changed();
      case 'trace':
        return this.#observer.trace(command.classes);
      case 'drops':
        return this.#observer.reportDrops(command.on);
      case 'report-routes':
        this.#reportsRoutes = command.on;
        return this.#watchRoutes();
      case 'device-up':
      case 'device-mtu':
      case 'route-edit':
      case 'address-edit':
      case 'neighbour-edit':
      case 'sysctl':
      case 'flush':
        return changeByHand(this.#inside(command.namespace), command);
      case 'conntrack-forget':
        return forgetConnections(this.#hooksOf(command.namespace), command.tuples);
      case 'attach':
        return this.daemonStreams.attach(command.peer);
      case 'stream':
        return this.daemonStreams.happened(command.stream, command.event);
      case 'carrier':
        return this.#setCarrier(command.jack, command.up);
      case 'power':
        if (command.on === this.powered) return undefined;
        return command.on ? this.powerOn() : this.powerOff();
      default:
        throw new Error(`${this.name} cannot ${command.do}`);
    }
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

/** `via 192.168.10.102 on eth0 from Mesh_192_168_10_102`. */
function sourceText({ destination, gateway, device, source }: Route): string {
  const way = destination === 'router' || destination === 'device' ? '' : `${destination} `;
  const via = gateway === undefined ? '' : `via ${Ipv4Address.format(gateway)} `;
  const on = device === undefined ? '' : `on ${device} `;
  return `${way}${via}${on}from ${source.protocol.name}`;
}

function equip(namespace: Namespace): void {
  new IpipDevice(namespace);
  namespace.transports[Ipv4.PROTOCOL_TCP] = new TcpLayer(namespace);
}
