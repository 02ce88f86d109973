/**
 * What a routing daemon needs of the node it runs on: time, randomness, TCP, the kernel's table, and an ear for what
 * happens. No sockets and no event queue below this line.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { NamedNextHop, NamedRoute } from '../netstack/route.ts';
import type { Random } from '../sim/random.ts';
import type { Clock } from '../sim/time.ts';
import type { BgpState } from './fsm.ts';
import type { Route } from './route.ts';

/** One TCP connection as the speaker sees it. Bytes arrive in order. */
export interface Stream {
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  write(bytes: Uint8Array): void;
  /** Send octets `[from, to)` of `bytes`, which do not change any more. */
  writePart(bytes: Uint8Array, from: number, to: number): void;
  /** FIN after what was written. */
  close(): void;
  /** RST. */
  abort(): void;
}

export interface StreamEvents {
  established(stream: Stream): void;
  received(stream: Stream, bytes: Uint8Array): void;
  /** `reason`: '' clean FIN, else e.g. 'Connection refused', 'Connection reset by peer', 'No route to host'. */
  closed(stream: Stream, reason: string): void;
}

export interface StreamStack {
  /** Begin to connect. No event comes before this returns. */
  connect(
    options: {
      localAddress?: Ipv4Address;
      remoteAddress: Ipv4Address;
      remotePort: number;
      tos?: number;
      ttl?: number;
    },
    events: StreamEvents,
  ): Stream;
  /**
   * `accept` is given each connection once it is established, and may write to it at once; it answers `undefined` to
   * refuse. Returns the way to stop listening. `synAckTtl` is the TTL of SYN-ACKs, where it is not the connection's.
   */
  listen(
    port: number,
    accept: (stream: Stream) => StreamEvents | undefined,
    options?: { localAddress?: Ipv4Address; tos?: number; synAckTtl?: number },
  ): () => void;
}

/** The kernel's main table and devices as the daemon sees them (netlink). */
export type KernelNextHop = NamedNextHop;
/** Protocols: 'bird', 'kernel', 'boot', 'static', 'dhcp', '80', 'bgp'. */
export type KernelRoute = NamedRoute;

export interface KernelDevice {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  /** Address with its mask length. */
  readonly addresses: readonly Prefix[];
}

export interface Kernel {
  /** Another number after every change of a route, whoever made it. */
  readonly version: number;
  /** In the order of `ip route`; all, or those of the protocols asked for. */
  routes(isWanted?: (protocol: string) => boolean): readonly KernelRoute[];
  devices(): readonly KernelDevice[];
  /** Up or down. */
  hasDevice(name: string): boolean;
  /** False when the kernel refuses. */
  replace(route: KernelRoute): boolean;
  remove(route: KernelRoute): void;
}

/**
 * What a speaker tells of itself: for traces, for the lab's emitter and for finding convergence. A session has two
 * connections, ours and the peer's; `because` begins with which one changed its state.
 */
export type SpeakerEvent =
  | {
      readonly kind: 'session';
      readonly peer: Ipv4Address;
      readonly name: string;
      readonly from: BgpState;
      readonly to: BgpState;
      readonly because: string;
    }
  | {
      readonly kind: 'best';
      readonly prefix: Prefix;
      readonly was: Route | undefined;
      readonly is: Route | undefined;
      /** The step of the decision that chose, or why there is nothing left to choose from. */
      readonly because: string;
    }
  | { readonly kind: 'kernel'; readonly action: 'replace' | 'remove'; readonly route: KernelRoute };

export interface SpeakerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly streams: StreamStack;
  readonly kernel: Kernel;
  readonly report: (event: SpeakerEvent) => void;
}
