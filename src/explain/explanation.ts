/**
 * Why a packet gets where it gets, or does not: hop by hop along the *observed* trail of one probe. At each machine the
 * tables are asked for the route that decided, who put it there, and which resource field that goes back to. Nothing
 * but the run is read: no names, no annotations, no comments.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { Party, ProbeOptions, ProbeOutcome } from '../controller/probes.ts';
import type { TrailDrop, TrailHop } from '../controller/trails.ts';
import type { FdbView, NeighbourView, RouteExplanationView, RouteView } from '../node/command.ts';
import { type DropReason, dropReasons } from '../trace/drop-reason.ts';
import { answerToDeath } from './silence.ts';

/** A field of a resource that decided, and where it stands. */
export interface Cause {
  readonly what: string;
  readonly resource: string;
  readonly field: string;
  readonly value: string;
  /** `file:line:column`; undefined when the value did not come out of a file. */
  readonly place: string | undefined;
}

/** One machine, or pod, that the packet was seen in. */
export interface Stop {
  readonly name: string;
  readonly machine: string;
  readonly namespace: string;
  /** Of the packet as this stop saw it: in a tunnel that of the outer header. */
  readonly destination: string;
  /** The packet was in a tunnel. */
  readonly encapsulated: boolean;
  readonly delivered: boolean;
  readonly out: readonly string[];
  readonly route: string | undefined;
  /** Where the route leads out. */
  readonly device: string | undefined;
  readonly beaten: readonly { readonly route: string; readonly because: string }[];
  /** Who put the route there. */
  readonly origin: string | undefined;
  readonly cause: Cause | undefined;
  /** Where the outer packet goes, when one is made here. */
  readonly tunnel: string | undefined;
  readonly notes: readonly string[];
}

export interface Death {
  readonly reason: DropReason;
  readonly sentence: string;
  /** The machine, or the port (`k8s-w1/ens5`) of a switch. */
  readonly at: string;
  readonly machine: string;
  readonly device: string;
  /** The device that it was too large for. */
  readonly limit: { readonly device: string; readonly mtu: number } | undefined;
  /** Was it the question or the answer that died? */
  readonly leg: 'there' | 'back';
}

export interface Explanation {
  readonly from: { readonly name: string; readonly address: string };
  readonly to: { readonly name: string; readonly address: string };
  readonly proto: string;
  readonly answered: boolean;
  readonly way: string | undefined;
  readonly rttNs: number;
  readonly death: Death | undefined;
  /** What the sender's own stack said. */
  readonly error: string | undefined;
  readonly there: readonly Stop[];
  /** Only when the answer died. */
  readonly back: readonly Stop[];
  /** What the sender hears of the death, or why nothing. */
  readonly heard: string | undefined;
}

export async function explain(
  cluster: Cluster,
  outcome: ProbeOutcome,
  what: ProbeOptions,
): Promise<Explanation> {
  const { from, to, result, died, trail } = outcome;
  const { proto = 'icmp', size = 56 } = what;
  const hops = died === undefined ? trail.hops : trail.hops.filter(hop => hop.time <= died.time);
  const arrival = hops.findIndex(
    hop => hop.direction === 'receive' && hop.machine === to.machine && hop.namespace === to.namespace,
  );
  const leg = arrival < 0 ? 'there' : 'back';
  const walker = new Walker(cluster, await cluster.list('IPPool'));
  const there = await walker.walk(
    arrival < 0 ? withDeath(visitsOf(hops), died) : visitsOf(hops.slice(0, arrival + 1)),
    to,
    leg === 'back',
  );
  const back =
    died === undefined || arrival < 0
      ? undefined
      : await walker.walk(withDeath(visitsOf(hops.slice(arrival + 1)), died), from, false);
  const death: Death | undefined = died && {
    reason: died.reason,
    sentence: dropReasons[died.reason].sentence,
    at: died.device.includes('/') ? died.device : placeName(died.machine, died.namespace),
    limit:
      died.reason === 'MTU_EXCEEDED_DF' ? await limitAt(cluster, (back ?? there).at(-1), size) : undefined,
    machine: died.machine,
    device: died.device,
    leg,
  };
  const address = Ipv4.format;
  return {
    from: { name: from.name, address: address(from.address) },
    to: { name: to.name, address: address(to.address) },
    proto,
    answered: result.answered,
    way: outcome.way,
    rttNs: result.rtt,
    death,
    error: typeof result.error === 'string' ? result.error : undefined,
    there,
    back: back ?? [],
    heard: death === undefined ? undefined : await answerToDeath(cluster, outcome, death, there),
  };
}

class Walker {
  readonly #cluster: Cluster;
  readonly #pools: readonly IPPool[];

