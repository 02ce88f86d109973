/** What an administrator changes in a namespace by `ip`, `sysctl` and the like, as journal commands. */
import type { Namespace } from '../netstack/namespace.ts';
import { editAddress, editNeighbour } from './address-commands.ts';
import type { MachineCommand } from './command.ts';
import { editRoute } from './routing-commands.ts';
import { sysctls } from './sysctls.ts';

export type ChangeByHand = Extract<
  MachineCommand,
  {
    readonly do:
      | 'route-edit'
      | 'address-edit'
      | 'neighbour-edit'
      | 'sysctl'
      | 'device-up'
      | 'device-mtu'
      | 'flush';
  }
>;

/** What the kernel answers: '' or a refusal, or whether it was done. */
export function changeByHand(namespace: Namespace, command: ChangeByHand): unknown {
  switch (command.do) {
    case 'route-edit':
      return editRoute(namespace, command.edit);
    case 'address-edit':
      return editAddress(namespace, command.edit);
    case 'neighbour-edit':
      return editNeighbour(namespace, command.edit);
    case 'sysctl':
      return sysctls(namespace).get(command.name)?.set?.(command.value) ?? false;
    case 'device-up':
      return setUp(namespace, command.device, command.up);
    case 'device-mtu':
      return setMtu(namespace, command.device, command.mtu);
    case 'flush':
      return flush(namespace, command.what);
  }
}

function setUp(namespace: Namespace, name: string, up: boolean): boolean {
  const device = namespace.device(name);
  if (device === undefined) return false;
  namespace.setUp(device, up);
  return true;
}

function setMtu(namespace: Namespace, name: string, mtu: number): boolean {
  const device = namespace.device(name);
  if (device === undefined) return false;
  device.mtu = mtu;
  return true;
}

/** `ip neigh flush all` or `ip route flush cache`. */
function flush(namespace: Namespace, what: 'neighbours' | 'route-cache'): void {
  if (what === 'route-cache') namespace.pathMtu.flush();
  else for (const device of namespace.devices) namespace.neighbours.flush(device, false);
}
