/** The way of a tunnel's outer packet: a route to the far end that does not lead into the tunnel again. */

import { type AddressWord, ANY, toWord } from '../../addr/address-word.ts';
import type { Frame } from '../../sim/frame-store.ts';
import { localMtu, localOut, sourceFor } from '../ip-output.ts';
import type { NetDevice } from '../netdevice.ts';

/** Tunnels in tunnels in tunnels: Linux stops at eight transmissions inside each other. */
const DEPTH = 8;

/** One to a tunnel device; what was found for the last packet is good for the next, if nothing changed. */
export class OuterPath {
  device: NetDevice;
  nextHop = ANY;
  source = ANY;
  mtu = 0;
  readonly #tunnel: NetDevice;
  #remote = ANY;
  /** The flow table's when it was found; -1: it has to be found anew for every packet. */
  #generation = -1;

  constructor(tunnel: NetDevice) {
    this.#tunnel = tunnel;
    this.device = tunnel;
  }

  /** The way to `remote`, from `source` (0: chosen by the route). False when there is none: the packet was dropped. */
  find(frame: Frame, remote: AddressWord, source: AddressWord): boolean {
    const tunnel = this.#tunnel;
    const { namespace } = tunnel;
    const { flows, tunnelDepth } = namespace.host;
    if (remote === this.#remote && this.#generation === flows.generation && tunnelDepth < DEPTH) return true;
    const route = namespace.fib.lookup(remote);
    const hop = route?.nextHops[0];
    if (route === undefined || hop === undefined) {
      namespace.drop(frame, 'NO_ROUTE', tunnel);
      return false;
    }
    const device = route.type === 'local' ? namespace.loopback : hop.device;
    if (device === tunnel || tunnelDepth >= DEPTH) {
      namespace.drop(frame, 'TUNNEL_LOOP', tunnel);
      return false;
    }
    this.device = device;
    this.nextHop = hop.via === 0 ? remote : toWord(hop.via);
    this.source = source || sourceFor(namespace, route, hop, remote);
    this.mtu = localMtu(namespace, route, device, remote);
    this.#remote = remote;
    // What was learnt about a path is forgotten in time.
    this.#generation = namespace.pathMtu.isEmpty ? flows.generation : -1;
    return true;
  }

  /** Send the finished outer packet (start = outer IPv4 header). Takes ownership. */
  transmit(frame: Frame): void {
    const { namespace } = this.#tunnel;
    namespace.host.tunnelDepth++;
    localOut(namespace, frame, this.device, this.nextHop, this.mtu);
    namespace.host.tunnelDepth--;
  }
}