  constructor(cluster: Cluster, pools: readonly IPPool[]) {
    this.#cluster = cluster;
    this.#pools = pools;
  }

  /** The stops of one direction; `arrived`: the last one is the destination. */
  async walk(visits: readonly Visit[], to: Party, arrived: boolean): Promise<Stop[]> {
    const stops: Stop[] = [];
    /** The tunnel that the packet is in: the outer destination. */
    let outer: number | undefined;
    for (const [index, { machine, namespace, hops }] of visits.entries()) {
      const out = hops.filter(hop => hop.direction === 'transmit').map(hop => hop.device);
      if (hops.some(hop => hop.direction === 'receive' && isTunnel(hop.device))) outer = undefined;
      const destination = outer ?? to.address;
      const explained = await this.#cluster.controller.ask<RouteExplanationView>(machine, {
        do: 'route-explain',
        namespace,
        destination,
      });
      const tunnelled = out.find(isTunnel);
      const encapsulated = outer !== undefined;
      if (tunnelled !== undefined) outer = await this.#outer(machine, tunnelled, explained.winner);
      stops.push({
        name: placeName(machine, namespace),
        machine,
        namespace,
        destination: Ipv4.format(destination),
        encapsulated,
        delivered: arrived && index === visits.length - 1,
        out,
        route: explained.winner?.text.trim(),
        device: explained.winner?.nextHops[0]?.device,
        beaten: explained.beaten.map(b => ({ route: b.route.text.trim(), because: b.because })),
        origin: await this.#origin(machine, namespace, explained),
        cause: encapsulated ? undefined : this.#cause(machine, namespace, destination, explained.winner),
        tunnel:
          tunnelled === undefined || outer === undefined ? undefined : await this.#outerWay(machine, outer),
        notes: await this.#notes(machine, namespace, explained.winner),
      });
    }
    return stops;
  }

  /** The other end of the tunnel. */
  async #outer(machine: string, device: string, route: RouteView | undefined): Promise<number | undefined> {
    const via = route?.nextHops.find(hop => hop.device === device)?.via;
    if (via === undefined || device === 'tunl0') return via;
    const { controller } = this.#cluster;
    const neighbours = await controller.ask<NeighbourView[]>(machine, { do: 'neighbours', namespace: '' });
    const mac = neighbours.find(n => n.device === device && n.address === via)?.mac;
    const fdb = await controller.ask<FdbView[]>(machine, { do: 'fdb', namespace: '' });
    return fdb.find(entry => entry.device === device && entry.mac === mac)?.destination;
  }

  async #outerWay(machine: string, outer: number): Promise<string> {
    const explained = await this.#cluster.controller.ask<RouteExplanationView>(machine, {
      do: 'route-explain',
      namespace: '',
      destination: outer,
    });
    return `outer packet to ${Ipv4.format(outer)}: ${explained.winner?.text.trim() ?? 'no route'}`;
  }

  async #origin(
    machine: string,
    namespace: string,
    explained: RouteExplanationView,
  ): Promise<string | undefined> {
    const { winner, daemonPath } = explained;
    if (winner === undefined) return undefined;
    if (daemonPath !== undefined) {
      const daemon = winner.protocol === 'bird' ? 'BIRD' : 'BGP';
      if (daemonPath.kind !== 'bgp') return `${daemon}: ${daemonPath.protocol}`;
      const { nextHop, gateway, protocol, because } = daemonPath;
      const won = because === 'only route' ? '' : ` (best by ${because})`;
      const from = `${daemon}, from ${protocol}${won}`;
      if (nextHop === undefined) return from;
      const hop = `next hop ${Ipv4.format(nextHop)}`;
      if (gateway === nextHop || winner.nextHops.some(h => h.via === nextHop)) return `${from}, ${hop}`;
      const through = await this.#cluster.controller.ask<RouteExplanationView>(machine, {
        do: 'route-explain',
        namespace: '',
        destination: nextHop,
      });
      return `${from}; ${hop} is not on-link → found through ${through.winner?.text.trim() ?? 'no route'}`;
    }
    switch (winner.protocol) {
      case 'kernel':
        return 'the kernel: an address of that device';
      case 'boot':
        return namespace === '' ? 'Felix' : 'the CNI plugin';
      case '80':
        return 'Felix';
      case 'bird':
        return 'BIRD, which holds it no more';
      default:
        return `the machine's configuration (proto ${winner.protocol})`;
    }
  }

  /** The field of the pool that says tunnel or not; asked of nodes, about pods elsewhere. */
  #cause(
    machine: string,
    namespace: string,
    destination: number,
    winner: RouteView | undefined,
  ): Cause | undefined {
    if (namespace !== '' || this.#cluster.machine(machine) !== 'node') return undefined;
    const device = winner?.nextHops[0]?.device;
    if (device === undefined || device.startsWith('cali') || device === 'lo') return undefined;
    const pool = this.#pools.find(p => Prefix.contains(Prefix.from(p.spec.cidr), destination));
    if (pool === undefined) return undefined;
    const { ipipMode = 'Never', vxlanMode = 'Never' } = pool.spec;
    if (device === 'tunl0') return this.#field(pool, 'ipipMode', ipipMode, 'tunl0 used');
    if (device === 'vxlan.calico') return this.#field(pool, 'vxlanMode', vxlanMode, 'vxlan.calico used');
    const same = ' within a subnet';
    if (vxlanMode !== 'Never')
      return this.#field(pool, 'vxlanMode', vxlanMode, `vxlan.calico not used${same}`);
    const why = ipipMode === 'Never' ? '' : same;
    return this.#field(pool, 'ipipMode', ipipMode, `tunl0 not used${why}`);
  }

  #field(pool: IPPool, field: 'ipipMode' | 'vxlanMode', value: string, what: string): Cause {
    const { name } = pool.metadata;
    const loaded = this.#cluster.scenario.resources.find(r => r.kind === 'IPPool' && r.name === name);
    const spec = loaded?.object['spec'] as Readonly<Record<string, unknown>> | undefined;
    const at = loaded?.fields[`spec.${field}`];
    const place =
      loaded !== undefined && at !== undefined && spec?.[field] === value
        ? `${loaded.file}:${at.line}:${at.column}`
        : undefined;
    return { what, resource: `IPPool ${name}`, field: `spec.${field}`, value, place };
  }

  async #notes(machine: string, namespace: string, winner: RouteView | undefined): Promise<string[]> {
    if (winner === undefined) {
      const routes = await this.#cluster.routes({ machine, namespace });
      const known = routes.map(r => (r.prefix.length === 0 ? 'default' : Prefix.format(r.prefix)));
      return known.length === 0 ? ['knows no route'] : [`knows ${listed(known)}`];
    }
    return namespace !== '' && winner.nextHops.some(hop => hop.via === LINK_LOCAL_GATEWAY)
      ? [`169.254.1.1: proxy ARP by ${machine}`]
      : [];
  }
}

