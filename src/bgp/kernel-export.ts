/**
 * The route a net has in the kernel: the best one if the export filter takes it, several next hops with `merge paths`,
 * or a tunnel as `krt_tunnel` says (Calico's fork).
 *
 * Daemons of one thread that are configured alike share an exporter: what becomes of a net is worked out once, and the
 * routes they write are the same objects.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { SpeakerConfig } from './config.ts';
import { isMergeable } from './decision.ts';
import { type Filter, type FilterContext, REJECT } from './filter.ts';
import type { Net } from './net.ts';
import type { KernelNextHop, KernelRoute } from './ports.ts';
import { isReachable, put, type Route } from './route.ts';
import { Shared } from './shared.ts';

const DEFAULT_PATHS = 16;
const CONTEXT: FilterContext = { direction: 'export', protocol: 'kernel1' };

/** 'rejected': never for the kernel (its own routes, devices); 'filtered': the export filter said no. */
type Verdict = KernelRoute | 'rejected' | 'filtered';

/** What became of a net. */
export interface Exported {
  readonly by: KernelExport;
  /** The tunnel that the filter asked for, '' for none, and whether there was such a device. */
  readonly tunnel: string;
  readonly isThere: boolean;
  readonly verdict: Verdict;
}

const exporters = new Shared<KernelExport>();

/** The exporter for daemons of this configuration. */
export function kernelExport(config: SpeakerConfig): KernelExport {
  const { kernel, maximumPaths } = config;
  const text = kernel.exportFilter === undefined ? '' : kernel.exportFilter.text;
  // A filter without text is like no other.
  if (text === undefined) return new KernelExport(config);
  const { protocolName, metric, mergePaths } = kernel;
  return exporters.of(JSON.stringify([text, protocolName, metric, mergePaths, maximumPaths]), () => {
    return new KernelExport(config);
  });
}

export class KernelExport {
  readonly #filter: Filter;
  readonly #protocol: string;
  readonly #metric: number;
  readonly #mergePaths: boolean;
  readonly #maximumPaths: number;
  /** By key of the prefix: the last one with one next hop. Another path in the table is hardly another route. */
  readonly #last: (KernelRoute | undefined)[] = [];

  constructor({ kernel, maximumPaths }: SpeakerConfig) {
    this.#filter = kernel.exportFilter ?? REJECT;
    this.#protocol = kernel.protocolName ?? 'bird';
    this.#metric = kernel.metric ?? 0;
    this.#mergePaths = kernel.mergePaths ?? false;
    this.#maximumPaths = maximumPaths ?? DEFAULT_PATHS;
  }

  /** What becomes of a net with routes. `hasDevice`: whether the daemon's kernel has a device of that name. */
  verdict(net: Net, hasDevice: (name: string) => boolean): Verdict {
    const last = net.exported;
    if (last?.by === this && (last.tunnel === '' || hasDevice(last.tunnel) === last.isThere))
      return last.verdict;
    const exported = this.#export(net, hasDevice);
    net.exported = exported;
    return exported.verdict;
  }

  #export(net: Net, hasDevice: (name: string) => boolean): Exported {
    const best = net.routes[0]!;
    const plain = (verdict: Verdict): Exported => ({ by: this, tunnel: '', isThere: false, verdict });
    // Connected networks are in the kernel before us, and what was learned from it is there too.
    if (best.source.protocol.kind === 'kernel' || best.destination === 'device') return plain('rejected');
    const { accept, changes } = this.#filter(best, CONTEXT);
    if (!accept) return plain('filtered');
    const protocol = this.#protocol;
    const metric = changes?.krtMetric ?? this.#metric;
    const { prefix } = net;
    if (best.destination !== 'router')
      return plain({ prefix, protocol, metric, type: best.destination, nextHops: [] });
    if (this.#mergePaths && mayMerge(net.routes)) {
      const others = net.routes
        .slice(1)
        .filter(r => isMergeable(best, r) && isReachable(r) && this.#filter(r, CONTEXT).accept)
        .slice(0, this.#maximumPaths - 1);
      const nextHops = merged([best, ...others]);
      if (nextHops.length > 1) return plain({ prefix, protocol, metric, type: 'unicast', nextHops });
    }
    // Through the tunnel the packet goes to the BGP next hop itself, not to the gateway it resolves to. Without the device
    // the route is written as if there were no tunnel.
    const tunnel = changes?.krtTunnel ?? '';
    const nextHop = best.attributes?.nextHop;
    const isThere = tunnel !== '' && hasDevice(tunnel);
    const hop: KernelNextHop =
      nextHop !== undefined && isThere
        ? { via: nextHop, device: tunnel, onlink: true }
        : { via: best.gateway!, device: best.device!, onlink: false };
    let route = this.#last[net.key];
    if (route === undefined || !isThrough(route, hop, metric))
      route = { prefix, protocol, metric, type: 'unicast', nextHops: [hop] };
    put(this.#last, net.key, route);
    return { by: this, tunnel, isThere, verdict: route };
  }
}

/** `route` leads through `hop` alone. */
const isThrough = ({ nextHops, metric }: KernelRoute, hop: KernelNextHop, wanted: number): boolean =>
  metric === wanted &&
  nextHops.length === 1 &&
  nextHops[0]!.via === hop.via &&
  nextHops[0]!.device === hop.device &&
  nextHops[0]!.onlink === hop.onlink;

/** Two of the routes leave another way: what reflectors say of one route is one way. */
function mayMerge(routes: readonly Route[]): boolean {
  const { gateway, device } = routes[0]!;
  for (let i = 1; i < routes.length; i++)
    if (routes[i]!.gateway !== gateway || routes[i]!.device !== device) return true;
  return false;
}

/** Distinct next hops in BIRD's order: by gateway, then by device. */
function merged(routes: readonly Route[]): KernelNextHop[] {
  const hops: { via: Ipv4Address; device: string; weight: number }[] = [];
  for (const { gateway, device } of routes)
    if (!hops.some(h => h.via === gateway && h.device === device))
      hops.push({ via: gateway!, device: device!, weight: 1 });
  return hops.sort((a, b) => a.via - b.via || (a.device < b.device ? -1 : 1));
}
