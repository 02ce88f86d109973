/**
 * From a checked scenario to the processes and links of its lab.
 *
 *   node k8s-w1  --eth0 (jack 0)--> switch subnet-a <-- router k8s-rtr (one jack per subnet)
 *        \--management (jack 1)--> api
 *
 * The order of processes is fixed (nodes by name, routers, hosts, subnets, api): ids decide ties between events.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import * as Prefix from '../addr/prefix.ts';
import type { ApiServerSpec } from '../api/spec.ts';
import type { Resource } from '../calico/resources/kinds.ts';
import type { Node } from '../calico/resources/node.ts';
import { portRules } from '../fabric/cloud.ts';
import type { SwitchPortSpec, SwitchSpec } from '../fabric/spec.ts';
import type { NicSpec, NodeSpec, RouterSpec, StaticRouteSpec } from '../node/spec.ts';
import type { LabSpec, LinkSpec, ProcessSpec } from '../parallel/simulation.ts';
import type * as Scenario from '../scenario/types.ts';
import { MICROSECOND, MILLISECOND, type VirtualTime } from '../sim/time.ts';

/** The management network: apart from the fabric, quick, and never slower than the engine's window. */
const MANAGEMENT_RATE_BPS = 1e9;
const MANAGEMENT_DELAY: VirtualTime = 250 * MICROSECOND;
const MANAGEMENT_QUEUE_OCTETS = 64 * 1024 * 1024;
/** Octets in front of a 10 Gbit/s port that a data-centre switch would hold: 1000 packets of 1500, as Linux's txqueuelen. */
const DEFAULT_QUEUE_OCTETS = 1000 * 1538;
/**
 * A frame or a piece of news is much less work for a switch or the API server than for the machine that it goes to: with
 * 1000 nodes these two, which have half of all links' ends, did less than a tenth of the work (profiled).
 */
const HUBS: ReadonlySet<string> = new Set(['switch', 'api']);
const HUB_WORK = 0.15;
const WATCH_DELAY: readonly [VirtualTime, VirtualTime] = [5 * MILLISECOND, 60 * MILLISECOND];

export interface Plan {
  readonly lab: Omit<LabSpec, 'builder'>;
  readonly nodes: readonly string[];
  readonly process: (name: string) => number | undefined;
  /** The process and output jack of a NIC, for `link down k8s-w0/eth0`; undefined when there is none. */
  readonly nic: (owner: string, device: string) => NicAttachment | undefined;
}

export interface NicAttachment {
  readonly process: number;
  readonly jack: number;
  readonly peer: number;
  readonly peerJack: number;
}

/** NICs of the lab have locally administered addresses made of their IPv4 address: `02:00:c0:a8:0a:65`. */
export const nicMac = (address: Ipv4Address): MacAddress => 0x0200 * 2 ** 32 + address;

export function planLab(
  scenario: Scenario.Scenario,
  resources: readonly unknown[],
  seed = scenario.seed,
): Plan {
  return new Planner(scenario, resources, seed).plan();
}

class Planner {
  readonly #scenario: Scenario.Scenario;
  readonly #resources: readonly unknown[];
  readonly #seed: number;
  readonly #processes: ProcessSpec[] = [];
  readonly #links: LinkSpec[] = [];
  readonly #nics = new Map<string, NicAttachment>();
  /** By subnet: what is plugged into its switch, by jack. */
  readonly #ports = new Map<string, SwitchPortSpec[]>();
  readonly #ids = new Map<string, number>();

  constructor(scenario: Scenario.Scenario, resources: readonly unknown[], seed: number) {
    this.#scenario = scenario;
    this.#resources = resources;
    this.#seed = seed;
  }

