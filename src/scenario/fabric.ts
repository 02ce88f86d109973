/**
 * The fabric of a scenario, resolved: names become things that exist, host parts become addresses that fit, and what a
 * cloud brings with it (the VPC's router) is added.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { RouterBgpSpec } from '../node/spec.ts';
import { resolveDevice } from './device.ts';
import type { Path } from './document.ts';
import type { Faults } from './faults.ts';
import { didYouMean } from './nearest.ts';
import { parseHostPart } from './quantity.ts';
import type { RawFabric } from './schema.ts';
import type { Cloud, Fabric, Host, LinkOverride, Node, Router, Subnet } from './types.ts';

export const NODE_LIMIT = 5000;

/** The router that a cloud puts into each subnet, at its first address. Users cannot configure it. */
const CLOUD_ROUTER: Readonly<Partial<Record<Cloud, string>>> = { 'aws-vpc': 'vpc', 'azure-vnet': 'vnet' };

/** Names of logical processes that are not the user's to give. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['api']);

/**
 * Stands in for a subnet that is not there, so that one fault does not make every mention of its nodes another. A
 * scenario with it never leaves the loader.
 */
const NOWHERE: Subnet = {
  name: '',
  cidr: { address: 0, length: 0 },
  gateway: undefined,
  rateBps: 0,
  delayNs: 0,
  mtu: 0,
  queueBytes: undefined,
  position: { line: 1, column: 1 },
};

const ROOT = ['spec', 'fabric'] as const;

export function resolveFabric(raw: RawFabric, faults: Faults): Fabric {
  const resolver = new FabricResolver(raw, faults);
  resolver.checkNames();
  const subnets = resolver.subnets();
  const nodes = resolver.nodes();
  const hosts = resolver.hosts();
  const routers = resolver.routers(nodes, hosts);
  return { cloud: raw.cloud, subnets, routers, nodes, hosts, links: resolver.links(nodes, hosts) };
}

class FabricResolver {
  readonly #raw: RawFabric;
  readonly #faults: Faults;
  readonly #cloudRouter: string | undefined;
  readonly #subnets = new Map<string, Subnet>();
  readonly #interfaces = new Map<string, { subnet: string; address: Ipv4.Ipv4Address }[]>();
  /** Who has an address, by number. Addresses are unique in the whole fabric, because subnets do not overlap. */
  readonly #owners = new Map<Ipv4.Ipv4Address, { name: string; path: Path }>();

  constructor(raw: RawFabric, faults: Faults) {
    this.#raw = raw;
    this.#faults = faults;
    this.#cloudRouter = CLOUD_ROUTER[raw.cloud];
    for (const name of this.#routerNames()) this.#interfaces.set(name, []);
  }

  #routerNames(): string[] {
    const names = Object.keys(this.#raw.routers);
    const implied = this.#cloudRouter;
    return implied === undefined || names.includes(implied) ? names : [...names, implied];
  }

  checkNames(): void {
    const { routers, nodes, hosts, subnets } = this.#raw;
    const count = Object.keys(nodes).length;
    if (count > NODE_LIMIT) {
      this.#faults.atKey(
        [...ROOT, 'nodes'],
        'SCENARIO_TOO_MANY',
        `${count} nodes; at most ${NODE_LIMIT} are run`,
      );
    }
    if (count === 0) this.#faults.atKey([...ROOT, 'nodes'], 'SCENARIO_WRONG_VALUE', 'there are no nodes');
    const taken = new Map<string, string>();
    if (this.#cloudRouter !== undefined) taken.set(this.#cloudRouter, `the router of ${this.#raw.cloud}`);
    for (const name of Object.keys(subnets)) taken.set(`subnet-${name}`, `the switch of subnet ${name}`);
    for (const [folder, map] of Object.entries({ routers, nodes, hosts })) {
      for (const name of Object.keys(map)) {
        const owner = RESERVED_NAMES.has(name) ? 'the API server' : taken.get(name);
        const cloudRouter = folder === 'routers' && name === this.#cloudRouter;
        if (owner !== undefined && !cloudRouter) {
          const message = `the name "${name}" is that of ${owner}`;
          this.#faults.atKey([...ROOT, folder, name], 'SCENARIO_DUPLICATE_NAME', message);
        }
        taken.set(name, `a ${folder.slice(0, -1)}`);
      }
    }
  }

  subnets(): Subnet[] {
    for (const [name, raw] of Object.entries(this.#raw.subnets)) {
      const path = [...ROOT, 'subnets', name];
      const { cidr } = raw;
      if (cidr.length < 8 || cidr.length > 30) {
        this.#faults.at(
          [...path, 'cidr'],
          'SCENARIO_ADDRESS',
          `expected a prefix of /8 to /30, got /${cidr.length}`,
        );
      }
      for (const other of this.#subnets.values()) {
        if (!Prefix.overlap(cidr, other.cidr)) continue;
        const message = `${Prefix.format(cidr)} overlaps ${Prefix.format(other.cidr)} of subnet ${other.name}`;
        this.#faults.at([...path, 'cidr'], 'SCENARIO_OVERLAP', message);
      }
      this.#subnets.set(name, {
        name,
        cidr,
        gateway: this.#gateway(raw.gateway, cidr, name),
        rateBps: raw.rate,
        delayNs: raw.delay,
        mtu: raw.mtu,
        queueBytes: raw.queue,
        position: this.#faults.position(path),
      });
      for (const [router, host] of Object.entries(raw.routers ?? {})) {
        const at = [...path, 'routers', router];
        const address = this.#claim(host, cidr, name, router, at);
        this.#join(router, name, address, at);
      }
    }
    return [...this.#subnets.values()];
  }

