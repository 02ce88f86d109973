/**
 * How often ICMP errors go to one address (Linux `inet_peer`): tokens that fill with time, one bucket per peer for errors
 * of every kind, and a doubling pause between redirects.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { type Clock, MILLISECOND, SECOND, type VirtualTime } from '../sim/time.ts';

/** A peer that was never written to may be sent six errors at once. */
const ERROR_BURST = 6;
const ROUTE_ERROR_COST = 1 * SECOND;
const ROUTE_ERROR_BURST = 5 * SECOND;
/** Linux counts this time in ticks, 250 a second. */
const JIFFY = 4 * MILLISECOND;
const REDIRECT_LOAD = 20 * MILLISECOND;
const REDIRECT_NUMBER = 9;
const REDIRECT_SILENCE = REDIRECT_LOAD * 2 ** (REDIRECT_NUMBER + 1);

interface Peer {
  tokens: VirtualTime;
  last: VirtualTime;
  redirects: number;
}

export class PeerLimits {
  readonly #clock: Clock;
  readonly #peers = new Map<number, Peer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get #now(): VirtualTime {
    return this.#clock.now - (this.#clock.now % JIFFY);
  }

  #peer(address: Ipv4Address): Peer {
    const known = this.#peers.get(address | 0);
    if (known !== undefined) return known;
    const peer: Peer = { tokens: 0, last: this.#now - 60 * SECOND, redirects: 0 };
    this.#peers.set(address | 0, peer);
    return peer;
  }

  #take(peer: Peer, cost: VirtualTime, burst: VirtualTime): boolean {
    const now = this.#now;
    peer.tokens = Math.min(peer.tokens + now - peer.last, burst);
    peer.last = now;
    if (peer.tokens < cost) return false;
    peer.tokens -= cost;
    return true;
  }

  /** May an error that the mask limits go to `address`, at one per `interval`? (`inet_peer_xrlim_allow`) */
  allowError(address: Ipv4Address, interval: VirtualTime): boolean {
    return this.#take(this.#peer(address), interval, ERROR_BURST * interval);
  }

  /** Before that, an error for want of a route is limited once more, from the same bucket (`ip_error`). */
  allowRouteError(address: Ipv4Address): boolean {
    return this.#take(this.#peer(address), ROUTE_ERROR_COST, ROUTE_ERROR_BURST);
  }

  /** May a redirect go to `address`? Nine, ever more slowly, then none until it was silent for 20 s. */
  allowRedirect(address: Ipv4Address): boolean {
    const now = this.#now;
    const peer = this.#peer(address);
    if (now > peer.last + REDIRECT_SILENCE) {
      peer.tokens = 0;
      peer.redirects = 0;
    }
    if (peer.redirects >= REDIRECT_NUMBER) {
      peer.last = now;
      return false;
    }
    if (peer.redirects > 0 && now <= peer.last + REDIRECT_LOAD * 2 ** peer.redirects) return false;
    peer.last = now;
    peer.redirects++;
    return true;
  }
}