  plan(): Plan {
    const { fabric } = this.#scenario;
    const nodes = [...fabric.nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = [
      ...nodes.map(n => n.name),
      ...fabric.routers.map(r => r.name),
      ...fabric.hosts.map(h => h.name),
      ...fabric.subnets.map(s => switchName(s.name)),
      'api',
    ];
    names.forEach((name, id) => {
      this.#ids.set(name, id);
    });
    for (const node of nodes) this.#addNode(node);
    for (const router of fabric.routers) this.#addRouter(router);
    for (const host of fabric.hosts) this.#addHost(host);
    for (const subnet of fabric.subnets) this.#addSwitch(subnet);
    this.#addApi(nodes.map(n => n.name));
    return {
      lab: { seed: this.#seed, processes: this.#processes, links: this.#links },
      nodes: nodes.map(n => n.name),
      process: name => this.#ids.get(name),
      nic: (owner, device) => this.#nics.get(`${owner}/${device}`),
    };
  }

  #addNode(node: Scenario.Node): void {
    const subnet = this.#subnet(node.subnet);
    const altnames = [
      ...(node.altname ? [node.altname] : []),
      ...(node.interface === 'eth0' ? [] : ['eth0']),
    ];
    const plugged = this.#plug(node.name, 0, node.interface, subnet, node.address, node.mtu, altnames);
    // netplan and DHCP clients set the broadcast address, FRR and plain `ip addr add` do not.
    const broadcast = (subnet.cidr.address | ~Prefix.mask(subnet.cidr.length)) >>> 0;
    const nic: NicSpec = { ...plugged, broadcast };
    const aws = this.#scenario.fabric.cloud === 'aws-vpc';
    const spec: NodeSpec = {
      nics: [nic],
      routes: aws ? dhcpRoutes(node, subnet) : defaultRoute(node.defaultRoute, node.interface),
      sysctls: this.#scenario.sysctls,
      managementJack: 1,
      hooks: this.#scenario.hooks,
      ...(this.#scenario.hostModel !== undefined && { hostModel: this.#scenario.hostModel }),
      calicoVersion: this.#scenario.calicoVersion,
      bgpAddress: node.bgpAddress,
      asNumber: node.asNumber,
      startMs: this.#scenario.startMs,
      kernelConnectedMetric: aws ? 100 : 0,
      registration: this.#registration(node.name),
    };
    this.#guard(node, nic);
    this.#process(node.name, 'node', spec);
  }

  #registration(name: string): Node {
    const found = this.#resources.find(
      r => (r as Resource).kind === 'Node' && (r as Node).metadata.name === name,
    );
    if (found === undefined) throw new Error(`${name} is not among the resources`);
    return found as Node;
  }

