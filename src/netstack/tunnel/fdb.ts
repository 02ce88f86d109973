/** The forwarding database of a VXLAN device (`bridge fdb`): which node has which MAC address. Programmed, never learnt. */

import { type AddressWord, ANY, toAddress, toWord } from '../../addr/address-word.ts';
import type { Ipv4Address } from '../../addr/ipv4.ts';
import * as Mac from '../../addr/mac.ts';

interface Entry {
  /** First 16 bits of the MAC address. */
  readonly high: number;
  readonly remote: AddressWord;
  /** Another MAC address with the same last 32 bits. */
  readonly next: Entry | undefined;
}

/** Keyed by the last 32 bits, signed: a MAC address as one number is no integer to V8, and slow as a key. */
export class ForwardingDatabase {
  readonly #entries = new Map<number, Entry>();

  set(mac: Mac.MacAddress, remote: Ipv4Address): void {
    this.delete(mac);
    const low = Mac.low32(mac) | 0;
    const next = this.#entries.get(low);
    this.#entries.set(low, { high: Mac.high16(mac), remote: toWord(remote), next });
  }

  delete(mac: Mac.MacAddress): void {
    const low = Mac.low32(mac) | 0;
    const high = Mac.high16(mac);
    let kept: Entry | undefined;
    for (let entry = this.#entries.get(low); entry !== undefined; entry = entry.next)
      if (entry.high !== high) kept = { high: entry.high, remote: entry.remote, next: kept };
    if (kept === undefined) this.#entries.delete(low);
    else this.#entries.set(low, kept);
  }

  /** The node of the MAC address whose first 16 bits are `high` and whose last 32 are `low` (signed); `ANY`: unknown. */
  remoteOf(high: number, low: number): AddressWord {
    let entry = this.#entries.get(low);
    while (entry !== undefined && entry.high !== high) entry = entry.next;
    return entry === undefined ? ANY : entry.remote;
  }

  *keys(): IterableIterator<Mac.MacAddress> {
    for (const [mac] of this) yield mac;
  }

  *[Symbol.iterator](): IterableIterator<[Mac.MacAddress, Ipv4Address]> {
    for (const [low, first] of this.#entries) {
      for (let entry: Entry | undefined = first; entry !== undefined; entry = entry.next)
        yield [entry.high * 2 ** 32 + (low >>> 0), toAddress(entry.remote)];
    }
  }
}
