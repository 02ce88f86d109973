/**
 * BGP's protocol instances. A thousand clients of a reflector know it by one name and have heard the same OPEN from it: to
 * them it is one object, so that the routes it brings can be (see `bgp-route.ts`).
 */
import type { PeerIdentity, Protocol } from './route.ts';
import { Shared } from './shared.ts';

const protocols = new Shared<Protocol>();

/** The instance of that name for a peer that is known as `peer`. */
export function peerProtocol(name: string, peer: PeerIdentity): Protocol {
  const { internal, remoteAddress, remoteAs, localAs, routerId, rrClient, clusterId } = peer;
  const text = [name, internal, remoteAddress, remoteAs, localAs, routerId, rrClient, clusterId].join();
  return protocols.of(text, () => Object.freeze({ kind: 'bgp', name, peer: Object.freeze(peer) }));
}
