/** Routes as iproute2 prints them (`ip route`, `ip -4 route show table all`), byte for byte: a blank ends each part. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefixes from '../addr/prefix.ts';
import type { NextHop, Route } from './route.ts';

/** `default`, `10.0.0.1` (a host) or `10.0.0.0/8`. */
export function formatDestination(prefix: Prefixes.Prefix): string {
  if (prefix.length === 0) return 'default';
  return prefix.length === 32 ? Ipv4.format(prefix.address) : Prefixes.format(prefix);
}

const formatHop = (hop: NextHop): string =>
  (hop.via === 0 ? '' : `via ${Ipv4.format(hop.via)} `) + `dev ${hop.device.name} `;

/** A device that is up without a carrier marks the routes through it, but for local ones; they are used all the same. */
const formatFlags = ({ onlink, device }: NextHop, type: Route['type']): string =>
  (onlink ? 'onlink ' : '') + (type !== 'local' && device.up && !device.carrier ? 'linkdown ' : '');

/**
 * One route, without a line feed at its end; a multipath route takes a line for each next hop. `showTable` is what
 * `show table all` does: it names tables other than `main`. `details` (`ip -d`) leaves nothing out that goes without
 * saying.
 */
export function formatRoute(route: Route, showTable = false, details = false): string {
  const { nextHops } = route;
  const single = nextHops.length === 1 ? nextHops[0]! : undefined;
  let text = route.type === 'unicast' && !details ? '' : `${route.type} `;
  text += `${formatDestination(route.prefix)} `;
  if (single !== undefined) text += formatHop(single);
  if (showTable && route.table !== 'main') text += `table ${route.table} `;
  if (route.protocol !== 'boot' || details) text += `proto ${route.protocol} `;
  if (route.scope !== 'global' || details) text += `scope ${route.scope} `;
  if (route.source !== 0) text += `src ${Ipv4.format(route.source)} `;
  if (route.metric !== 0) text += `metric ${route.metric} `;
  if (single !== undefined) text += formatFlags(single, route.type);
  if (route.mtu !== 0) text += `mtu ${route.mtu} `;
  if (nextHops.length > 1) {
    for (const hop of nextHops)
      text += `\n\tnexthop ${formatHop(hop)}weight ${hop.weight} ${formatFlags(hop, route.type)}`;
  }
  return text;
}
