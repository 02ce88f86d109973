/** Sets of networks (`ipset create … hash:net`): is an address in any of them? */

import type { AddressWord } from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefixes from '../addr/prefix.ts';

const same = (a: readonly Prefixes.Prefix[], b: readonly Prefixes.Prefix[]): boolean =>
  a.length === b.length && a.every((one, i) => Prefixes.equal(one, b[i]!));

/** Network addresses by prefix length, the lengths in use first to last. */
type Table = readonly { readonly mask: number; readonly networks: ReadonlySet<number> }[];

/** By the members that were given: thousands of nodes are given the same. */
const tables = new WeakMap<readonly Prefixes.Prefix[], Table>();

function tableOf(members: readonly Prefixes.Prefix[]): Table {
  let table = tables.get(members);
  if (table === undefined) {
    const lengths = new Set(members.map(one => one.length));
    table = [...lengths].map(length => {
      const mask = Prefixes.mask(length);
      const some = members.filter(one => one.length === length);
      return { mask, networks: new Set(some.map(one => one.address & mask)) };
    });
    tables.set(members, table);
  }
  return table;
}

export class IpSet {
  readonly name: string;
  #members: readonly Prefixes.Prefix[] = [];
  #table: Table = [];

  constructor(name: string, members: readonly Prefixes.Prefix[] = []) {
    this.name = name;
    this.replace(members);
  }

  /** Exchange all members at once (`ipset swap`). They must not be changed any more. */
  replace(members: readonly Prefixes.Prefix[]): void {
    if (members === this.#members || same(members, this.#members)) return;
    this.#members = members;
    this.#table = tableOf(members);
  }

  /** Time grows with the number of different prefix lengths only, as in the kernel. */
  has(address: Ipv4Address | AddressWord): boolean {
    for (let i = 0; i < this.#table.length; i++) {
      const { mask, networks } = this.#table[i]!;
      if (networks.has(address & mask)) return true;
    }
    return false;
  }

  /** Sorted by address. */
  get members(): readonly Prefixes.Prefix[] {
    return [...this.#members].sort(Prefixes.compare);
  }
}
