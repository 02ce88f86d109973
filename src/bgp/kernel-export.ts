/**
 * The route a net has in the kernel: the best one if the export filter takes it, several next hops with `merge paths`,
 * or a tunnel as `krt_tunnel` says (Calico's fork).
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { SpeakerConfig } from './config.ts';
import { isMergeable } from './decision.ts';
import { type FilterContext, REJECT } from './filter.ts';
import type { Net } from './loc-rib.ts';
import type { KernelDevice, KernelNextHop, KernelRoute } from './ports.ts';
import { isReachable, type Route } from './route.ts';

const DEFAULT_PATHS = 16;

/** By key of the prefix: the last route with one next hop that any daemon of the thread made; most make the same. */
const lastMade: (KernelRoute | undefined)[] = [];

function throughOne(
  net: Net,
  protocol: string,
  metric: number,
  via: Ipv4Address,
  device: string,
  isTunnel: boolean,
): KernelRoute {
  const last = lastMade[net.key];
  if (last !== undefined && last.protocol === protocol && last.metric === metric) {
    const hop = last.nextHops[0]!;
    if (hop.via === via && hop.device === device && (hop.onlink === true) === isTunnel) return last;
  }
  const hop: KernelNextHop = isTunnel ? { via, device, onlink: true } : { via, device };
  const made: KernelRoute = { prefix: net.prefix, type: 'unicast', nextHops: [hop], protocol, metric };
  lastMade[net.key] = made;
  return made;
}

/** 'rejected': never for the kernel (its own routes, devices); 'filtered': the export filter said no. */
export function toKernelRoute(
  net: Net | undefined,
  config: SpeakerConfig,
  devices: readonly KernelDevice[],
  context: FilterContext,
): KernelRoute | 'rejected' | 'filtered' | undefined {
  const best = net?.routes[0];
  if (net === undefined || best === undefined) return undefined;
  // Connected networks are in the kernel before us, and what was learned from it is there too.
  if (best.source.protocol.kind === 'kernel' || best.destination === 'device') return 'rejected';
  const { kernel } = config;
  const filter = kernel.exportFilter ?? REJECT;
  const verdict = filter(best, context);
  if (!verdict.accept) return 'filtered';
  const own = kernel.protocolName ?? 'bird';
  const metric = verdict.changes?.krtMetric ?? kernel.metric ?? 0;
  if (best.destination !== 'router')
    return { prefix: net.prefix, protocol: own, metric, type: best.destination, nextHops: [] };
  if (kernel.mergePaths && mayMerge(net.routes)) {
    const others = net.routes
      .slice(1)
      .filter(r => isMergeable(best, r) && isReachable(r) && filter(r, context).accept)
      .slice(0, (config.maximumPaths ?? DEFAULT_PATHS) - 1);
    const hops = merged([best, ...others]);
    if (hops.length > 1)
      return { prefix: net.prefix, protocol: own, metric, type: 'unicast', nextHops: hops };
  }
  // Through the tunnel the packet goes to the BGP next hop itself, not to the gateway it resolves to. Without the device
  // the route is written as if there were no tunnel.
  const tunnel = verdict.changes?.krtTunnel ?? '';
  const nextHop = best.attributes?.nextHop;
  return tunnel === '' || nextHop === undefined || !devices.some(d => d.name === tunnel)
    ? throughOne(net, own, metric, best.gateway!, best.device!, false)
    : throughOne(net, own, metric, nextHop, tunnel, true);
}

/** Two of the routes leave another way: what reflectors say of one route is one way. */
function mayMerge(routes: readonly Route[]): boolean {
  const { gateway, device } = routes[0]!;
  for (let i = 1; i < routes.length; i++)
    if (routes[i]!.gateway !== gateway || routes[i]!.device !== device) return true;
  return false;
}

/** Distinct next hops in BIRD's order: by gateway, then by device. */
function merged(routes: readonly Route[]): KernelNextHop[] {
  const hops: { via: number; device: string; weight: number }[] = [];
  for (const { gateway, device } of routes)
    if (!hops.some(h => h.via === gateway && h.device === device))
      hops.push({ via: gateway!, device: device!, weight: 1 });
  return hops.sort((a, b) => a.via - b.via || (a.device < b.device ? -1 : 1));
}
