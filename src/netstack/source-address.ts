/** Source address selection (Linux `inet_select_addr`). */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import type { RouteScope } from './route.ts';

/** RT_SCOPE_*: how far an address is known; a larger number means less far. */
const rank: Record<RouteScope, number> = { global: 0, link: 253, host: 254 };

/**
 * The address with which to speak to `destination` (0: to nobody in particular) through `device`, known at least as
 * far as `scope`: the device's own, best in the destination's subnet; when it has none, the first of any device, in
 * device order (this is why a node answers its pods with the address of eth0). 0 when there is none at all.
 */
export function selectAddress(
  namespace: Namespace,
  device: NetDevice,
  destination: Ipv4Address,
  scope: RouteScope,
): Ipv4Address {
  const limit = rank[scope];
  let first = 0;
  for (const { address, length, scope: own } of device.addresses) {
    if (rank[own] > limit) continue;
    if (destination === 0 || Prefix.contains({ address, length }, destination)) return address;
    if (first === 0) first = address;
  }
  if (first !== 0) return first;
  for (const other of namespace.devices) {
    for (const { address, scope: own } of other.addresses)
      if (own !== 'link' && rank[own] <= limit) return address;
  }
  return 0;
}
