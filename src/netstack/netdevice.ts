/**
 * Network devices. What distinguishes them is only how they transmit: over a link of the fabric, to a veth peer, into a
 * tunnel. What arrives is handed to the namespace through `Namespace.receive`.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { Namespace } from './namespace.ts';

export interface DeviceAddress {
  readonly address: Ipv4Address;
  /** Mask length as configured (`192.168.10.101/24`). */
  readonly length: number;
  readonly scope: 'global' | 'link' | 'host';
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

export abstract class NetDevice {
  readonly name: string;
  readonly index: number;
  readonly namespace: Namespace;
  /** Second name that commands accept (`ens5`'s altname `enp0s5`, and `eth0`). */
  altnames: readonly string[] = [];
  mac: MacAddress = 0;
  mtu: number;
  /** Administratively up (`ip link set … up`). */
  up = false;
  addresses: readonly DeviceAddress[] = [];
  readonly sysctl: DeviceSysctl = {
    rpFilter: 0,
    proxyArp: false,
    forwarding: true,
    acceptLocal: false,
    sendRedirects: true,
    routeLocalnet: false,
  };
  readonly counters: DeviceCounters = {
    rxPackets: 0,
    rxOctets: 0,
    rxDropped: 0,
    txPackets: 0,
    txOctets: 0,
    txDropped: 0,
  };

  constructor(namespace: Namespace, name: string, index: number, mtu: number) {
    this.namespace = namespace;
    this.name = name;
    this.index = index;
    this.mtu = mtu;
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
  abstract transmit(frame: Frame, nextHop: Ipv4Address): void;
}
