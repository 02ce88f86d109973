/**
 * Network address translation on top of connection tracking (Linux `nf_nat`).
 *
 *   first packet    the rules of the nat table decide, once for each of source and destination, and change the tuple of the
 *                   answers; a packet that no rule wants gets its own addresses, and another port if that is taken
 *   every packet    PREROUTING and OUTPUT set its destination, POSTROUTING and INPUT its source, to what the other
 *                   direction's tuple says; checksums are patched (RFC 1624)
 *   ICMP errors     are translated with the packet that they quote
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import type { Random } from '../sim/random.ts';
import * as Icmp from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as TcpHeader from '../wire/tcp.ts';
import * as Udp from '../wire/udp.ts';
import { type Connection, type Conntrack, invert, ORIGINAL } from './conntrack.ts';
import { ACCEPT, type HookPoint, INPUT, POSTROUTING, type Verdict } from './hooks.ts';
import type { NetDevice } from './netdevice.ts';
import { joinPorts, type Tuple } from './tuple-table.ts';

export type NatTarget =
  /** The address of the device that the packet leaves through. */
  | { readonly kind: 'masquerade'; readonly ports?: PortRange; readonly randomFully?: boolean }
  | {
      readonly kind: 'snat';
      readonly address: Ipv4Address;
      readonly ports?: PortRange;
      readonly randomFully?: boolean;
    }
  /** `port` 0 keeps the port. */
  | { readonly kind: 'dnat'; readonly address: Ipv4Address; readonly port: number };

/** Both ends included. */
export type PortRange = readonly [number, number];

export interface NatRule {
  /** `masquerade` and `snat`: POSTROUTING or INPUT; `dnat`: PREROUTING or OUTPUT. */
  readonly point: HookPoint;
  readonly target: NatTarget;
  /** `at`: the IPv4 header, in `view`. */
  matches(view: DataView, at: number, input: NetDevice | undefined, output: NetDevice | undefined): boolean;
}

export class Nat {
  /** The nat table: the first rule that matches decides. Replaced as a whole. */
  rules: readonly NatRule[] = [];
  readonly #conntrack: Conntrack;
  readonly #frames: FrameStore;
  readonly #random: Random;
  readonly #masqueradeAddress: (output: NetDevice) => Ipv4Address;

  /** `masqueradeAddress`: the source address for what leaves through a device; 0 when there is none. */
  constructor(
    conntrack: Conntrack,
    frames: FrameStore,
    random: Random,
    masqueradeAddress: (output: NetDevice) => Ipv4Address,
  ) {
    this.#conntrack = conntrack;
    this.#frames = frames;
    this.#random = random;
    this.#masqueradeAddress = masqueradeAddress;
  }

  /** The work of hook point `point` on `frame`, which has been tracked. */
  translate(
    point: HookPoint,
    frame: Frame,
    input: NetDevice | undefined,
    output: NetDevice | undefined,
  ): Verdict {
    const connection = this.#conntrack.connectionOf(frame);
    if (connection === undefined) return ACCEPT;
    const changesSource = point === POSTROUTING || point === INPUT;
    const state = this.#conntrack.stateOf(frame);
    if (state === 'NEW' && !(changesSource ? connection.sourceNatDone : connection.destinationNatDone)) {
      const verdict = this.#decide(connection, changesSource, point, frame, input, output);
      if (verdict !== ACCEPT) return verdict;
    }
    const original = this.#conntrack.directionOf(frame) === ORIGINAL;
    if (original && point === POSTROUTING && leftElsewhere(connection, output!)) {
      this.#conntrack.remove(connection);
      return 'CT_INVALID';
    }
    if (!(changesSource === original ? connection.sourceNat : connection.destinationNat)) return ACCEPT;
    const target = invert(connection.tuples[original ? 1 : 0], connection.protocol);
    if (state === 'RELATED') this.#translateError(frame, connection.protocol, target, changesSource);
    else
      rewrite(
        this.#frames.view(frame),
        this.#frames.start[frame]!,
        this.#frames.end[frame]!,
        target,
        changesSource,
      );
    return ACCEPT;
  }

