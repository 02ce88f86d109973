/**
 * Loops in the tables of all machines together: from every machine, for every destination that some table or pool knows,
 * the kernel's own choice of route is followed, each of several next hops, into tunnels and out of them. What comes back
 * to where it was goes round for ever (or until its TTL ends).
 *
 * The walk asks the tables, not packets: a loop is found before anybody falls into it.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { FdbView, NeighbourView, RouteExplanationView, RouteView } from '../node/command.ts';

export interface Loop {
  readonly destination: Ipv4.Ipv4Address;
  /** The machines of the ring; the first again at the end. */
  readonly ring: readonly string[];
}

/** One for each destination and ring. */
export async function forwardingLoops(cluster: Cluster): Promise<Loop[]> {
  const walker = await Walker.of(cluster);
  const loops: Loop[] = [];
  for (const destination of await destinations(cluster)) loops.push(...(await walker.loops(destination)));
  return loops;
}

/** All addresses in use, and one of every prefix that a table or a pool has. */
async function destinations(cluster: Cluster): Promise<number[]> {
  const all = new Set<number>();
  const { nodes, routers, hosts } = cluster.scenario.fabric;
  for (const { address } of [...nodes, ...hosts]) all.add(address);
  for (const { interfaces } of routers) for (const { address } of interfaces) all.add(address);
  for (const { status } of await cluster.list('Pod'))
    if (status?.podIP !== undefined) all.add(Ipv4.from(status.podIP));
  for (const machine of cluster.controller.machines) {
    for (const { prefix } of await cluster.routes({ machine, namespace: '' }))
      if (prefix.length > 0) all.add(prefix.address);
  }
  // The last address of a pool is the last to be given away: what no block covers shows there.
  for (const { spec } of await cluster.list('IPPool')) {
    const { address, length } = Prefix.from(spec.cidr);
    all.add(address + Prefix.size(length) - 1);
  }
  return [...all].sort((a, b) => a - b);
}

/** A packet on a machine; in a tunnel it has the address of the tunnel's far end. */
interface Place {
  readonly machine: string;
  readonly outer: Ipv4.Ipv4Address | undefined;
}

const keyOf = ({ machine, outer }: Place): string => (outer === undefined ? machine : `${machine} ${outer}`);

class Walker {
  readonly #cluster: Cluster;
  readonly #machines: readonly string[];
  /** Who has an address. */
  readonly #owners: ReadonlyMap<number, string>;
  /** By machine: the far end of vxlan.calico for each next hop. */
  readonly #vteps: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** By destination, then by machine. */
  readonly #routes = new Map<number, Map<string, RouteView | undefined>>();

  static async of(cluster: Cluster): Promise<Walker> {
    const { machines } = cluster.controller;
    const owners = new Map<number, string>();
    const vteps = new Map<string, ReadonlyMap<number, number>>();
    for (const machine of machines) {
      for (const { driver, addresses } of await cluster.devices({ machine, namespace: '' }))
        if (driver === 'nic') for (const { address } of addresses) owners.set(address, machine);
      vteps.set(machine, await vtepsOf(cluster, machine));
    }
    return new Walker(cluster, owners, vteps);
  }

  private constructor(
    cluster: Cluster,
    owners: ReadonlyMap<number, string>,
    vteps: ReadonlyMap<string, ReadonlyMap<number, number>>,
  ) {
    this.#cluster = cluster;
    this.#machines = cluster.controller.machines;
    this.#owners = owners;
    this.#vteps = vteps;
  }

  async loops(destination: number): Promise<Loop[]> {
    const loops = new Map<string, Loop>();
    const done = new Set<string>();
    const walk = async (place: Place, way: readonly Place[]): Promise<void> => {
      const key = keyOf(place);
      const again = way.findIndex(other => keyOf(other) === key);
      if (again >= 0) {
        const ring = way.slice(again).map(({ machine }) => machine);
        const name = [...ring].sort().join(' ');
        if (!loops.has(name)) loops.set(name, { destination, ring: [...ring, ring[0]!] });
        return;
      }
      if (done.has(key)) return;
      for (const next of await this.#next(place, destination)) await walk(next, [...way, place]);
      done.add(key);
    };
    for (const machine of this.#machines) await walk({ machine, outer: undefined }, []);
    return [...loops.values()];
  }

  /** Where the packet is sent from `place`. */
  async #next({ machine, outer }: Place, destination: number): Promise<Place[]> {
    const target = outer ?? destination;
    // The far end of a tunnel takes the packet out and routes what was in it.
    if (outer !== undefined && this.#owners.get(outer) === machine) return [{ machine, outer: undefined }];
    const route = await this.#route(machine, target);
    if (route === undefined || route.type !== 'unicast') return [];
    return route.nextHops.flatMap(({ via, device }): Place[] => {
      const hop = via === 0 ? target : via;
      if (device === 'tunl0' || device === 'vxlan.calico') {
        // A tunnel in a tunnel is dropped where it would be made.
        if (outer !== undefined) return [];
        const end = device === 'tunl0' ? hop : this.#vteps.get(machine)?.get(hop);
        return end === undefined ? [] : [{ machine, outer: end }];
      }
      const owner = this.#owners.get(hop);
      return owner === undefined || owner === machine ? [] : [{ machine: owner, outer }];
    });
  }

  async #route(machine: string, destination: number): Promise<RouteView | undefined> {
    let routes = this.#routes.get(destination);
    if (routes === undefined) {
      const views = await this.#cluster.controller.askAll<RouteExplanationView>(this.#machines, {
        do: 'route-explain',
        namespace: '',
        destination,
      });
      routes = new Map(this.#machines.map((name, i) => [name, views[i]!.winner]));
      this.#routes.set(destination, routes);
    }
    return routes.get(machine);
  }
}

async function vtepsOf({ controller }: Cluster, machine: string): Promise<ReadonlyMap<number, number>> {
  const ask = { namespace: '' };
  const fdb = await controller.ask<FdbView[]>(machine, { do: 'fdb', ...ask });
  const neighbours = await controller.ask<NeighbourView[]>(machine, { do: 'neighbours', ...ask });
  const behind = new Map(fdb.map(entry => [entry.mac, entry.destination]));
  return new Map(
    neighbours.flatMap(({ device, address, mac }) => {
      const end = device === 'vxlan.calico' ? behind.get(mac) : undefined;
      return end === undefined ? [] : [[address, end] as const];
    }),
  );
}
