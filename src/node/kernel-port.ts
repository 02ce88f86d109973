/** The main table and devices of a namespace as a routing daemon sees them: BIRD's netlink. */
import type { Kernel, KernelDevice, KernelRoute } from '../bgp/ports.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NextHop, Route } from '../netstack/route.ts';

export class KernelPort implements Kernel {
  readonly #namespace: Namespace;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  get version(): number {
    return this.#namespace.fib.changed;
  }

  routes(isWanted: (protocol: string) => boolean = () => true): readonly KernelRoute[] {
    return this.#namespace.fib.list('main', isWanted).flatMap(route => {
      if (route.type === 'local' || route.type === 'broadcast' || route.type === 'throw') return [];
      const { prefix, type, protocol, metric, scope, source } = route;
      const nextHops = route.nextHops.map(hop => ({
        ...(hop.via !== 0 && { via: hop.via }),
        device: hop.device.name,
        onlink: hop.onlink,
        weight: hop.weight,
      }));
      return [{ prefix, type, nextHops, protocol, metric, scope, source }];
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
    const nextHops: NextHop[] = [];
    for (const hop of route.nextHops) {
      const device = hop.device === undefined ? undefined : this.#namespace.device(hop.device);
      // Linux refuses a route through a device that is gone or down; the daemon's next scan will see.
      if (device === undefined || !device.up) return false;
      nextHops.push({ via: hop.via ?? 0, device, onlink: hop.onlink ?? false, weight: hop.weight ?? 1 });
    }
    const gateway = nextHops.some(hop => hop.via !== 0);
    const written: Route = {
      prefix: route.prefix,
      type: route.type,
      nextHops,
      protocol: route.protocol,
      scope: route.scope ?? (gateway || nextHops.length === 0 ? 'global' : 'link'),
      metric: route.metric,
      source: route.source ?? 0,
      mtu: 0,
      table: 'main',
    };
    // As BIRD 1.6 does it: delete our own, then add; where somebody else's route stands, the kernel says EEXIST.
    this.remove(route);
    return this.#namespace.fib.add(written);
  }

  remove(route: KernelRoute): void {
    this.#namespace.fib.remove({ prefix: route.prefix, protocol: route.protocol, metric: route.metric });
  }
}
