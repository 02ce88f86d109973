/**
 * The hash table of connection tracking: from a packet's tuple to a slot number, without allocation.
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

/** Words of a slot: one half of a cache line, so that a packet finds its connection with two looks at memory. */
const RECORD_SHIFT = 3;
const SOURCE = 0;
const DESTINATION = 1;
const PORTS = 2;
const PROTOCOL = 3;
/** Successor in the chain of a bucket. */
const NEXT = 4;

export class TupleTable {
  #records = new Int32Array(64 << RECORD_SHIFT);
  #buckets = new Int32Array(64).fill(NO_SLOT);
  #count = 0;

  /** The slot of a tuple, whose numbers are given signed (`| 0`): unsigned ones would be boxed on the way. */
  find(source: number, destination: number, ports: number, protocol: number): number {
    const records = this.#records;
    let slot = this.#buckets[this.#bucket(source, destination, ports, protocol)]!;
    while (slot !== NO_SLOT) {
      const at = slot << RECORD_SHIFT;
      if (
        records[at + SOURCE] === source &&
        records[at + DESTINATION] === destination &&
        records[at + PORTS] === ports &&
        records[at + PROTOCOL] === protocol
      )
        return slot;
      slot = records[at + NEXT]!;
    }
    return NO_SLOT;
  }

  findTuple(tuple: Tuple, protocol: number): number {
    return this.find(tuple.source | 0, tuple.destination | 0, tuple.ports | 0, protocol);
  }

  insert(slot: number, tuple: Tuple, protocol: number): void {
    if (slot << RECORD_SHIFT >= this.#records.length) this.#grow(slot);
    const at = slot << RECORD_SHIFT;
    this.#records[at + SOURCE] = tuple.source;
    this.#records[at + DESTINATION] = tuple.destination;
    this.#records[at + PORTS] = tuple.ports;
    this.#records[at + PROTOCOL] = protocol;
    this.#link(slot);
    this.#count++;
    if (this.#count > this.#buckets.length) this.#rehash();
  }

  remove(slot: number): void {
    const bucket = this.#bucketOf(slot);
    const after = this.#successor(slot);
    let at = this.#buckets[bucket]!;
    if (at === slot) this.#buckets[bucket] = after;
    else {
      while (this.#successor(at) !== slot) at = this.#successor(at);
      this.#records[(at << RECORD_SHIFT) + NEXT] = after;
    }
    this.#count--;
  }

  #successor(slot: number): number {
    return this.#records[(slot << RECORD_SHIFT) + NEXT]!;
  }

  #bucket(source: number, destination: number, ports: number, protocol: number): number {
    let hash = Math.imul(source ^ Math.imul(destination, 0x85ebca6b), 0x9e3779b1) ^ ports;
    hash = Math.imul(hash ^ (hash >>> 15) ^ protocol, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (this.#buckets.length - 1);
  }

  #bucketOf(slot: number): number {
    const records = this.#records;
    const at = slot << RECORD_SHIFT;
    return this.#bucket(
      records[at + SOURCE]!,
      records[at + DESTINATION]!,
      records[at + PORTS]!,
      records[at + PROTOCOL]!,
    );
  }

  #link(slot: number): void {
    const bucket = this.#bucketOf(slot);
    this.#records[(slot << RECORD_SHIFT) + NEXT] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot;
  }

  #grow(slot: number): void {
    const wider = new Int32Array(Math.max((slot + 1) << RECORD_SHIFT, this.#records.length * 2));
    wider.set(this.#records);
    this.#records = wider;
  }

  #rehash(): void {
    const slots: number[] = [];
    for (let slot of this.#buckets) {
      for (; slot !== NO_SLOT; slot = this.#successor(slot)) slots.push(slot);
    }
    this.#buckets = new Int32Array(this.#buckets.length * 2).fill(NO_SLOT);
    for (const slot of slots) this.#link(slot);
  }
}