/** The gateway of every pod (Calico's CNI plugin). */
const LINK_LOCAL_GATEWAY = 0xa9fe_0101;

const listed = (texts: readonly string[]): string =>
  texts.length <= 6 ? texts.join(', ') : `${texts.slice(0, 6).join(', ')} and ${texts.length - 6} more`;

const isTunnel = (device: string): boolean => device === 'tunl0' || device === 'vxlan.calico';

/** What happened at one machine and namespace before the packet was seen elsewhere. */
interface Visit {
  readonly machine: string;
  readonly namespace: string;
  readonly hops: readonly TrailHop[];
}

function visitsOf(hops: readonly TrailHop[]): Visit[] {
  const visits: { machine: string; namespace: string; hops: TrailHop[] }[] = [];
  for (const hop of hops) {
    const { machine, namespace } = hop;
    const last = visits.at(-1);
    if (last?.machine === machine && last.namespace === namespace) last.hops.push(hop);
    else visits.push({ machine, namespace, hops: [hop] });
  }
  return visits;
}

/** A packet can die before it has passed a device of the place where it dies; a switch is no place with tables. */
function withDeath(visits: Visit[], died: TrailDrop | undefined): Visit[] {
  if (died === undefined || died.device.includes('/')) return visits;
  const { machine, namespace } = died;
  const last = visits.at(-1);
  if (last?.machine === machine && last.namespace === namespace) return visits;
  return [...visits, { machine, namespace, hops: [] }];
}

/** IPv4 and ICMP or UDP header; with IPIP, the smallest tunnel, the outer header too. */
const HEADERS = 28;
const OUTER_HEADER = 20;

/** The device out of `stop`, when it is too small; undefined when the limit came from elsewhere (a learned path MTU). */
async function limitAt(cluster: Cluster, stop: Stop | undefined, size: number): Promise<Death['limit']> {
  if (stop?.device === undefined) return undefined;
  const device = (await cluster.devices(stop)).find(each => each.name === stop.device);
  const octets = size + HEADERS + (stop.encapsulated ? OUTER_HEADER : 0);
  return device === undefined || device.mtu >= octets ? undefined : { device: device.name, mtu: device.mtu };
}

/** As users call it: a pod by its own name, a machine by its. */
const placeName = (machine: string, namespace: string): string =>
  namespace === '' ? machine : namespace.replace(/^default\//, '');
