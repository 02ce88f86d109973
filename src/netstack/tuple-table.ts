/**
 * The hash table of connection tracking: from a packet's tuple to a slot number, in typed arrays, without allocation.
 *
 *   tuple = (source, destination, ports, protocol)
 *   ports = source port << 16 | destination port;  ICMP: identifier << 16 | type << 8 | code;  else 0
 *
 * Connection `n` has two slots: 2n for the direction of its first packet, 2n + 1 for the answers.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';

/** One direction of a connection, as packets of that direction carry it. */
export interface Tuple {
  source: Ipv4Address;
  destination: Ipv4Address;
  ports: number;
}

export const sourcePort = (tuple: Tuple): number => tuple.ports >>> 16;
export const destinationPort = (tuple: Tuple): number => tuple.ports & 0xffff;
export const joinPorts = (source: number, destination: number): number =>
  ((source << 16) | destination) >>> 0;

export const NO_SLOT = -1;

export class TupleTable {
  #sources = new Int32Array(64);
  #destinations = new Int32Array(64);
  #ports = new Int32Array(64);
  #protocols = new Uint8Array(64);
  /** Successor in the chain of a bucket. */
  #next = new Int32Array(64);
  #buckets = new Int32Array(64).fill(NO_SLOT);
  #count = 0;

  /** The slot of a tuple, whose numbers are given signed (`| 0`): unsigned ones would be boxed on the way. */
  find(source: number, destination: number, ports: number, protocol: number): number {
    let slot = this.#buckets[this.#bucket(source, destination, ports, protocol)]!;
    while (slot !== NO_SLOT) {
      if (
        this.#sources[slot] === source &&
        this.#destinations[slot] === destination &&
        this.#ports[slot] === ports &&
        this.#protocols[slot] === protocol
      )
        return slot;
      slot = this.#next[slot]!;
    }
    return NO_SLOT;
  }

  findTuple(tuple: Tuple, protocol: number): number {
    return this.find(tuple.source | 0, tuple.destination | 0, tuple.ports | 0, protocol);
  }

  insert(slot: number, tuple: Tuple, protocol: number): void {
    if (slot >= this.#next.length) this.#grow(slot);
    this.#sources[slot] = tuple.source;
    this.#destinations[slot] = tuple.destination;
    this.#ports[slot] = tuple.ports;
    this.#protocols[slot] = protocol;
    this.#link(slot);
    this.#count++;
    if (this.#count > this.#buckets.length) this.#rehash();
  }

  remove(slot: number): void {
    const bucket = this.#bucketOf(slot);
    let at = this.#buckets[bucket]!;
    if (at === slot) this.#buckets[bucket] = this.#next[slot]!;
    else {
      while (this.#next[at] !== slot) at = this.#next[at]!;
      this.#next[at] = this.#next[slot]!;
    }
    this.#count--;
  }

  #bucket(source: number, destination: number, ports: number, protocol: number): number {
    let hash = Math.imul(source ^ Math.imul(destination, 0x85ebca6b), 0x9e3779b1) ^ ports;
    hash = Math.imul(hash ^ (hash >>> 15) ^ protocol, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (this.#buckets.length - 1);
  }

  #bucketOf(slot: number): number {
    return this.#bucket(
      this.#sources[slot]!,
      this.#destinations[slot]!,
      this.#ports[slot]!,
      this.#protocols[slot]!,
    );
  }

  #link(slot: number): void {
    const bucket = this.#bucketOf(slot);
    this.#next[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot;
  }

  #grow(slot: number): void {
    const size = Math.max(slot + 1, this.#next.length * 2);
    const wider = <T extends Uint8Array | Int32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#sources = wider(this.#sources, new Int32Array(size));
    this.#destinations = wider(this.#destinations, new Int32Array(size));
    this.#ports = wider(this.#ports, new Int32Array(size));
    this.#protocols = wider(this.#protocols, new Uint8Array(size));
    this.#next = wider(this.#next, new Int32Array(size));
  }

  #rehash(): void {
    const slots: number[] = [];
    for (let slot of this.#buckets) {
      for (; slot !== NO_SLOT; slot = this.#next[slot]!) slots.push(slot);
    }
    this.#buckets = new Int32Array(this.#buckets.length * 2).fill(NO_SLOT);
    for (const slot of slots) this.#link(slot);
  }
}
