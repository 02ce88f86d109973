/** The protocols without peers: static, kernel (what it learns), device and direct, named as BIRD names the first of each. */
import type { Prefix } from '../addr/prefix.ts';
import type { SpeakerConfig } from './config.ts';
import { directRoutes, staticRoutes } from './direct.ts';
import type { MasterTable, NewRoute } from './master-table.ts';
import type { KernelDevice, KernelRoute } from './ports.ts';
import { PREFERENCE, type Protocol, type RouteSource } from './route.ts';
import { Stats } from './stats.ts';

export interface LocalProtocol extends Protocol {
  readonly stats: Stats;
}

const make = (kind: Protocol['kind'], name: string): LocalProtocol => ({ kind, name, stats: new Stats() });

const mainSource = (protocol: Protocol): RouteSource => ({ protocol, pathId: 0 });

export class LocalProtocols {
  readonly static = make('static', 'static1');
  readonly kernel = make('kernel', 'kernel1');
  readonly device = make('device', 'device1');
  readonly direct = make('direct', 'direct1');
  readonly #master: MasterTable;
  #staticRoutes: ReadonlyMap<number, NewRoute> = new Map();
  #directRoutes: ReadonlyMap<number, NewRoute> = new Map();

  constructor(master: MasterTable) {
    this.#master = master;
    // The order in which BIRD hands out path ids: the device protocol comes first, whatever the file says.
    for (const { name } of [this.device, this.static, this.kernel, this.direct])
      master.sources.of(name).globalId(0);
  }

  /** In the order of Calico's configuration files. */
  get list(): readonly LocalProtocol[] {
    return [this.static, this.kernel, this.device, this.direct];
  }

  /** Devices or configuration may have changed: connected and configured routes follow. */
  update(config: SpeakerConfig, devices: readonly KernelDevice[]): void {
    const statics = staticRoutes(config, devices, mainSource(this.static));
    this.#enterDifference(this.#staticRoutes, statics, this.static.stats);
    this.#staticRoutes = statics;
    const direct = directRoutes(devices, config.directInterfaces, mainSource(this.direct));
    this.#enterDifference(this.#directRoutes, direct, this.direct.stats);
    this.#directRoutes = direct;
  }

  /** The kernel has a foreign route for `prefix`, or none any more. */
  learned(prefix: Prefix, route: KernelRoute | undefined): void {
    const source = mainSource(this.kernel);
    const { stats } = this.kernel;
    if (route === undefined) {
      stats.importWithdraws++;
      stats.importWithdrawsAccepted++;
      this.#master.remove(prefix, source);
      return;
    }
    stats.importUpdates++;
    stats.importAccepted++;
    const hop = route.nextHops[0];
    const destination = route.type !== 'unicast' ? route.type : hop?.via === undefined ? 'device' : 'router';
    this.#master.enter({
      prefix,
      source,
      preference: PREFERENCE.kernel,
      destination,
      gateway: hop?.via,
      device: hop?.device,
      kernel: { protocol: route.protocol, metric: route.metric },
      stale: false,
    });
  }

  #enterDifference(
    was: ReadonlyMap<number, NewRoute>,
    is: ReadonlyMap<number, NewRoute>,
    stats: Stats,
  ): void {
    for (const [key, { prefix, source }] of was) {
      if (is.has(key)) continue;
      stats.importWithdraws++;
      stats.importWithdrawsAccepted++;
      this.#master.remove(prefix, source);
    }
    for (const [key, route] of is) {
      const old = was.get(key);
      const same =
        old?.device === route.device &&
        old?.gateway === route.gateway &&
        old?.destination === route.destination;
      if (same) continue;
      stats.importUpdates++;
      stats.importAccepted++;
      this.#master.enter(route);
    }
  }
}
