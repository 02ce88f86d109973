/** Why a packet goes where it goes: the route that decides, those it beats, and the daemon's path behind it. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { decide } from '../bgp/decision.ts';
import type { Speaker } from '../bgp/speaker.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { DaemonPath, RouteExplanationView } from './command.ts';
import { routeView } from './queries.ts';

export function explainRoute(
  namespace: Namespace,
  destination: Ipv4Address,
  speaker: Speaker | undefined,
): RouteExplanationView {
  const { winner, beaten } = namespace.fib.explain(destination);
  return {
    winner: winner === undefined ? undefined : routeView(winner),
    beaten: beaten.map(({ route, because }) => ({ route: routeView(route), because })),
    daemonPath:
      winner !== undefined && (winner.protocol === 'bird' || winner.protocol === 'bgp')
        ? daemonPath(speaker, winner.prefix)
        : undefined,
  };
}

function daemonPath(speaker: Speaker | undefined, prefix: { address: number; length: number }) {
  const [best, second] = speaker?.table.get(prefix)?.routes ?? [];
  if (best === undefined) return undefined;
  const path: DaemonPath = {
    protocol: best.source.protocol.name,
    kind: best.source.protocol.kind,
    peer: best.source.protocol.peer?.remoteAddress,
    nextHop: best.attributes?.nextHop,
    gateway: best.gateway,
    because: second === undefined ? 'only route' : decide(best, second).because,
  };
  return path;
}