  #addRouter(router: Scenario.Router): void {
    const nics = router.interfaces.map((at, i) =>
      // The lab's router names its NICs from eth1 on (eth0 is its way to the outside).
      this.#plug(
        router.name,
        i,
        `eth${i + 1}`,
        this.#subnet(at.subnet),
        at.address,
        this.#subnet(at.subnet).mtu,
        [],
      ),
    );
    const spec: RouterSpec = {
      nics,
      routes: this.#routerRoutes(router, nics),
      sysctls: {},
      forwards: true,
      answersPing: router.answersPing,
      silent: router.silent,
      loopbacks: router.loopbacks,
      bgp: router.bgp,
    };
    this.#process(router.name, 'router', spec);
  }

  #routerRoutes(router: Scenario.Router, nics: readonly NicSpec[]): StaticRouteSpec[] {
    const { defaultRoute: gateway, routes } = router;
    const all = gateway === undefined ? routes : [{ prefix: ANYWHERE, via: gateway }, ...routes];
    return all.flatMap(({ prefix, via }) => {
      const out = nics.find(nic => Prefix.contains(Prefix.network(nic.address, nic.length), via));
      return out === undefined ? [] : [staticRoute(prefix, via, out.device)];
    });
  }

  #addHost(host: Scenario.Host): void {
    const { attachment } = host;
    if (attachment.kind === 'subnet') {
      const subnet = this.#subnet(attachment.subnet);
      const nic = this.#plug(host.name, 0, 'eth0', subnet, host.address, subnet.mtu, []);
      this.#process(host.name, 'router', {
        ...plainHost([nic]),
        routes: defaultRoute(attachment.defaultRoute, 'eth0'),
      });
    } else {
      this.#addHostBehindRouter(host, attachment.router);
    }
  }

  /** A point-to-point /30 of documentation addresses joins a far host to its router; the host owns its own address. */
  #addHostBehindRouter(host: Scenario.Host, routerName: string): void {
    const index = this.#scenario.fabric.hosts.indexOf(host);
    const network = 0xc000_0200 + index * 4; // 192.0.2.0/24, RFC 5737
    const routerId = this.#ids.get(routerName)!;
    const router = this.#processes[routerId]!;
    const spec = router.spec as RouterSpec;
    const jack = spec.nics.length;
    const routerNic: NicSpec = {
      jack,
      device: `eth${jack + 1}`,
      altnames: [],
      mac: nicMac(network + 1),
      mtu: 9001,
      address: network + 1,
      length: 30,
      broadcast: 0,
    };
    const hostRoute: StaticRouteSpec = {
      prefix: { address: host.address, length: 32 },
      via: network + 2,
      device: routerNic.device,
      protocol: 'static',
      metric: 0,
      source: 0,
      scope: 'global',
    };
    (this.#processes as ProcessSpec[])[routerId] = {
      ...router,
      spec: { ...spec, nics: [...spec.nics, routerNic], routes: [...spec.routes, hostRoute] },
    };
    const hostNic: NicSpec = {
      ...routerNic,
      jack: 0,
      device: 'eth0',
      mac: nicMac(network + 2),
      address: network + 2,
    };
    this.#process(host.name, 'router', {
      ...plainHost([hostNic]),
      routes: defaultRoute(network + 1, 'eth0'),
      loopbacks: [{ address: host.address, length: 32 }],
    });
    const id = this.#ids.get(host.name)!;
    this.#link(routerId, jack, id, 0, 10e9, MILLISECOND, DEFAULT_QUEUE_OCTETS);
  }

  #addSwitch(subnet: Scenario.Subnet): void {
    const spec: SwitchSpec = { ports: this.#ports.get(subnet.name) ?? [] };
    this.#process(switchName(subnet.name), 'switch', spec);
  }

  #addApi(nodes: readonly string[]): void {
    const spec: ApiServerSpec = {
      nodes,
      resources: this.#resources,
      startMs: this.#scenario.startMs,
      calicoVersion: this.#scenario.calicoVersion,
      watchDelay: WATCH_DELAY,
    };
    this.#process('api', 'api', spec);
    const api = this.#ids.get('api')!;
    nodes.forEach((name, jack) => {
      const node = this.#ids.get(name)!;
      this.#link(node, 1, api, jack, MANAGEMENT_RATE_BPS, MANAGEMENT_DELAY, MANAGEMENT_QUEUE_OCTETS);
    });
  }

  #process(name: string, kind: string, spec: unknown): void {
    const workPerLink = HUBS.has(kind) ? HUB_WORK : 1;
    this.#processes.push({ id: this.#ids.get(name)!, name, kind, workPerLink, spec });
  }

  /** A cable from jack `jack` of `owner` to the next free jack of the subnet's switch. */
  #plug(
    owner: string,
    jack: number,
    device: string,
    subnet: Scenario.Subnet,
    address: Ipv4Address,
    mtu: number,
    altnames: readonly string[],
  ): NicSpec {
    const process = this.#ids.get(owner)!;
    const peer = this.#ids.get(switchName(subnet.name))!;
    const ports = this.#ports.get(subnet.name) ?? [];
    this.#ports.set(subnet.name, ports);
    const override = this.#scenario.fabric.links.find(
      l => l.owner === owner && (l.device === device || altnames.includes(l.device)),
    );
    const { corrupt = 0, tos } = override ?? {};
    const damage = corrupt > 0 || tos !== undefined ? { damage: { corrupt, tos } } : {};
    const peerJack = ports.push({ nic: `${owner}/${device}`, ...damage }) - 1;
    this.#link(
      process,
      jack,
      peer,
      peerJack,
      override?.rateBps ?? subnet.rateBps,
      override?.delayNs ?? subnet.delayNs,
      override?.queueBytes ?? subnet.queueBytes ?? DEFAULT_QUEUE_OCTETS,
      override?.loss ?? 0,
    );
    const attachment: NicAttachment = { process, jack, peer, peerJack };
    for (const name of [device, ...altnames]) this.#nics.set(`${owner}/${name}`, attachment);
    const { length } = subnet.cidr;
    return { jack, device, altnames, mac: nicMac(address), mtu, address, length, broadcast: 0 };
  }

  #link(
    a: number,
    jackA: number,
    b: number,
    jackB: number,
    rateBps: number,
    delay: VirtualTime,
    queueOctets: number,
    loss = 0,
  ): void {
    const common = { rateBps, delay, queueOctets, loss };
    const from = { process: a, jack: jackA };
    const to = { process: b, jack: jackB };
    this.#links.push({ id: this.#links.length, from, to, ...common });
    this.#links.push({ id: this.#links.length, from: to, to: from, ...common });
  }

  /** The cloud's checks at the port of a node's NIC, unless they are switched off for it. */
  #guard(node: Scenario.Node, nic: NicSpec): void {
    const { cloud } = this.#scenario.fabric;
    if (cloud === 'none' && node.blocks.length === 0) return;
    const ports = this.#ports.get(node.subnet)!;
    const ofCloud = portRules(cloud, [nic.address], nic.mac);
    const rules = {
      ...ofCloud,
      sourceDestinationCheck: node.sourceDestCheck,
      blocked: [...ofCloud.blocked, ...node.blocks],
    };
    ports[ports.length - 1] = { ...ports.at(-1)!, rules };
  }

  #subnet(name: string): Scenario.Subnet {
    return this.#scenario.fabric.subnets.find(s => s.name === name)!;
  }
}

