/** The main table and devices of a namespace as a routing daemon sees them: BIRD's netlink. */
import type { Kernel, KernelDevice, KernelRoute } from '../bgp/ports.ts';
import type { Namespace } from '../netstack/namespace.ts';
import { isNamed } from '../netstack/route.ts';

export class KernelPort implements Kernel {
  readonly #namespace: Namespace;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  get version(): number {
    return this.#namespace.fib.changed;
  }

  routes(isWanted?: (protocol: string) => boolean): readonly KernelRoute[] {
    return this.#namespace.fib.listWritten('main', isWanted).flatMap(route => {
      if (isNamed(route)) return route;
      if (route.type === 'local' || route.type === 'broadcast' || route.type === 'throw') return [];
      const { prefix, type, protocol, metric, scope, source } = route;
      const nextHops = route.nextHops.map(hop => ({
        ...(hop.via !== 0 && { via: hop.via }),
        device: hop.device.name,
        onlink: hop.onlink,
        weight: hop.weight,
      }));
      return { prefix, type, nextHops, protocol, metric, scope, source };
    });
  }

  devices(): readonly KernelDevice[] {
    return this.#namespace.devices.map(device => ({
      name: device.name,
      index: device.index,
      // Without `check link` BIRD asks whether a device is up, not whether its cable is plugged in.
      up: device.up,
      addresses: device.addresses.map(({ address, length }) => ({ address, length })),
    }));
  }

  hasDevice(name: string): boolean {
    return this.#namespace.device(name) !== undefined;
  }

  replace(route: KernelRoute): boolean {
    for (const hop of route.nextHops) {
      const device = hop.device === undefined ? undefined : this.#namespace.device(hop.device);
      // Linux refuses a route through a device that is gone or down; the daemon's next scan will see.
      if (device === undefined || !device.up) return false;
    }
    // As BIRD 1.6 does it: delete our own, then add; where somebody else's route stands, the kernel says EEXIST. Where
    // there is none, there is none to delete.
    const { fib } = this.#namespace;
    if (fib.addNamed(route)) return true;
    this.remove(route);
    return fib.addNamed(route);
  }

  remove(route: KernelRoute): void {
    this.#namespace.fib.remove({ prefix: route.prefix, protocol: route.protocol, metric: route.metric });
  }
}
