/**
 * What routing came to, remembered flow by flow: a packet of a flow that was forwarded, sent or delivered before, by a host
 * that has not changed since, is checked, rewritten and goes on without asking anybody. Linux has the same in its flowtable
 * (`net/netfilter/nf_flow_table_ip.c`; for what begins here, in the `dst_entry` that a socket keeps), and this one promises
 * as much: the packet leaves as ip-input.ts, ip-forward.ts, ip-output.ts and neighbour.ts would have sent it, octet for
 * octet, and is counted where they would have counted it.
 *
 *   jack, MAC address it is sent to,  ─ known, and nothing changed ─>  TTL - 1, next hop's header, link or veth
 *   source, destination               │                              or the transport protocol it is for
 *                                     └ anything else ──────────────>  the way through the stack, which may learn
 *
 * Only what depends on nothing but the key is learnt: no hooks, one next hop, a neighbour that needs no probe, nobody who
 * watches. `forget` voids everything at once; whoever changes what a decision rests on calls it. A flow is 64 octets,
 * one cache line, where the stack's own tables are some forty.
 */
import type { AddressWord } from '../addr/address-word.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import type { Arrivals, Transmitter } from '../sim/link.ts';
import * as Link from '../sim/link.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import * as EthernetCodec from '../wire/ethernet.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ethernet = { ...EthernetCodec };
const Ipv4 = { ...Ipv4Codec };
const { transmit } = Link;

/** Words of a flow. */
const FLOW = 16;
const DESTINATION = 0;
const SOURCE = 1;
/** Jack it comes in by, and the MAC address it is sent to there; of a flow that begins here, what tells its namespace. */
const INPUT_JACK = 2;
const MAC_HIGH = 3;
const MAC_LOW = 4;
/** The flow is valid while this is the table's own. */
const GENERATION = 5;
/** The Ethernet header it leaves with, but for the type. */
const HEADER = 6;
const OUTPUT_JACK = 9;
const MTU = 10;
/** Numbers of the devices, for their counters; -1 where a flow begins or ends here. */
const INPUT_DEVICE = 11;
const OUTPUT_DEVICE = 12;
/** What passed by it and is not yet in the devices' counters. */
const PACKETS = 13;
const OCTETS = 14;
/** The record of the transmitter on the output jack. */
const OUTPUT_LINK = 15;

/**
 * Jacks: 0 and on, a NIC's; this and on, a veth's, into which the peer of that number is plugged; -1 of a device, none, and
 * nothing is learnt; below 0 of a `FlowEnd`, the namespace's own.
 */
const VETH = 1 << 20;
export const VETH_JACKS = VETH;

/** No such flow. */
const NONE = -1;
export const NO_FLOW = NONE;

/** Flows in a set: a flow may be in any place of its set, which has its own by hash. Words of it. */
const WAYS = 4;
const SET = WAYS * FLOW;
/** Sets, at most. */
const MOST_SETS = 1024;
/** Counters are folded before they no longer fit. */
const MANY_OCTETS = 2 ** 30;

/** A device as a flow knows it. */
export interface FlowDevice {
  /** Jacks that it receives and sends by, those of a veth from `VETH_JACKS` on; -1: by none, so flows do without it. */
  readonly inputJack: number;
  readonly outputJack: number;
  readonly number: number;
  readonly macHigh: number;
  readonly macLow: number;
}

/** A namespace in the place of a device, which sends or is sent to: its jacks are negative and no other's, its number -1. */
export interface FlowEnd extends FlowDevice {}

/** A decision, as the stack made it. */
export interface Decision {
  readonly source: AddressWord;
  readonly destination: AddressWord;
  readonly input: FlowDevice;
  readonly output: FlowDevice;
  /** Of the next hop; of no use where a flow ends here. */
  readonly header: EthernetCodec.HeaderTemplate | undefined;
  readonly mtu: number;
}

/** What the table needs of its host. */
export interface FlowHost {
  readonly frames: FrameStore;
  readonly outputs: readonly Transmitter[];
  readonly habitat: Arrivals;
  /** `frame` goes to the device of that number, at this instant. */
  handTo(device: number, frame: Frame): void;
  /** So much came in by one device and left by the other (-1: began or ended here): for their counters. */
  countPassed(input: number, output: number, packets: number, octets: number): void;
  /** `frame` (start = behind its IPv4 header, which is at `ipAt`) came in by that device for `protocol` of its namespace. */
  handUp(frame: Frame, ipAt: number, protocol: number, device: number): void;
  /** The link of that device did not take `frame`. */
  refused(frame: Frame, device: number, reason: DropReason): void;
}

