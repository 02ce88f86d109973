/**
 * The seam between IP and what runs on it (ICMP, UDP, TCP).
 *
 *   socket ── output ──> Namespace.send ──> route, hooks, fragments, neighbour, device
 *   device ──> ip-input ──> reassembly ──> TransportProtocol.receive
 *                                └ ICMP error about one of ours ──> TransportProtocol.error
 */
import type { AddressWord } from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import type { Random } from '../sim/random.ts';
import type { Clock } from '../sim/time.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import type { NetDevice } from './netdevice.ts';
import type { Route } from './route.ts';

/** What a local sender is told, as errno. '' = sent. */
export type SendError =
  | ''
  | 'ENETUNREACH' // no route, or an unreachable route's cousin: "Network is unreachable"
  | 'EHOSTUNREACH' // an unreachable route, or a failed neighbour: "No route to host"
  | 'EACCES' // a prohibit route: "Permission denied"
  | 'EINVAL' // a blackhole route: "Invalid argument"
  | 'EMSGSIZE' // larger than the path MTU, and DF was asked for: "message too long"
  | 'ENETDOWN';

/** Where a packet of a local socket would go (`ip route get`). */
export interface Path {
  readonly route: Route;
  readonly device: NetDevice;
  /** The neighbour to resolve: the gateway, or the destination itself. */
  readonly nextHop: Ipv4Address;
  readonly source: Ipv4Address;
  /** Smallest of device MTU, route MTU and the path MTU learnt from ICMP 3/4. */
  readonly mtu: number;
}

/** IP's job for one packet of a local socket. Reused by its owner: `send` keeps nothing of it. */
export interface SendRequest {
  protocol: number;
  source: Ipv4Address;
  destination: Ipv4Address;
  ttl: number;
  tos: number;
  /** 'want' = DF unless already fragmented (TCP, ping default), 'do' = DF and EMSGSIZE, 'dont' = fragments allowed, 'probe' = DF, ignore PMTU. */
  pmtu: 'want' | 'do' | 'dont' | 'probe';
  /** Bind to this device (`ping -I tunl0`). */
  device: NetDevice | undefined;
  /** For ECMP hashing; 0 when the protocol has none. */
  sourcePort: number;
  destinationPort: number;
}

/** Reported to the socket whose packet is quoted. */
export interface IcmpErrorReport {
  readonly type: number;
  readonly code: number;
  /** Next-hop MTU of 3/4, else 0. */
  readonly mtu: number;
  /** Who sent the error, and the TTL that it came with. */
  readonly from: Ipv4Address;
  readonly ttl?: number;
  /** Of the quoted packet: ours. */
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** The quoted transport header: at least 8 octets at `at`. */
  readonly view: DataView;
  readonly at: number;
}

export interface TransportProtocol {
  /** A whole datagram for this host: `frames.start` is at the transport header, `ipAt` at the IPv4 header. Takes ownership. */
  receive(frame: Frame, ipAt: number, device: NetDevice): void;
  error(report: IcmpErrorReport): void;
  /** Is the quoted packet one of ours? A path MTU is learnt only then (RFC 5927 §4). Absent: always. */
  owns?(report: IcmpErrorReport): boolean;
}

/** What a transport protocol sees of its namespace. `Namespace` implements it. */
export interface IpLayer {
  readonly name: string;
  readonly clock: Clock;
  readonly frames: FrameStore;
  random(purpose: string): Random;
  /** Route lookup for a local sender, or why not. `source` 0 = choose. */
  path(request: SendRequest): Path | SendError;
  /**
   * Send the transport datagram in `frame` (start = transport header, checksum already filled in by the caller from
   * `request.source`, which must not be 0). Takes ownership, also when it returns an error.
   */
  send(frame: Frame, request: SendRequest): SendError;
  /**
   * `send`, if its flow is known, of a datagram of no special wishes: no device, tag or policy for the path MTU but to heed
   * it (`pmtu` 'want'). False, and nothing has happened, when `send` has to see to it; absent: always. True: it is sent, and not
   * the caller's any more.
   */
  sendByFlow?(
    frame: Frame,
    protocol: number,
    source: AddressWord,
    destination: AddressWord,
    ttl: number,
    tos: number,
  ): boolean;
  /** True when `address` is one of this namespace's. */
  isLocal(address: Ipv4Address): boolean;
  /**
   * Answer `frame` (start = its IPv4 header, whole to the end) with an ICMP error; the frame stays the caller's. `info`
   * is the message's second word: the MTU of 3/4, else 0. `device` is where the packet came in.
   */
  sendIcmpError(frame: Frame, type: number, code: number, info: number, device: NetDevice): void;
  /** The peer `destination` made progress, so the neighbour on the way to it is there (Linux `dst_confirm`). */
  confirm?(destination: Ipv4Address): void;
  /** Count and free a frame that dies here; at `device`, where there is one. */
  drop(frame: Frame, reason: DropReason, device?: NetDevice): void;
  /** Count a frame that reached its program, and free it. */
  deliver(frame: Frame): void;
  readonly sysctl: NamespaceSysctl;
}

/** `net.ipv4.*` of the namespace that sockets and IP obey. Values as in /proc/sys. */
export interface NamespaceSysctl {
  ipForward: boolean;
  /** `net.ipv4.conf.all.rp_filter`. */
  allRpFilter: 0 | 1 | 2;
  ipDefaultTtl: number;
  ipLocalPortRange: readonly [number, number];
  icmpRatelimit: number;
  icmpRatemask: number;
  icmpEchoIgnoreAll: boolean;
  tcpRmem: readonly [number, number, number];
  tcpWmem: readonly [number, number, number];
  tcpCongestionControl: 'cubic' | 'reno';
  tcpEcn: 0 | 1 | 2;
  tcpTimestamps: boolean;
  tcpSack: boolean;
  tcpWindowScaling: boolean;
  fibMultipathHashPolicy: 0 | 1;
}

/** What a namespace begins with: Linux 6.1 with memory enough for the largest `tcp_rmem`. */
export const DEFAULT_SYSCTL: Readonly<NamespaceSysctl> = {
  ipForward: false,
  allRpFilter: 0,
  ipDefaultTtl: 64,
  ipLocalPortRange: [32768, 60999],
  icmpRatelimit: 1000,
  icmpRatemask: 0x1818,
  icmpEchoIgnoreAll: false,
  tcpRmem: [4096, 131072, 6291456],
  tcpWmem: [4096, 16384, 4194304],
  tcpCongestionControl: 'cubic',
  tcpEcn: 2,
  tcpTimestamps: true,
  tcpSack: true,
  tcpWindowScaling: true,
  fibMultipathHashPolicy: 0,
};
