/**
 * The route a net has in the kernel: the best one if the export filter takes it, several next hops with `merge paths`,
 * or a tunnel as `krt_tunnel` says (Calico's fork).
 */
import type { SpeakerConfig } from './config.ts';
import { isMergeable } from './decision.ts';
import { type FilterContext, REJECT } from './filter.ts';
import type { Net } from './loc-rib.ts';
import type { KernelDevice, KernelNextHop, KernelRoute } from './ports.ts';
import { isReachable, type Route } from './route.ts';

const DEFAULT_PATHS = 16;

/** By key of the prefix: the last route with one next hop that any daemon of the thread made; most make the same. */
const lastMade = new Map<number, KernelRoute>();

function throughOne(net: Net, protocol: string, metric: number, hop: KernelNextHop): KernelRoute {
  const last = lastMade.get(net.key);
  if (last !== undefined && last.protocol === protocol && last.metric === metric) {
    const { via, device, onlink } = last.nextHops[0]!;
    if (via === hop.via && device === hop.device && onlink === hop.onlink) return last;
  }
  const made: KernelRoute = { prefix: net.prefix, type: 'unicast', nextHops: [hop], protocol, metric };
  lastMade.set(net.key, made);
  return made;
}

/** 'rejected': never for the kernel (its own routes, devices); 'filtered': the export filter said no. */
export function toKernelRoute(
  net: Net | undefined,
  config: SpeakerConfig,
  devices: readonly KernelDevice[],
  protocol: string,
): KernelRoute | 'rejected' | 'filtered' | undefined {
  const best = net?.routes[0];
  if (net === undefined || best === undefined) return undefined;
  // Connected networks are in the kernel before us, and what was learned from it is there too.
  if (best.source.protocol.kind === 'kernel' || best.destination === 'device') return 'rejected';
  const { kernel } = config;
  const filter = kernel.exportFilter ?? REJECT;
  const context: FilterContext = { direction: 'export', protocol };
  const verdict = filter(best, context);
  if (!verdict.accept) return 'filtered';
  const own = kernel.protocolName ?? 'bird';
  const metric = verdict.changes?.krtMetric ?? kernel.metric ?? 0;
  const common = { prefix: net.prefix, protocol: own, metric };
  if (best.destination !== 'router') return { ...common, type: best.destination, nextHops: [] };
  if (kernel.mergePaths && net.routes.length > 1) {
    const others = net.routes
      .slice(1)
      .filter(r => isMergeable(best, r) && isReachable(r) && filter(r, context).accept)
      .slice(0, (config.maximumPaths ?? DEFAULT_PATHS) - 1);
    const hops = merged([best, ...others]);
    if (hops.length > 1) return { ...common, type: 'unicast', nextHops: hops };
  }
  const tunnel = tunnelHop(best, verdict.changes?.krtTunnel ?? '', devices);
  return throughOne(net, own, metric, tunnel ?? { via: best.gateway!, device: best.device! });
}

/**
 * Through the tunnel the packet goes to the BGP next hop itself, not to the gateway it resolves to. Without the device
 * the route is written as if there were no tunnel.
 */
function tunnelHop(
  route: Route,
  tunnel: string,
  devices: readonly KernelDevice[],
): KernelNextHop | undefined {
  const nextHop = route.attributes?.nextHop;
  if (tunnel === '' || nextHop === undefined || !devices.some(d => d.name === tunnel)) return undefined;
  return { via: nextHop, device: tunnel, onlink: true };
}

/** Distinct next hops in BIRD's order: by gateway, then by device. */
function merged(routes: readonly Route[]): KernelNextHop[] {
  const hops: { via: number; device: string; weight: number }[] = [];
  for (const { gateway, device } of routes)
    if (!hops.some(h => h.via === gateway && h.device === device))
      hops.push({ via: gateway!, device: device!, weight: 1 });
  return hops.sort((a, b) => a.via - b.via || (a.device < b.device ? -1 : 1));
}
