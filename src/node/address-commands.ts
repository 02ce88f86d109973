/** What `ip addr` and `ip neigh` ask of the kernel to change: addresses and neighbours set by hand. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { DeviceAddress } from '../netstack/netdevice.ts';

/** `ip addr add|replace|del`. */
export interface AddressEdit {
  readonly verb: 'add' | 'replace' | 'del';
  readonly device: string;
  readonly address: Ipv4Address;
  readonly length: number;
  readonly scope: DeviceAddress['scope'];
  /** 0 for none. */
  readonly broadcast: Ipv4Address;
}

/** `ip neigh add|replace|change|del`; what is added is permanent. */
export interface NeighbourEdit {
  readonly verb: 'add' | 'replace' | 'change' | 'del';
  readonly device: string;
  readonly address: Ipv4Address;
  /** 0 where the verb needs none. */
  readonly mac: MacAddress;
}

/** Why the kernel refuses, or '' when it does not. */
export type AddressRefusal = '' | 'Address already assigned' | 'Address not found';
export type NeighbourRefusal = '' | 'File exists' | 'No such file or directory';

export function editAddress(namespace: Namespace, edit: AddressEdit): AddressRefusal {
  const { verb, address, length, scope, broadcast } = edit;
  const device = namespace.device(edit.device);
  const there = device?.addresses.some(other => other.address === address && other.length === length);
  if (device === undefined || verb === 'del') {
    if (device === undefined || !there) return 'Address not found';
    namespace.removeAddress(device, address);
    return '';
  }
  if (there) return verb === 'replace' ? '' : 'Address already assigned';
  namespace.addAddress(device, address, length, scope, broadcast);
  return '';
}

export function editNeighbour(namespace: Namespace, edit: NeighbourEdit): NeighbourRefusal {
  const { neighbours } = namespace;
  const { verb, address, mac } = edit;
  const device = namespace.device(edit.device);
  if (device === undefined) return 'No such file or directory';
  if (verb === 'del') return neighbours.remove(device, address) ? '' : 'No such file or directory';
  const known = neighbours.list().some(other => other.device === device && other.address === address);
  if (verb === 'add' && known) return 'File exists';
  if (verb === 'change' && !known) return 'No such file or directory';
  neighbours.setPermanent(device, address, mac);
  return '';
}
