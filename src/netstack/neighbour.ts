/**
 * The neighbour table of a namespace: who has which MAC address, as Linux's `net/core/neighbour.c` finds out.
 *
 *               packet                3 answers missing
 *      (none) ─────────> INCOMPLETE ────────────────────> FAILED ──packet──> INCOMPLETE
 *                            │ answer
 *                            v         30 s x 0.5…1.5
 *            ┌───────── REACHABLE ─────────────────────> STALE <── heard a request from it
 *     answer │               ^ answer                      │ packet
 *            └── PROBE       └─────────── DELAY <──────────┘
 *                  ^  no answer in 5 s       │
 *                  └─────────────────────────┘          PROBE: 3 unicast requests, then FAILED
 *
 * PERMANENT entries (Felix's for the VTEPs) never change by themselves; NOARP ones are addresses whose MAC follows from
 * the address. Packets wait in an INCOMPLETE entry, the oldest is dropped when too many do.
 */

import { type AddressWord, ANY, toAddress, toWord } from '../addr/address-word.ts';
import * as Ipv4Address from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import { type Frame, FrameQueue, NO_FRAME } from '../sim/frame-store.ts';
import { NEVER, SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import * as Ethernet from '../wire/ethernet.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Arp from './arp.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import { selectAddress } from './source-address.ts';

/** NUD_* of Linux, as bits. */
export const NeighbourState = {
  NONE: 0,
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const;
export type NeighbourState = (typeof NeighbourState)[keyof typeof NeighbourState];
export type NeighbourStateName = keyof typeof NeighbourState;

const { NONE, INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, FAILED, NOARP, PERMANENT } = NeighbourState;
const VALID = PERMANENT | NOARP | REACHABLE | PROBE | STALE | DELAY;
/** A packet can go at once, and nothing has to be noted. */
const USABLE = PERMANENT | NOARP | REACHABLE | DELAY | PROBE;

/** `net.ipv4.neigh.default.*`. */
const BASE_REACHABLE_TIME = 30 * SECOND;
const RANDOMISE_EVERY = 300 * SECOND;
const RETRANSMIT_TIME = 1 * SECOND;
const DELAY_FIRST_PROBE_TIME = 5 * SECOND;
const GC_STALE_TIME = 60 * SECOND;
const LOCK_TIME = 1 * SECOND;
const UNICAST_PROBES = 3;
const BROADCAST_PROBES = 3;
const QUEUE_PACKETS = 101;
/** Below this many entries nothing is ever collected, stale or failed. */
const GC_THRESHOLD = 128;

/** What `ip neigh` prints. */
export interface NeighbourInfo {
  readonly address: Ipv4Address.Ipv4Address;
  readonly device: NetDevice;
  /** 0 while it is not known. */
  readonly mac: Mac.MacAddress;
  readonly state: NeighbourStateName;
  readonly used: VirtualTime;
  readonly confirmed: VirtualTime;
  readonly updated: VirtualTime;
  readonly probes: number;
}

class Neighbour {
  #state: NeighbourState = NONE;
  /** Ethernet header of IP packets to it, for the MAC addresses it has and its device had when it was set. */
  readonly header = new Ethernet.HeaderTemplate();
  #mac: Mac.MacAddress = 0;
  updated: VirtualTime = 0;
  confirmed: VirtualTime = 0;
  used: VirtualTime = 0;
  probes = 0;
  /** Source of the packet that asked last, if it was one of ours: what ARP asks in the name of. */
  askedFor: Ipv4Address.Ipv4Address = 0;
  timer: Timer | undefined;
  queue: FrameQueue | undefined;
  readonly address: Ipv4Address.Ipv4Address;
  readonly word: AddressWord;
  readonly device: NetDevice;

  constructor(address: Ipv4Address.Ipv4Address, device: NetDevice) {
    this.address = address;
    this.word = toWord(address);
    this.device = device;
  }

  get state(): NeighbourState {
    return this.#state;
  }

  /** Flows that go there were learnt while it was in another state. */
  set state(state: NeighbourState) {
    this.#state = state;
    this.device.namespace.host.flows.forget();
  }

  get mac(): Mac.MacAddress {
    return this.#mac;
  }

  set mac(mac: Mac.MacAddress) {
    this.#mac = mac;
    this.device.namespace.host.flows.forget();
    this.header.set(mac, this.device.mac, Ethernet.TYPE_IPV4);
  }
}

export class NeighbourTable {
  /** Grows when an entry appears, disappears, fails, recovers or gets another MAC; ageing does not count. */
  changed = 0;
  readonly #namespace: Namespace;
  /** By device index, then by address. */
  readonly #entries: Map<AddressWord, Neighbour>[] = [];
  /** By device index: who was sent to last. Most links have one router that everything goes to. */
  readonly #recent: (Neighbour | undefined)[] = [];
  #size = 0;
  #reachableTime: VirtualTime = 0;
  #randomised: VirtualTime = NEVER;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /**
   * Send the IP packet in `frame` (start = IPv4 header) to the neighbour `nextHop` on `device`, now or when it has
   * answered. Takes ownership.
   */
  output(frame: Frame, device: NetDevice, nextHop: AddressWord): void {
    let entry = this.#recent[device.index];
    if (entry === undefined || entry.word !== nextHop) {
      entry = this.#entries[device.index]?.get(nextHop) ?? this.#create(device, toAddress(nextHop));
      this.#recent[device.index] = entry;
    }
    if ((entry.state & USABLE) === 0 && !this.#prepare(entry, frame)) return;
    const { frames } = this.#namespace;
    const at = frames.push(frame, Ethernet.HEADER_LENGTH);
    entry.header.emit(frames.view(frame), at);
    device.transmit(frame, ANY);
  }

  /** The header of packets to that neighbour; `undefined` while something has to be noted when one goes there. */
  headerTo(device: NetDevice, nextHop: AddressWord): Ethernet.HeaderTemplate | undefined {
    const entry = this.#entries[device.index]?.get(nextHop);
    return entry === undefined || (entry.state & USABLE) === 0 ? undefined : entry.header;
  }

  /** True when the packet can go; otherwise it was queued. (`neigh_event_send`) */
  #prepare(entry: Neighbour, frame: Frame): boolean {
    const { now } = this.#namespace.clock;
    entry.used = now;
    if (entry.state === STALE) {
      entry.state = DELAY;
      entry.updated = now;
      this.#arm(entry, now + DELAY_FIRST_PROBE_TIME);
      return true;
    }
    const { frames } = this.#namespace;
    entry.queue ??= new FrameQueue(frames);
    if (entry.queue.length >= QUEUE_PACKETS)
      this.#namespace.drop(entry.queue.take(), 'NEIGH_QUEUE_FULL', entry.device);
    const source = Ipv4.source(frames.view(frame), frames.start[frame]!);
    entry.askedFor = this.#namespace.isLocal(source) ? source : 0;
    entry.queue.add(frame);
    if (entry.state !== INCOMPLETE) {
      // The three unicast requests are for a MAC that was known once: count them as done.
      entry.probes = UNICAST_PROBES;
      entry.state = INCOMPLETE;
      entry.updated = now;
      this.#arm(entry, now + RETRANSMIT_TIME);
      this.#solicit(entry);
    }
    return false;
  }

  #solicit(entry: Neighbour): void {
    const { device, address } = entry;
    const source = entry.askedFor || selectAddress(this.#namespace, device, address, 'link');
    const known = entry.probes < UNICAST_PROBES ? entry.mac : 0;
    entry.probes++;
    Arp.request(this.#namespace, device, address, source, known);
  }

  /**
   * ARP heard that `address` has `mac`. `state` is REACHABLE for an answer that was addressed to us, else STALE.
   * `create`: also when nobody here knows it (a request to us, or one we answer as proxy). (`arp_process`)
   */
  heard(
    device: NetDevice,
    address: Ipv4Address.Ipv4Address,
    mac: Mac.MacAddress,
    state: typeof REACHABLE | typeof STALE,
    create: boolean,
  ): void {
    let entry = this.#entries[device.index]?.get(toWord(address));
    if (entry === undefined) {
      if (!create) return;
      entry = this.#create(device, address);
    }
    // Of several answers that follow each other the first is used.
    const override = create || this.#namespace.clock.now > entry.updated + LOCK_TIME;
    this.#update(entry, mac, state, override);
  }

  /** (`neigh_update`, without the flags that ARP never sets) */
  #update(
    entry: Neighbour,
    mac: Mac.MacAddress,
    heard: typeof REACHABLE | typeof STALE,
    override: boolean,
  ): void {
    const { now } = this.#namespace.clock;
    const old = entry.state;
    if ((old & (PERMANENT | NOARP)) !== 0) return;
    let state: NeighbourState = heard;
    if ((old & VALID) !== 0) {
      if (mac !== entry.mac && !override) return;
      if (mac === entry.mac && state === STALE) state = old;
    }
    if (state === REACHABLE) entry.confirmed = now;
    if (state !== old || mac !== entry.mac) entry.updated = now;
    if ((old & VALID) === 0 || mac !== entry.mac) this.changed++;
    entry.mac = mac;
    if (state !== old) {
      entry.state = state;
      if (state === REACHABLE) this.#arm(entry, now + this.#reachable());
      else entry.timer?.cancel();
    }
    if ((old & VALID) === 0) this.#flushQueue(entry);
  }

  #flushQueue(entry: Neighbour): void {
    for (;;) {
      const frame = entry.queue === undefined ? NO_FRAME : entry.queue.take();
      if (frame === NO_FRAME) return;
      this.output(frame, entry.device, entry.word);
    }
  }

  /** TCP made progress with a peer behind this neighbour: it is there (`dst_confirm`). */
  confirm(device: NetDevice, address: Ipv4Address.Ipv4Address): void {
    const entry = this.#entries[device.index]?.get(toWord(address));
    if (entry !== undefined) entry.confirmed = this.#namespace.clock.now;
  }

  #expire(entry: Neighbour): void {
    const { now } = this.#namespace.clock;
    if (entry.state === REACHABLE) {
      if (now < entry.confirmed + this.#reachable()) this.#arm(entry, entry.confirmed + this.#reachable());
      else if (now <= entry.used + DELAY_FIRST_PROBE_TIME) {
        entry.state = DELAY;
        entry.updated = now;
        this.#arm(entry, now + DELAY_FIRST_PROBE_TIME);
      } else {
        entry.state = STALE;
        entry.updated = now;
      }
      return;
    }
    if (entry.state === DELAY) {
      if (now <= entry.confirmed + DELAY_FIRST_PROBE_TIME) {
        entry.state = REACHABLE;
        entry.updated = now;
        this.#arm(entry, entry.confirmed + this.#reachable());
        return;
      }
      entry.state = PROBE;
      entry.updated = now;
      entry.probes = 0;
    }
    if ((entry.state & (INCOMPLETE | PROBE)) === 0) return;
    const limit = entry.state === PROBE ? UNICAST_PROBES : UNICAST_PROBES + BROADCAST_PROBES;
    if (entry.probes >= limit) {
      this.#fail(entry);
      return;
    }
    this.#arm(entry, now + RETRANSMIT_TIME);
    this.#solicit(entry);
  }

  /** Nobody answered: every packet that waited dies, and who sent it hears of it (ICMP 3/1). */
  #fail(entry: Neighbour): void {
    entry.state = FAILED;
    entry.updated = this.#namespace.clock.now;
    this.changed++;
    for (;;) {
      const frame = entry.queue === undefined ? NO_FRAME : entry.queue.take();
      if (frame === NO_FRAME) return;
      this.#namespace.linkFailure(frame, entry.device);
    }
  }

  /** The mean is 30 s; every namespace draws its own, and a new one every five minutes. */
  #reachable(): VirtualTime {
    const { now } = this.#namespace.clock;
    if (this.#randomised === NEVER || now >= this.#randomised + RANDOMISE_EVERY) {
      this.#randomised = now;
      const random = this.#namespace.random(`neighbour/${now}`);
      this.#reachableTime = BASE_REACHABLE_TIME / 2 + Math.floor(random.unit() * BASE_REACHABLE_TIME);
    }
    return this.#reachableTime;
  }

  #arm(entry: Neighbour, at: VirtualTime): void {
    entry.timer ??= this.#namespace.clock.timer(() => this.#expire(entry));
    entry.timer.arm(at);
  }

  #create(device: NetDevice, address: Ipv4Address.Ipv4Address): Neighbour {
    if (this.#size >= GC_THRESHOLD) this.#collect();
    const entry = new Neighbour(address, device);
    const { now } = this.#namespace.clock;
    entry.used = now;
    entry.updated = now;
    entry.confirmed = now - 2 * BASE_REACHABLE_TIME;
    if (Ipv4Address.isMulticast(address)) {
      entry.state = NOARP;
      entry.mac = 0x0100_5e00_0000 + (address & 0x7f_ffff); // RFC 1112 §6.4
    } else if (this.#namespace.isBroadcast(address)) {
      entry.state = NOARP;
      entry.mac = Mac.BROADCAST;
    } else this.changed++;
    this.#entries[device.index] ??= new Map();
    this.#entries[device.index]!.set(toWord(address), entry);
    this.#size++;
    return entry;
  }

  #collect(): void {
    const { now } = this.#namespace.clock;
    for (const entries of this.#entries) {
      for (const entry of entries?.values() ?? []) {
        const idle = now > entry.used + GC_STALE_TIME && now > entry.updated + GC_STALE_TIME;
        if (entry.state === FAILED || (entry.state === STALE && idle)) this.#delete(entry);
      }
    }
  }

  #delete(entry: Neighbour): void {
    entry.timer?.cancel();
    entry.device.namespace.host.flows.forget();
    if (this.#entries[entry.device.index]!.delete(entry.word)) this.#size--;
    if (this.#recent[entry.device.index] === entry) this.#recent[entry.device.index] = undefined;
    this.changed++;
    for (;;) {
      const frame = entry.queue === undefined ? NO_FRAME : entry.queue.take();
      if (frame === NO_FRAME) return;
      this.#namespace.drop(frame, 'NEIGH_FAILED', entry.device);
    }
  }

  /** `ip neigh replace ADDRESS lladdr MAC dev DEVICE nud permanent`. */
  setPermanent(device: NetDevice, address: Ipv4Address.Ipv4Address, mac: Mac.MacAddress): void {
    const entry = this.#entries[device.index]?.get(toWord(address)) ?? this.#create(device, address);
    if (entry.state === PERMANENT && entry.mac === mac) return;
    entry.timer?.cancel();
    entry.state = PERMANENT;
    entry.mac = mac;
    entry.updated = this.#namespace.clock.now;
    this.changed++;
    this.#flushQueue(entry);
  }

  /** `ip neigh del`. False when there is none. */
  remove(device: NetDevice, address: Ipv4Address.Ipv4Address): boolean {
    const entry = this.#entries[device.index]?.get(toWord(address));
    if (entry === undefined) return false;
    this.#delete(entry);
    return true;
  }

  /** Forget what was learnt on `device`; permanent entries too when it goes down, not when it merely lost carrier. */
  flush(device: NetDevice, permanentToo: boolean): void {
    for (const entry of [...(this.#entries[device.index]?.values() ?? [])]) {
      if (permanentToo || entry.state !== PERMANENT) this.#delete(entry);
    }
  }

  /** Whose answer a packet with that tag waits for. */
  waiting(tag: number): Pick<NeighbourInfo, 'address' | 'device'> | undefined {
    for (const entries of this.#entries)
      for (const entry of entries?.values() ?? []) if (entry.queue?.hasTag(tag)) return entry;
    return undefined;
  }

  /** What `ip neigh` shows: everything but NOARP, by device and age. */
  list(): NeighbourInfo[] {
    const list: NeighbourInfo[] = [];
    for (const entries of this.#entries) {
      for (const entry of entries?.values() ?? []) {
        if (entry.state === NOARP) continue;
        const { address, device, mac, used, confirmed, updated, probes } = entry;
        list.push({
          address,
          device,
          used,
          confirmed,
          updated,
          probes,
          mac: (entry.state & VALID) === 0 ? 0 : mac,
          state: stateName(entry.state),
        });
      }
    }
    return list;
  }
}

const stateNames = new Map(
  Object.entries(NeighbourState).map(([name, bit]) => [bit, name as NeighbourStateName]),
);
const stateName = (state: NeighbourState): NeighbourStateName => stateNames.get(state)!;
