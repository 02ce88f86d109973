/**
 * What ICMP 3/4 taught about paths (RFC 1191): an exception to the routes, per destination, forgotten after ten minutes
 * (`net.ipv4.route.mtu_expires`). Routers do not use it for what they forward.
 */

import type { AddressWord } from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import { type Clock, SECOND, type VirtualTime } from '../sim/time.ts';

const EXPIRES = 600 * SECOND;
/** `net.ipv4.route.min_pmtu`: nobody can talk us into less; below it DF is not set at all. */
const MINIMUM = 552;

interface Exception {
  readonly mtu: number;
  readonly expires: VirtualTime;
  readonly locked: boolean;
}

export class PathMtuCache {
  readonly #clock: Clock;
  readonly #exceptions = new Map<number, Exception>();

  readonly #learnt: () => void;

  /** `learnt` hears of every new exception. */
  constructor(clock: Clock, learnt: () => void = () => {}) {
    this.#clock = clock;
    this.#learnt = learnt;
  }

  /** No path is known to be narrower than its route says. */
  get isEmpty(): boolean {
    return this.#exceptions.size === 0;
  }

  /** The smaller of `mtu` and what is known of the path to `destination`. */
  get(destination: Ipv4Address | AddressWord, mtu: number): number {
    return this.#exceptions.size === 0 ? mtu : Math.min(mtu, this.#find(destination)?.mtu ?? mtu);
  }

  /** The path was said to be narrower than anything sensible: send fragments rather than DF. */
  isLocked(destination: Ipv4Address | AddressWord): boolean {
    return this.#exceptions.size !== 0 && this.#find(destination)?.locked === true;
  }

  /** A router (or our own tunnel) says that `mtu` is what passes; `current` is what we believed. */
  learn(destination: Ipv4Address, mtu: number, current: number): void {
    if (this.isLocked(destination) || current < mtu) return;
    const locked = mtu < MINIMUM;
    this.#learnt();
    this.#exceptions.set(destination | 0, {
      mtu: locked ? Math.min(current, MINIMUM) : mtu,
      expires: this.#clock.now + EXPIRES,
      locked,
    });
  }

  /** `ip route flush cache`. */
  flush(): void {
    this.#exceptions.clear();
  }

  #find(destination: Ipv4Address | AddressWord): Exception | undefined {
    const exception = this.#exceptions.get(destination | 0);
    if (exception === undefined || this.#clock.now < exception.expires) return exception;
    this.#exceptions.delete(destination | 0);
    return undefined;
  }
}