  #gateway(
    raw: { name: string; host: string } | undefined,
    cidr: Prefix.Prefix,
    subnet: string,
  ): Subnet['gateway'] {
    const base = [...ROOT, 'subnets', subnet];
    if (raw === undefined) {
      const router = this.#cloudRouter;
      if (router === undefined) return undefined;
      const address = cidr.address + 1;
      this.#owners.set(address, { name: router, path: base });
      this.#interfaces.get(router)?.push({ subnet, address });
      return { router, address };
    }
    const path = [...base, 'gateway'];
    const address = this.#claim(raw.host, cidr, subnet, raw.name, path);
    this.#join(raw.name, subnet, address, path);
    return { router: raw.name, address };
  }

  #join(router: string, subnet: string, address: Ipv4.Ipv4Address, path: Path): void {
    const interfaces = this.#interfaces.get(router);
    if (interfaces !== undefined) interfaces.push({ subnet, address });
    else {
      const message = `unknown router "${router}"${didYouMean(router, this.#interfaces.keys())}`;
      this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', message);
    }
  }

  /** Turn a host part into an address that is free and lies in the subnet; says so when it does not. */
  #claim(host: string, cidr: Prefix.Prefix, subnet: string, owner: string, path: Path): Ipv4.Ipv4Address {
    if (subnet === NOWHERE.name) return 0;
    const address = parseHostPart(host, cidr);
    if (address === undefined) {
      this.#faults.at(path, 'SCENARIO_ADDRESS', `"${host}" is not an address`);
      return 0;
    }
    const shown = Ipv4.format(address);
    const inside = `${Prefix.format(cidr)} (subnet ${subnet})`;
    const last = cidr.address + Prefix.size(cidr.length) - 1;
    const taken = this.#owners.get(address);
    if (!Prefix.contains(cidr, address))
      this.#faults.at(path, 'SCENARIO_ADDRESS', `${shown} is not in ${inside}`);
    else if (address === cidr.address || address === last) {
      const which = address === last ? 'broadcast' : 'network';
      this.#faults.at(path, 'SCENARIO_ADDRESS', `${shown} is the ${which} address of ${inside}`);
    } else if (taken !== undefined) {
      const { line } = this.#faults.position(taken.path);
      const message = `${shown} is already the address of ${taken.name} (line ${line})`;
      this.#faults.at(path, 'SCENARIO_DUPLICATE_ADDRESS', message);
    } else this.#owners.set(address, { name: owner, path });
    return address;
  }

  #subnet(name: string, path: Path): Subnet {
    const subnet = this.#subnets.get(name);
    if (subnet !== undefined) return subnet;
    const message = `unknown subnet "${name}"${didYouMean(name, this.#subnets.keys())}`;
    this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', message);
    return NOWHERE;
  }

  nodes(): Node[] {
    const nodes: Node[] = [];
    for (const [name, raw] of Object.entries(this.#raw.nodes)) {
      const path = [...ROOT, 'nodes', name];
      const short = 'host' in raw;
      const subnet = this.#subnet(short ? raw.name : raw.subnet, short ? path : [...path, 'subnet']);
      const at = short ? path : [...path, 'address'];
      const address = this.#claim(short ? raw.host : raw.address, subnet.cidr, subnet.name, name, at);
      const long = short ? undefined : raw;
      const nic = long?.interface ?? 'eth0';
      const { length } = subnet.cidr;
      nodes.push({
        name,
        subnet: subnet.name,
        address,
        prefixLength: length,
        labels: long?.labels ?? {},
        interface: nic,
        altname: nic === 'ens5' ? 'enp0s5' : undefined,
        mtu: long?.mtu ?? subnet.mtu,
        defaultRoute: this.#nodeDefault(long?.defaultRoute, subnet, [...path, 'defaultRoute']),
        asNumber: long?.asNumber,
        sourceDestCheck: this.#sourceDestCheck(long?.sourceDestCheck, path),
        blocks: [...this.#raw.blocks, ...(long?.blocks ?? [])],
        bgpAddress: long?.bgpAddress ?? { address, length },
        position: this.#faults.position(path),
      });
    }
    return nodes;
  }

  #nodeDefault(raw: string | undefined, subnet: Subnet, path: Path): Ipv4.Ipv4Address | undefined {
    if (raw === undefined) return subnet.gateway?.address;
    if (raw === 'none') return undefined;
    const address = parseHostPart(raw, subnet.cidr);
    if (address !== undefined && Prefix.contains(subnet.cidr, address)) return address;
    const message = `${raw} is not in ${Prefix.format(subnet.cidr)} (subnet ${subnet.name})`;
    this.#faults.at(path, 'SCENARIO_ADDRESS', message);
    return undefined;
  }

  /** The check is AWS's: elsewhere the key would be silently without effect, so it is refused. */
  #sourceDestCheck(own: boolean | undefined, node: Path): boolean {
    const aws = this.#raw.cloud === 'aws-vpc';
    if (own !== undefined && !aws) {
      this.#faults.atKey(
        [...node, 'sourceDestCheck'],
        'SCENARIO_WRONG_VALUE',
        'only cloud aws-vpc has this check',
      );
    }
    return aws && (own ?? this.#raw.sourceDestCheck ?? true);
  }

  hosts(): Host[] {
    const hosts: Host[] = [];
    for (const [name, raw] of Object.entries(this.#raw.hosts)) {
      const path = [...ROOT, 'hosts', name];
      const position = this.#faults.position(path);
      if ('behind' in raw) {
        if (!this.#interfaces.has(raw.behind)) {
          const message = `unknown router "${raw.behind}"${didYouMean(raw.behind, this.#interfaces.keys())}`;
          this.#faults.at([...path, 'behind'], 'SCENARIO_UNKNOWN_NAME', message);
        }
        for (const { name: subnet, cidr } of this.#subnets.values()) {
          if (!Prefix.contains(cidr, raw.address)) continue;
          const message = `${Ipv4.format(raw.address)} lies in subnet ${subnet}: write "${subnet} ${Ipv4.format(raw.address)}"`;
          this.#faults.at([...path, 'address'], 'SCENARIO_ADDRESS', message);
        }
        const taken = this.#owners.get(raw.address);
        if (taken !== undefined) {
          const message = `${Ipv4.format(raw.address)} is already the address of ${taken.name}`;
          this.#faults.at([...path, 'address'], 'SCENARIO_DUPLICATE_ADDRESS', message);
        }
        this.#owners.set(raw.address, { name, path });
        hosts.push({
          name,
          address: raw.address,
          attachment: { kind: 'router', router: raw.behind },
          position,
        });
        continue;
      }
      const subnet = this.#subnet(raw.name, path);
      const address = this.#claim(raw.host, subnet.cidr, subnet.name, name, path);
      const defaultRoute = subnet.gateway?.address;
      hosts.push({
        name,
        address,
        attachment: { kind: 'subnet', subnet: subnet.name, defaultRoute },
        position,
      });
    }
    return hosts;
  }

  routers(nodes: readonly Node[], hosts: readonly Host[]): Router[] {
    return this.#routerNames()
      .filter(name => this.#isUsed(name, hosts))
      .map(name => {
        const raw = this.#raw.routers[name];
        const path = [...ROOT, 'routers', name];
        const interfaces = this.#interfaces.get(name)!;
        const clouds = name === this.#cloudRouter;
        if (raw !== undefined && interfaces.length === 0) {
          this.#faults.atKey(path, 'SCENARIO_WRONG_VALUE', 'no subnet has this router');
        }
        if (clouds && raw?.bgp !== undefined) {
          const message = `the router of ${this.#raw.cloud} does not speak BGP`;
          this.#faults.atKey([...path, 'bgp'], 'SCENARIO_NOT_EMULATED', message);
        }
        return {
          name,
          implied: raw === undefined,
          interfaces,
          defaultRoute: this.#routerDefault(raw?.default ?? 'none', interfaces, [...path, 'default']),
          routes: this.#routerRoutes(raw?.routes ?? [], interfaces, [...path, 'routes']),
          bgp: raw?.bgp === undefined ? undefined : this.#bgp(raw.bgp, nodes, [...path, 'bgp']),
          loopbacks: raw?.loopbacks ?? [],
          answersPing: raw?.answersPing ?? !clouds,
          silent: raw?.silent ?? clouds,
          position: this.#faults.position(path),
        };
      });
  }

  /** A cloud's router that no subnet and no host uses is left out; one that was written down is not. */
  #isUsed(name: string, hosts: readonly Host[]): boolean {
    const behind = hosts.some(({ attachment }) => attachment.kind === 'router' && attachment.router === name);
    return behind || name in this.#raw.routers || this.#interfaces.get(name)!.length > 0;
  }

  #routerDefault(raw: string, interfaces: Router['interfaces'], path: Path): Ipv4.Ipv4Address | undefined {
    if (raw === 'none') return undefined;
    const address = Ipv4.parse(raw);
    if (address === undefined || !this.#isOnLink(address, interfaces)) {
      this.#faults.at(
        path,
        'SCENARIO_ADDRESS',
        `expected none or an address in a subnet of the router, got "${raw}"`,
      );
    }
    return address;
  }

  #isOnLink(address: Ipv4.Ipv4Address, interfaces: Router['interfaces']): boolean {
    return interfaces.some(({ subnet }) => {
      const cidr = this.#subnets.get(subnet)?.cidr;
      return cidr !== undefined && Prefix.contains(cidr, address);
    });
  }

  #routerRoutes(
    raw: RawFabric['routers'][string]['routes'],
    interfaces: Router['interfaces'],
    path: Path,
  ): Router['routes'] {
    return raw.map(({ to, via }, i) => {
      if (!this.#isOnLink(via, interfaces)) {
        const message = `${Ipv4.format(via)} is in no subnet of the router`;
        this.#faults.at([...path, i, 'via'], 'SCENARIO_ADDRESS', message);
      }
      return { prefix: to, via };
    });
  }

  #bgp(
    raw: NonNullable<RawFabric['routers'][string]['bgp']>,
    nodes: readonly Node[],
    path: Path,
  ): RouterBgpSpec {
    const range = raw.listenRange;
    const neighbors = raw.neighbors.map((each, i) => {
      const short = typeof each === 'string';
      const at = short ? [...path, 'neighbors', i] : [...path, 'neighbors', i, 'peer'];
      const as = (short ? undefined : each.as) ?? raw.as;
      return { address: this.#peer(short ? each : each.peer, nodes, at), as };
    });
    return {
      as: raw.as,
      routerId: raw.routerId,
      networks: raw.networks,
      neighbors,
      listenRange:
        range === undefined
          ? undefined
          : 'prefix' in range
            ? { prefix: range.prefix, as: range.as ?? raw.as }
            : { prefix: range, as: raw.as },
      routeReflectorClient: raw.routeReflectorClient,
      clusterId: raw.clusterId,
      nextHopSelf: raw.nextHopSelf,
      maximumPaths: raw.maximumPaths,
      gracefulRestart: raw.gracefulRestart,
    };
  }

  #peer(written: string, nodes: readonly Node[], path: Path): Ipv4.Ipv4Address {
    const address =
      Ipv4.parse(written) ??
      nodes.find(node => node.name === written)?.address ??
      this.#interfaces.get(written)?.[0]?.address;
    if (address !== undefined) return address;
    const names = [...nodes.map(node => node.name), ...this.#interfaces.keys()];
    const message = `unknown node or router "${written}"${didYouMean(written, names)}`;
    this.#faults.at(path, 'SCENARIO_UNKNOWN_NAME', message);
    return 0;
  }

  links(nodes: readonly Node[], hosts: readonly Host[]): LinkOverride[] {
    const routers = [...this.#interfaces.keys()].map(name => ({ name }));
    return Object.entries(this.#raw.links).map(([key, raw]) => {
      const path = [...ROOT, 'links', key];
      const slash = key.indexOf('/');
      if (slash < 1) {
        const message = `expected a node and its device such as "k8s-w1/eth0", got "${key}"`;
        this.#faults.atKey(path, 'SCENARIO_WRONG_VALUE', message);
      }
      const jack = { owner: key.slice(0, slash), device: key.slice(slash + 1) };
      const report = (message: string): void => {
        if (slash > 0) this.#faults.atKey(path, 'SCENARIO_UNKNOWN_NAME', message);
      };
      const { owner, device } = resolveDevice(jack, { nodes, routers, hosts }, report);
      const { rate, delay, queue, loss, corrupt, tos } = raw;
      const position = this.#faults.position(path);
      return {
        owner,
        device,
        rateBps: rate,
        delayNs: delay,
        queueBytes: queue,
        loss,
        corrupt,
        tos,
        position,
      };
    });
  }
}