  /** Run the rules for the first packet of `connection` and set up the tuple of its answers. */
  #decide(
    connection: Connection,
    changesSource: boolean,
    point: HookPoint,
    frame: Frame,
    input: NetDevice | undefined,
    output: NetDevice | undefined,
  ): Verdict {
    const view = this.#frames.view(frame);
    const at = this.#frames.start[frame]!;
    const rule = this.rules.find(one => one.point === point && one.matches(view, at, input, output));
    const current = invert(connection.tuples[1], connection.protocol);
    let wanted: Tuple;
    if (rule === undefined) {
      wanted = this.#unique(current, connection.protocol, changesSource, undefined, false);
    } else if (rule.target.kind === 'dnat') {
      const { address, port } = rule.target;
      const ports = port === 0 ? current.ports : withPort(current.ports, port, false);
      wanted = { ...current, destination: address, ports };
    } else {
      const { kind, ports, randomFully = false } = rule.target;
      const source = kind === 'snat' ? rule.target.address : this.#masqueradeAddress(output!);
      // nf_nat_masquerade_ipv4(): no address to masquerade with, no packet.
      if (source === 0) return 'CT_INVALID';
      if (kind === 'masquerade') connection.masqueradeDevice = output!.index;
      wanted = this.#unique({ ...current, source }, connection.protocol, true, ports, randomFully);
    }
    Object.assign(connection.tuples[1], invert(wanted, connection.protocol));
    const changed =
      wanted.source !== current.source ||
      wanted.destination !== current.destination ||
      wanted.ports !== current.ports;
    if (changesSource) {
      connection.sourceNat = changed;
      connection.sourceNatDone = true;
    } else {
      connection.destinationNat = changed;
      connection.destinationNatDone = true;
    }
    return ACCEPT;
  }

  /**
   * `tuple`, with another source port (or ICMP identifier) if its answers would be mistaken for those of another
   * connection, or if `randomFully` wants one anyhow (get_unique_tuple() and nf_nat_l4proto_unique_tuple()). When none is
   * free the last one tried comes back, and `confirm` refuses it.
   */
  #unique(
    tuple: Tuple,
    protocol: number,
    changesSource: boolean,
    range: PortRange | undefined,
    randomFully: boolean,
  ): Tuple {
    const free = (candidate: Tuple): boolean =>
      !this.#conntrack.isTaken(invert(candidate, protocol), protocol);
    const port = tuple.ports >>> 16;
    const inRange = range === undefined || (port >= range[0] && port <= range[1]);
    if (!randomFully && inRange && free(tuple)) return tuple;
    const isIcmp = protocol === Ipv4.PROTOCOL_ICMP;
    const hasPorts = isIcmp || protocol === Ipv4.PROTOCOL_TCP || protocol === Ipv4.PROTOCOL_UDP;
    // A destination port cannot be changed behind the sender's back.
    if (!changesSource || !hasPorts) return tuple;
    const [low, high] = range ?? (isIcmp ? [0, 0xffff] : sourceRange(port));
    const size = high - low + 1;
    let attempts = Math.min(size, 128);
    for (;;) {
      let offset = this.#random.below(65536);
      for (let i = 0; i < attempts; i++, offset++) {
        const candidate = { ...tuple, ports: withPort(tuple.ports, low + (offset % size), true) };
        if (free(candidate)) return candidate;
        // Linux takes shorter and shorter walks from new starts, then gives up.
        if (i === attempts - 1 && (attempts >= size || attempts < 16)) return candidate;
      }
      attempts >>= 1;
    }
  }

  /** The error travels against the packet it quotes: what is a source outside is a destination inside. */
  #translateError(frame: Frame, protocol: number, target: Tuple, changesSource: boolean): void {
    const view = this.#frames.view(frame);
    const at = this.#frames.start[frame]!;
    const end = this.#frames.end[frame]!;
    const icmp = at + Ipv4.headerLength(view, at);
    rewrite(view, icmp + Icmp.HEADER_LENGTH, end, invert(target, protocol), !changesSource);
    Icmp.setChecksum(view, icmp, Icmp.checksum(view, icmp, end, this.#frames.payloadSum(frame)));
    if (changesSource) Ipv4.setSource(view, at, target.source);
    else Ipv4.setDestination(view, at, target.destination);
  }
}

/** A masqueraded connection does not survive a change of the way out (`nf_nat_oif_changed`). */
const leftElsewhere = (connection: Connection, output: NetDevice): boolean =>
  connection.masqueradeDevice !== 0 && connection.masqueradeDevice !== output.index;

const withPort = (ports: number, port: number, source: boolean): number =>
  source ? joinPorts(port, ports & 0xffff) : joinPorts(ports >>> 16, port);

/** Ports that may stand in for `port`: privileged ones for privileged ones. */
function sourceRange(port: number): PortRange {
  if (port < 512) return [1, 511];
  return port < 1024 ? [600, 1023] : [1024, 65535];
}

/** Set source or destination, address and port, of the packet at `at`; its transport header may be cut short at `end`. */
function rewrite(view: DataView, at: number, end: number, target: Tuple, changesSource: boolean): void {
  const transport = at + Ipv4.headerLength(view, at);
  const protocol = Ipv4.protocol(view, at);
  const before = changesSource ? Ipv4.source(view, at) : Ipv4.destination(view, at);
  const after = changesSource ? target.source : target.destination;
  const port = changesSource ? target.ports >>> 16 : target.ports & 0xffff;
  if (changesSource) Ipv4.setSource(view, at, after);
  else Ipv4.setDestination(view, at, after);
  if (protocol === Ipv4.PROTOCOL_UDP) {
    Udp.addressChanged(view, transport, before, after);
    if (changesSource) Udp.setSourcePort(view, transport, port);
    else Udp.setDestinationPort(view, transport, port);
  } else if (protocol === Ipv4.PROTOCOL_TCP) {
    if (transport + TcpHeader.MIN_HEADER_LENGTH > end) {
      // An ICMP error quotes only 8 octets: the ports are there, the checksum is not.
      view.setUint16(changesSource ? transport : transport + 2, port);
      return;
    }
    TcpHeader.addressChanged(view, transport, before, after);
    if (changesSource) TcpHeader.setSourcePort(view, transport, port);
    else TcpHeader.setDestinationPort(view, transport, port);
  } else if (protocol === Ipv4.PROTOCOL_ICMP) {
    // The identifier is the source's, whichever way the message goes; the tuple has it in the same place.
    Icmp.setIdentifier(view, transport, target.ports >>> 16);
  }
}
