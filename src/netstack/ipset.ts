/** Sets of networks (`ipset create … hash:net`): is an address in any of them? */

import type { AddressWord } from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefixes from '../addr/prefix.ts';

const same = (a: readonly Prefixes.Prefix[], b: readonly Prefixes.Prefix[]): boolean =>
  a.length === b.length && a.every((one, i) => Prefixes.equal(one, b[i]!));

export class IpSet {
  readonly name: string;
  #members: readonly Prefixes.Prefix[] = [];
  /** What they were made from. */
  #given: readonly Prefixes.Prefix[] = [];
  /** Network addresses by prefix length, the lengths in use first to last. */
  readonly #lengths: { readonly mask: number; readonly networks: Set<number> }[] = [];

  constructor(name: string, members: readonly Prefixes.Prefix[] = []) {
    this.name = name;
    this.replace(members);
  }

  /** Exchange all members at once (`ipset swap`). */
  replace(members: readonly Prefixes.Prefix[]): void {
    if (same(members, this.#given)) return;
    this.#given = members;
    this.#members = [...members].sort(Prefixes.compare);
    this.#lengths.length = 0;
    for (const length of new Set(members.map(one => one.length))) {
      const mask = Prefixes.mask(length);
      const same = members.filter(one => one.length === length);
      this.#lengths.push({ mask, networks: new Set(same.map(one => one.address & mask)) });
    }
  }

  /** Time grows with the number of different prefix lengths only, as in the kernel. */
  has(address: Ipv4Address | AddressWord): boolean {
    for (let i = 0; i < this.#lengths.length; i++) {
      const { mask, networks } = this.#lengths[i]!;
      if (networks.has(address & mask)) return true;
    }
    return false;
  }

  /** Sorted by address. */
  get members(): readonly Prefixes.Prefix[] {
    return this.#members;
  }
}