const switchName = (subnet: string): string => `subnet-${subnet}`;

const plainHost = (nics: readonly NicSpec[]): RouterSpec => ({
  nics,
  routes: [],
  sysctls: {},
  forwards: false,
  answersPing: true,
  silent: false,
  loopbacks: [],
  bgp: undefined,
});

function defaultRoute(via: Ipv4Address | undefined, device: string): StaticRouteSpec[] {
  return via === undefined ? [] : [staticRoute(ANYWHERE, via, device)];
}

const ANYWHERE: Prefix.Prefix = { address: 0, length: 0 };

const staticRoute = (prefix: Prefix.Prefix, via: Ipv4Address, device: string): StaticRouteSpec => ({
  prefix,
  via,
  device,
  protocol: 'static',
  metric: 0,
  source: 0,
  scope: 'global',
});

/** What Ubuntu's systemd-networkd installs from AWS's DHCP answer (facts: the reference lab's own tables). */
function dhcpRoutes(node: Scenario.Node, subnet: Scenario.Subnet): StaticRouteSpec[] {
  const gateway = node.defaultRoute;
  if (gateway === undefined) return [];
  const common = { device: node.interface, protocol: 'dhcp', metric: 100, source: node.address } as const;
  // The resolver of a VPC is the second address of its own range; the lab's is 192.168.0.0/16.
  const resolver = ((subnet.cidr.address & 0xffff_0000) >>> 0) + 2;
  return [
    { prefix: { address: 0, length: 0 }, via: gateway, scope: 'global', ...common },
    { prefix: { address: resolver, length: 32 }, via: gateway, scope: 'global', ...common },
    { prefix: { address: gateway, length: 32 }, via: 0, scope: 'link', ...common },
  ];
}