export class FlowTable {
  readonly #frames: FrameStore;
  /** Where the flows are in `FrameStore.tables`: `#mask + 1` sets of them. */
  #first: number;
  #mask = 0;
  #generation = 1;
  readonly #host: FlowHost;
  readonly #outputs: readonly Transmitter[];
  /** Flows that took the place of another valid one since the table last grew. */
  #displaced = 0;

  constructor(host: FlowHost) {
    this.#host = host;
    this.#frames = host.frames;
    this.#outputs = host.outputs;
    this.#first = this.#frames.tables.reserve(SET);
  }

  /** Forward or deliver `frame` (start = Ethernet header) if its flow is known: then it is gone. False: it has to go through the stack. */
  forward(frame: Frame, jack: number): boolean {
    const frames = this.#frames;
    const at = frames.start[frame]!;
    const ip = at + Ethernet.HEADER_LENGTH;
    if (frames.end[frame]! - ip < Ipv4.MIN_HEADER_LENGTH || frames.tag[frame] !== 0) return false;
    const view = frames.view(frame);
    const source = Ipv4.sourceWord(view, ip);
    const destination = Ipv4.destinationWord(view, ip);
    const words = this.#frames.tables.words;
    const flow = this.#find(jack, source, destination);
    if (
      flow === NONE ||
      !Ethernet.isTo(view, at, words[flow | MAC_HIGH]!, words[flow | MAC_LOW]!) ||
      Ethernet.etherType(view, at) !== Ethernet.TYPE_IPV4
    )
      return false;
    const octets = frames.length(frame);
    const length = octets - Ethernet.HEADER_LENGTH;
    const third = Ipv4.thirdWord(view, ip);
    if (!Ipv4.isPlain(view.getInt32(ip), view.getInt32(ip + 4), third, source, destination, length))
      return false;
    if (words[flow | OUTPUT_JACK]! < 0) return this.#deliver(flow, frame, ip, Ipv4.protocolOf(third), octets);
    if (length > words[flow | MTU]! || Ipv4.ttlOf(third) <= 1) return false;
    Ipv4.setThirdWord(view, ip, Ipv4.oneHopLess(third));
    this.#transmit(flow, frame, view, at, octets);
    return true;
  }

  /** The flow of packets from `source` to `destination` that begin in the namespace of that jack, or `NO_FLOW`. */
  outgoing(jack: number, source: AddressWord, destination: AddressWord): number {
    return this.#find(jack, source, destination);
  }

  /** Longest packet that goes out whole by `flow`. */
  mtu(flow: number): number {
    return this.#frames.tables.words[flow | MTU]!;
  }

  /** Send `frame` (start = IPv4 header), which is not longer than `mtu`, by `flow`. Takes ownership. */
  send(flow: number, frame: Frame): void {
    const frames = this.#frames;
    const view = frames.view(frame);
    const at = frames.push(frame, Ethernet.HEADER_LENGTH);
    Ethernet.setEtherType(view, at, Ethernet.TYPE_IPV4);
    this.#transmit(flow, frame, view, at, frames.length(frame));
  }

