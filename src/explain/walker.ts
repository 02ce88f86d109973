/** The stops of one direction: at each place the route that decided about the packet as it was there, and what is behind. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { Party } from '../controller/probes.ts';
import type { FdbView, NeighbourView, RouteExplanationView, RouteView } from '../node/command.ts';
import { whyNoRoute } from './missing-route.ts';
import { originOf, sessionOf } from './origin.ts';
import { poolCause } from './pool-cause.ts';
import { translationNotes } from './translation.ts';
import type { Cause, Stop } from './types.ts';
import { destinationOf, isTunnel, placeName, type Visit } from './visits.ts';

/** On one line, several next hops too. */
export const routeLine = ({ text }: RouteView): string => text.trim().replace(/\s+/g, ' ');

export class Walker {
  readonly #cluster: Cluster;
  readonly #pools: readonly IPPool[];

  constructor(cluster: Cluster, pools: readonly IPPool[]) {
    this.#cluster = cluster;
    this.#pools = pools;
  }

  /** `arrived`: the last stop is where it was going. */
  async walk(visits: readonly Visit[], to: Party, arrived: boolean): Promise<Stop[]> {
    const stops: Stop[] = [];
    /** Where the packet was last seen to go; the far end of the tunnel that it is in. */
    let [carried, outer]: [number, number | undefined] = [to.address, undefined];
    for (const [index, visit] of visits.entries()) {
      const { machine, namespace, hops } = visit;
      if (hops.some(hop => hop.direction === 'receive' && isTunnel(hop.device))) outer = undefined;
      const destination = destinationOf(visit) || (outer ?? carried);
      const explained = await this.#explained(machine, namespace, destination);
      const encapsulated = outer !== undefined;
      const out = hops.filter(hop => hop.direction === 'transmit');
      const entry = out.findIndex(hop => isTunnel(hop.device));
      if (entry >= 0)
        outer =
          out[entry + 1]?.destination ??
          (await this.#farEnd(machine, out[entry]!.device, explained.winner)) ??
          outer;
      carried = outer ?? destination;
      const cause =
        encapsulated || namespace !== ''
          ? undefined
          : poolCause(this.#cluster, this.#pools, machine, destination, explained.winner);
      stops.push({
        name: placeName(machine, namespace),
        machine,
        namespace,
        destination: Ipv4.format(destination),
        encapsulated,
        delivered: arrived && index === visits.length - 1,
        out: out.map(hop => hop.device),
        route: explained.winner && routeLine(explained.winner),
        device: explained.winner?.nextHops[0]?.device,
        beaten: explained.beaten.map(b => ({ route: routeLine(b.route), because: b.because })),
        origin: await originOf(this.#cluster, machine, namespace, explained),
        session: await sessionOf(this.#cluster, explained),
        cause,
        tunnel: entry < 0 || outer === undefined ? undefined : await this.#outerWay(machine, outer),
        notes: [
          ...(await this.#notes(machine, namespace, destination, explained.winner)),
          ...(await this.#subnetNote(machine, cause, outer)),
          ...(this.#cluster.machine(machine) === 'node' && namespace === ''
            ? translationNotes(visit, this.#pools, this.#cluster.scenario.hooks)
            : []),
        ],
      });
    }
    return stops;
  }

  #explained(machine: string, namespace: string, destination: number): Promise<RouteExplanationView> {
    const command = { do: 'route-explain', namespace, destination } as const;
    return this.#cluster.controller.ask<RouteExplanationView>(machine, command);
  }

  /** The other end of a tunnel that nothing was seen to leave through. */
  async #farEnd(machine: string, device: string, route: RouteView | undefined): Promise<number | undefined> {
    const via = route?.nextHops.find(hop => hop.device === device)?.via;
    if (via === undefined || device === 'tunl0') return via;
    const { controller } = this.#cluster;
    const neighbours = await controller.ask<NeighbourView[]>(machine, { do: 'neighbours', namespace: '' });
    const mac = neighbours.find(n => n.device === device && n.address === via)?.mac;
    const fdb = await controller.ask<FdbView[]>(machine, { do: 'fdb', namespace: '' });
    return fdb.find(entry => entry.device === device && entry.mac === mac)?.destination;
  }

  async #outerWay(machine: string, outer: number): Promise<string> {
    const { winner } = await this.#explained(machine, '', outer);
    return `outer packet to ${Ipv4.format(outer)}: ${winner === undefined ? 'no route' : routeLine(winner)}`;
  }

  /** CrossSubnet compares the other node's address with the subnet that the node's own resource says it has. */
  async #subnetNote(machine: string, cause: Cause | undefined, outer: number | undefined): Promise<string[]> {
    if (cause?.value !== 'CrossSubnet' || outer === undefined) return [];
    const own = (await this.#cluster.find('Node', machine))?.spec.bgp?.ipv4Address;
    if (own === undefined) return [];
    return [`${Ipv4.format(outer)} is outside of ${own} (Node ${machine}, spec.bgp.ipv4Address)`];
  }

  async #notes(
    machine: string,
    namespace: string,
    destination: number,
    winner: RouteView | undefined,
  ): Promise<string[]> {
    if (namespace !== '') return this.#podNotes(machine, winner);
    if (winner?.type === 'blackhole') return this.#blackholeNotes(machine, destination, winner);
    const missing = await whyNoRoute(this.#cluster, machine, destination, winner?.prefix);
    if (winner !== undefined) return missing;
    const routes = await this.#cluster.routes({ machine, namespace });
    const known = routes.map(r => (r.prefix.length === 0 ? 'default' : Prefix.format(r.prefix)));
    return [known.length === 0 ? 'knows no route' : `knows ${listed(known)}`, ...missing];
  }

  async #podNotes(machine: string, winner: RouteView | undefined): Promise<string[]> {
    if (winner?.nextHops.some(hop => hop.via === LINK_LOCAL_GATEWAY) !== true) return [];
    const { winner: proxied } = await this.#explained(machine, '', LINK_LOCAL_GATEWAY);
    return [
      proxied === undefined
        ? `169.254.1.1: ${machine} does not answer ARP for it, as it has no route to it (PROXY_ARP_NO_ROUTE)`
        : `169.254.1.1: proxy ARP by ${machine}`,
    ];
  }

  async #blackholeNotes(machine: string, destination: number, { prefix }: RouteView): Promise<string[]> {
    const text = Ipv4.format(destination);
    const pods = await this.#cluster.list('Pod');
    const has = pods.some(({ status }) => status?.podIP === text);
    const whose = `${Prefix.format(prefix)} is the block of ${machine}`;
    return [has ? `${whose}; a pod has ${text}, but not here` : `${whose}, and no pod has ${text}`];
  }
}

/** The gateway of every pod (Calico's CNI plugin). */
const LINK_LOCAL_GATEWAY = 0xa9fe_0101;

const listed = (texts: readonly string[]): string =>
  texts.length <= 6 ? texts.join(', ') : `${texts.slice(0, 6).join(', ')} and ${texts.length - 6} more`;
