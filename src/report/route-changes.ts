/** What changed between two listings of a routing table. */
import type { RouteView } from '../node/command.ts';

export interface RouteChange {
  readonly sign: '+' | '-';
  readonly text: string;
}

/** Routes to other nodes' pods: what a change of mode is about. */
export const isBlockRoute = (route: RouteView): boolean =>
  (route.protocol === 'bird' ||
    route.protocol === '80' ||
    route.nextHops.some(h => h.device === 'vxlan.calico')) &&
  route.type === 'unicast';

export function routeChanges(before: readonly RouteView[], after: readonly RouteView[]): RouteChange[] {
  const old = new Set(before.map(r => r.text));
  const now = new Set(after.map(r => r.text));
  const gone = before.filter(r => !now.has(r.text)).map(r => ({ sign: '-' as const, route: r }));
  const come = after.filter(r => !old.has(r.text)).map(r => ({ sign: '+' as const, route: r }));
  return [...gone, ...come]
    .sort((a, b) => a.route.prefix.address - b.route.prefix.address || (a.sign < b.sign ? 1 : -1))
    .map(({ sign, route }) => ({ sign, text: route.text.trim() }));
}