  /** Hand a packet that is for this host to its protocol. False for what IP itself has to look at. */
  #deliver(flow: number, frame: Frame, ipAt: number, protocol: number, octets: number): boolean {
    if (protocol === Ipv4.PROTOCOL_ICMP || protocol === Ipv4.PROTOCOL_IPIP) return false;
    this.#count(flow, octets);
    this.#frames.pull(frame, Ethernet.HEADER_LENGTH + Ipv4.MIN_HEADER_LENGTH);
    this.#host.handUp(frame, ipAt, protocol, this.#frames.tables.words[flow | INPUT_DEVICE]!);
    return true;
  }

  #count(flow: number, octets: number): void {
    const words = this.#frames.tables.words;
    words[flow | PACKETS]! += 1;
    words[flow | OCTETS]! += octets;
    if (words[flow | OCTETS]! > MANY_OCTETS) this.#settle(flow);
  }

  #transmit(flow: number, frame: Frame, view: DataView, at: number, octets: number): void {
    const words = this.#frames.tables.words;
    view.setInt32(at, words[flow | HEADER]!);
    view.setInt32(at + 4, words[flow | (HEADER + 1)]!);
    view.setInt32(at + 8, words[flow | (HEADER + 2)]!);
    this.#count(flow, octets);
    const jack = words[flow | OUTPUT_JACK]!;
    if (jack >= VETH) this.#host.handTo(jack - VETH, frame);
    else if (!transmit(this.#frames, words[flow | OUTPUT_LINK]!, frame, this.#host.habitat))
      this.#transmitSlowly(flow, frame, jack);
  }

  /** The link is not as simple as `transmit` likes it, or has no room. */
  #transmitSlowly(flow: number, frame: Frame, jack: number): void {
    const words = this.#frames.tables.words;
    const refusal = this.#outputs[jack]!.transmit(frame);
    if (refusal !== undefined) this.#host.refused(frame, words[flow | OUTPUT_DEVICE]!, refusal);
  }

  /** The valid flow that comes in by `jack`, or `NO_FLOW`. */
  #find(jack: number, source: AddressWord, destination: AddressWord): number {
    const words = this.#frames.tables.words;
    const generation = this.#generation;
    const set = this.#setOf(jack, source, destination);
    for (let flow = set; flow < set + SET; flow += FLOW)
      if (
        words[flow | DESTINATION] === destination &&
        words[flow | SOURCE] === source &&
        words[flow | INPUT_JACK] === jack &&
        words[flow | GENERATION] === generation
      )
        return flow;
    return NONE;
  }

  /** Where the set of flows begins that a flow belongs to. */
  #setOf(jack: number, source: AddressWord, destination: AddressWord): number {
    // A packet between two pods of a host has the same addresses at each of its jacks.
    const from = source ^ Math.imul(jack, 0xc2b2ae35);
    const hash = Math.imul(destination ^ Math.imul(from, 0x85ebca6b), 0x9e3779b1);
    return this.#first + ((hash >>> 16) & this.#mask) * SET;
  }

  /** The stack forwards, sends or delivers a packet so, and would every other of its flow. */
  learn(decision: Decision): void {
    const { source, destination, input, output } = decision;
    const flow = this.#room(input.inputJack, source, destination);
    this.#settle(flow);
    const words = this.#frames.tables.words;
    words[flow | DESTINATION] = destination;
    words[flow | SOURCE] = source;
    words[flow | INPUT_JACK] = input.inputJack;
    words[flow | MAC_HIGH] = input.macHigh;
    words[flow | MAC_LOW] = input.macLow;
    words[flow | GENERATION] = this.#generation;
    decision.header?.copyAddresses(words, flow | HEADER);
    words[flow | OUTPUT_JACK] = output.outputJack;
    // A veth has none: what leaves by it never looks there.
    words[flow | OUTPUT_LINK] = this.#outputs[output.outputJack]?.at ?? 0;
    words[flow | MTU] = decision.mtu;
    words[flow | INPUT_DEVICE] = input.number;
    words[flow | OUTPUT_DEVICE] = output.number;
  }

  /** A place for a flow: its own, or one that is not taken, or that of another whose set is full. */
  #room(jack: number, source: AddressWord, destination: AddressWord): number {
    const known = this.#find(jack, source, destination);
    if (known !== NONE) return known;
    const set = this.#setOf(jack, source, destination);
    for (let flow = set; flow < set + SET; flow += FLOW)
      if (this.#frames.tables.words[flow | GENERATION] !== this.#generation) return flow;
    const displaced = this.#displaced++;
    if (displaced <= this.#mask || this.#mask + 1 >= MOST_SETS) return set + (displaced & (WAYS - 1)) * FLOW;
    this.#resize(2 * (this.#mask + 1));
    return this.#setOf(jack, source, destination);
  }

  /** What was decided while this was another number is void. */
  get generation(): number {
    return this.#generation;
  }

  /** Something changed: every decision has to be made anew. */
  forget(): void {
    this.#generation = (this.#generation + 1) | 0;
  }

  /** Bring the devices' counters up to date. */
  settle(): void {
    const end = this.#first + (this.#mask + 1) * SET;
    for (let flow = this.#first; flow < end; flow += FLOW) this.#settle(flow);
  }

  #settle(flow: number): void {
    const words = this.#frames.tables.words;
    const packets = words[flow | PACKETS]!;
    if (packets === 0) return;
    this.#host.countPassed(
      words[flow | INPUT_DEVICE]!,
      words[flow | OUTPUT_DEVICE]!,
      packets,
      words[flow | OCTETS]!,
    );
    words[flow | PACKETS] = 0;
    words[flow | OCTETS] = 0;
  }

  #resize(sets: number): void {
    this.settle();
    this.#frames.tables.release(this.#first, (this.#mask + 1) * SET);
    this.#first = this.#frames.tables.reserve(sets * SET);
    this.#mask = sets - 1;
    this.#displaced = 0;
  }
}
