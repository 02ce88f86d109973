/**
 * Network devices. What distinguishes them is only how they transmit: over a link of the fabric, to a veth peer, into a
 * tunnel. What arrives is handed to the namespace through `Namespace.receive`.
 */

import type { AddressWord } from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import { HEADER_LENGTH } from '../wire/ethernet.ts';
import type { Namespace } from './namespace.ts';

export interface DeviceAddress {
  readonly address: Ipv4Address;
  /** Mask length as configured (`192.168.10.101/24`). */
  readonly length: number;
  readonly scope: 'global' | 'link' | 'host';
  /** `brd`: set by whoever configured the address, 0 for none. The broadcast route is there without it, too. */
  readonly broadcast: Ipv4Address;
}

/** Per-device sysctls under `net.ipv4.conf.DEV` that change what the stack does. */
export interface DeviceSysctl {
  rpFilter: 0 | 1 | 2;
  proxyArp: boolean;
  forwarding: boolean;
  acceptLocal: boolean;
  sendRedirects: boolean;
  routeLocalnet: boolean;
}

export interface DeviceCounters {
  rxPackets: number;
  rxOctets: number;
  rxDropped: number;
  txPackets: number;
  txOctets: number;
  txDropped: number;
}

export type Direction = 'receive' | 'transmit';

/** Sees a frame pass: `frames.start` is where the device's link header begins (the IP packet's on an `ipip` device). */
export type Tap = (frame: Frame, direction: Direction) => void;

export abstract class NetDevice {
  readonly name: string;
  readonly index: number;
  readonly namespace: Namespace;
  /** Second name that commands accept (`ens5`'s altname `enp0s5`, and `eth0`). */
  altnames: readonly string[] = [];
  #mtu: number;
  /** The host's jack that it is plugged into; -1 for what is no network interface card. */
  readonly jack: number;
  /** Administratively up (`ip link set … up`). */
  up = false;
  /** It was up once: it has got its queue discipline. */
  wasUp = false;
  addresses: readonly DeviceAddress[] = [];
  /** Number among all devices of the host: what a hand-over notes with the frame. */
  number = -1;
  /** Somebody captures here; a packet pays this one test when nobody does. */
  tapped = false;
  /** Frames that died here, by reason. Made when the first dies: most devices never lose one. */
  drops: Map<DropReason, number> | undefined;
  #taps: Tap[] = [];
  #mac: Mac.MacAddress = 0;
  /** The MAC address as `Ethernet.isTo` compares it: its first 16 bits, and its last 32, signed. */
  macHigh = 0;
  macLow = 0;
  readonly sysctl: DeviceSysctl = {
    rpFilter: 0,
    proxyArp: false,
    forwarding: true,
    acceptLocal: false,
    sendRedirects: true,
    routeLocalnet: false,
  };
  readonly #counters: DeviceCounters = {
    rxPackets: 0,
    rxOctets: 0,
    rxDropped: 0,
    txPackets: 0,
    txOctets: 0,
    txDropped: 0,
  };

  constructor(namespace: Namespace, name: string, index: number, mtu: number, jack = -1) {
    this.namespace = namespace;
    this.name = name;
    this.index = index;
    this.#mtu = mtu;
    this.jack = jack;
  }

  /** Where flows find it (`FlowDevice`): at its jack. */
  get inputJack(): number {
    return this.jack;
  }

  get outputJack(): number {
    return this.jack;
  }

  get mtu(): number {
    return this.#mtu;
  }

  set mtu(mtu: number) {
    this.#mtu = mtu;
    this.namespace.host.flows.forget();
  }

  get mac(): Mac.MacAddress {
    return this.#mac;
  }

  set mac(mac: Mac.MacAddress) {
    this.#mac = mac;
    this.macHigh = Mac.high16(mac);
    this.macLow = Mac.low32(mac) | 0;
    this.namespace.host.flows.forget();
  }

  get counters(): Readonly<DeviceCounters> {
    this.namespace.host.flows.settle();
    return this.#counters;
  }

  countReceived(packets: number, octets: number): void {
    this.#counters.rxPackets += packets;
    this.#counters.rxOctets += octets;
  }

  countSent(packets: number, octets: number): void {
    this.#counters.txPackets += packets;
    this.#counters.txOctets += octets;
  }

  /** A frame was not taken in. */
  countIgnored(): void {
    this.#counters.rxDropped++;
  }

  /** A frame could not be sent. */
  countRefused(): void {
    this.#counters.txDropped++;
  }

  /** `ether`, `loopback`, `ipip` …: what `ip link` prints after `link/`. */
  abstract readonly kind: 'ether' | 'loopback' | 'ipip';

  /** True when a next hop's MAC address has to be resolved before a packet can leave. */
  abstract readonly needsNeighbour: boolean;

  /** Carrier: is there somebody at the other end? */
  abstract readonly carrier: boolean;

  /**
   * Send a packet. `ether` devices get a whole Ethernet frame; an `ipip` device gets the IP packet and `nextHop`, the
   * gateway of the route that chose it (the tunnel's far end). Takes ownership of `frame`.
   */
  abstract transmit(frame: Frame, nextHop: AddressWord): void;

  /** Octets of link header in front of the IP packet. */
  get linkHeaderLength(): number {
    return this.kind === 'ipip' ? 0 : HEADER_LENGTH;
  }

  /** Something arrived: count it, show it, hand it to IP. Takes ownership. */
  ingress(frame: Frame): void {
    const { host, offload } = this.namespace;
    if (offload?.receive(frame, this) === true) return;
    this.#counters.rxPackets++;
    this.#counters.rxOctets += host.frames.length(frame);
    if (host.tracing || this.tapped || host.frames.tag[frame] !== 0) this.#show(frame, 'receive');
    this.namespace.receive(this, frame);
  }

  /** Something leaves: count it and show it. Called by `transmit` of each kind. */
  protected egress(frame: Frame): void {
    const { host } = this.namespace;
    this.#counters.txPackets++;
    this.#counters.txOctets += host.frames.length(frame);
    if (host.tracing || this.tapped || host.frames.tag[frame] !== 0) this.#show(frame, 'transmit');
  }

  /** Show every frame that passes to `tap`; returns how to stop. */
  tap(tap: Tap): () => void {
    this.#taps = [...this.#taps, tap];
    this.tapped = true;
    this.namespace.host.flows.forget();
    return () => {
      this.#taps = this.#taps.filter(other => other !== tap);
      this.tapped = this.#taps.length > 0;
    };
  }

  #show(frame: Frame, direction: Direction): void {
    for (const tap of this.#taps) tap(frame, direction);
    this.namespace.host.pass(this, frame, direction);
  }
}
