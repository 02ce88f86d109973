/**
 * What hooks and routing came to, remembered with the connection (Linux `nf_flow_table_core.c`: flow offload). On a node
 * with Calico's rules a packet passes up to eleven hooks and three routes each time it meets IP; the second packet of a
 * connection that goes the same way gets the same verdicts and the same next hop, so it need not ask again:
 *
 *   device ─ receive ─> checks, its connection ─┬─> TTL - 1 ──────┬─> next hop's header, link or veth
 *   socket, tunnel ─ send ─> its connection ────│─────────────────┴─> a tunnel: as ip-output.ts does it
 *                                               └─> for this host: its protocol (decapsulation, TCP, UDP)
 *
 * The connection counts each packet and lives on as ever, and so do the devices. What is rare goes through the stack:
 * fragments, ICMP errors, the beginning and end of TCP, a TTL of 1, what is too long, translated connections, whatever
 * somebody watches, and everything while a hook is there that is not `steady`.
 *
 * A decision holds while the flow table's generation does (`FlowTable.forget`: routes, rules, neighbours, devices, sysctls)
 * and while the connection is remembered. Packets that the rules leave untracked, which are VXLAN's, have no connection:
 * the rules look at their addresses and their destination port only, and so is what was decided kept.
 */
import type { AddressWord } from '../addr/address-word.ts';
import * as AddressWords from '../addr/address-word.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import * as EthernetCodec from '../wire/ethernet.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';
import * as UdpCodec from '../wire/udp.ts';
import type { Connection, Conntrack } from './conntrack.ts';
import * as FlowTables from './flow-table.ts';
import type { NetHost } from './host.ts';
import { deliverToProtocol } from './ip-input.ts';
import { finishOutput } from './ip-output.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import * as TupleTable from './tuple-table.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ethernet = { ...EthernetCodec };
const Ipv4 = { ...Ipv4Codec };
const Udp = { ...UdpCodec };
const { ANY } = AddressWords;
const { NO_SLOT } = TupleTable;
const { VETH_JACKS } = FlowTables;

/** How packets of one direction of a connection pass this host. */
class Way {
  /** It is valid while this is the flow table's own. */
  generation = 0;
  readonly connection: Connection;
  /** Where they come in; `undefined`: they begin here. */
  input: NetDevice | undefined;
  /** Where they leave; `undefined`: they are for this host. */
  output: NetDevice | undefined;
  /** The jack of `output`, if they can go there at once, with `header`; -1: ip-output.ts knows how. */
  jack = -1;
  header: EthernetCodec.HeaderTemplate | undefined;
  nextHop = ANY;
  /** What is longer has to be cut, or is refused. */
  mtu = 0;

  constructor(connection: Connection) {
    this.connection = connection;
  }
}

/** Untracked datagrams from one address that this host takes in. */
interface Arrival {
  readonly input: NetDevice;
  readonly destination: AddressWord;
  readonly port: number;
}

export class FlowOffload {
  readonly #namespace: Namespace;
  readonly #host: NetHost;
  readonly #frames: FrameStore;
  readonly #conntrack: Conntrack;
  /** By conntrack's slots. One whose connection is gone stays until another takes its place. */
  readonly #ways: (Way | undefined)[] = [];
  /** By source. */
  readonly #arrivals = new Map<AddressWord, Arrival>();
  /** The flow table's generation when something was learnt last: before that there is nothing to look for. */
  #learntAt = -1;

  constructor(namespace: Namespace, conntrack: Conntrack) {
    this.#namespace = namespace;
    this.#host = namespace.host;
    this.#frames = namespace.frames;
    this.#conntrack = conntrack;
  }

  /** Forward or deliver `frame` (start = link header), which comes in by `input`, if its way is known: then it is gone. */
  receive(frame: Frame, input: NetDevice): boolean {
    const host = this.#host;
    const frames = this.#frames;
    if (this.#learntAt !== host.flows.generation) return false;
    if (frames.tag[frame] !== 0 || input.tapped || host.tracing) return false;
    const view = frames.view(frame);
    const end = frames.end[frame]!;
    const start = frames.start[frame]!;
    const octets = frames.length(frame);
    let at = start;
    if (input.kind !== 'ipip') {
      at += Ethernet.HEADER_LENGTH;
      if (at >= end || !Ethernet.isTo(view, start, input.macHigh, input.macLow)) return false;
      if (Ethernet.etherType(view, start) !== Ethernet.TYPE_IPV4) return false;
    }
    const length = octets - (at - start);
    if (Ipv4.check(view, at, end, length) !== Ipv4.Fault.None || Ipv4.totalLength(view, at) !== length)
      return false;
    const slot = this.#conntrack.slotOf(view, at, end);
    const way = this.#wayOf(slot);
    if (way === undefined ? !this.#isKnownArrival(slot, input, view, at) : way.input !== input) return false;
    const forwards = way?.output !== undefined;
    if (forwards && (Ipv4.ttl(view, at) <= 1 || length > way.mtu)) return false;
    if (way !== undefined && !this.#conntrack.proceed(slot, view, at)) return false;
    input.countReceived(1, octets);
    frames.start[frame] = at;
    if (forwards) {
      Ipv4.decrementTtl(view, at);
      this.#leave(way, way.output!, frame, view);
    } else deliverToProtocol(this.#namespace, input, frame);
    return true;
  }

  /** Send `frame` (start = IPv4 header), a packet of this host, if the hooks are known to accept it: then it is gone. */
  send(frame: Frame, output: NetDevice, nextHop: AddressWord, mtu: number): boolean {
    const frames = this.#frames;
    if (this.#learntAt !== this.#host.flows.generation || frames.tag[frame] !== 0) return false;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const slot = this.#conntrack.slotOf(view, at, frames.end[frame]!);
    const way = this.#wayOf(slot);
    if (way === undefined || way.input !== undefined || way.output !== output) return false;
    if (way.nextHop !== nextHop || way.mtu !== mtu || frames.length(frame) > mtu) return false;
    if (!this.#conntrack.proceed(slot, view, at)) return false;
    this.#leave(way, output, frame, view);
    return true;
  }

  #wayOf(slot: number): Way | undefined {
    if (slot === NO_SLOT) return undefined;
    const way = this.#ways[slot];
    return way !== undefined &&
      way.generation === this.#learntAt &&
      way.connection === this.#conntrack.connectionAt(slot)
      ? way
      : undefined;
  }

  /** The packet in `frame` (start = IPv4 header), not longer than the MTU, leaves by `output`. */
  #leave(way: Way, output: NetDevice, frame: Frame, view: DataView): void {
    const host = this.#host;
    const { jack } = way;
    if (jack < 0) {
      finishOutput(this.#namespace, frame, output, way.nextHop, way.mtu);
      return;
    }
    const frames = this.#frames;
    way.header!.emit(view, frames.push(frame, Ethernet.HEADER_LENGTH));
    output.countSent(1, frames.length(frame));
    if (jack >= VETH_JACKS) {
      host.handTo(jack - VETH_JACKS, frame);
      return;
    }
    const refusal = host.outputs[jack]!.transmit(frame);
    if (refusal !== undefined) host.refused(frame, output.number, refusal);
  }

  /** A datagram without connection (`slot`), of those that are known to be let in. */
  #isKnownArrival(slot: number, input: NetDevice, view: DataView, at: number): boolean {
    if (slot !== NO_SLOT || Ipv4.protocol(view, at) !== Ipv4.PROTOCOL_UDP || Ipv4.isFragment(view, at))
      return false;
    const arrival = this.#arrivals.get(Ipv4.sourceWord(view, at));
    return (
      arrival !== undefined &&
      arrival.input === input &&
      arrival.destination === Ipv4.destinationWord(view, at) &&
      arrival.port === Udp.destinationPort(view, at + Ipv4.headerLength(view, at))
    );
  }

  /**
   * The hooks let the packet in `frame` (start = IPv4 header) pass from `input` to `nextHop` on `output`, and would every
   * other like it. It begins here without `input`, and is for this host without `output`.
   */
  learn(
    frame: Frame,
    input: NetDevice | undefined,
    output: NetDevice | undefined,
    nextHop: AddressWord,
    mtu: number,
  ): void {
    if (!this.#mayLearn) return;
    const slot = this.#conntrack.plainSlot(frame);
    if (slot === NO_SLOT) return;
    const connection = this.#conntrack.connectionAt(slot)!;
    let way = this.#ways[slot];
    if (way?.connection !== connection) {
      way = new Way(connection);
      this.#ways[slot] = way;
    }
    way.generation = this.#renew();
    way.input = input;
    way.output = output;
    way.nextHop = nextHop;
    way.mtu = mtu;
    way.header = output?.needsNeighbour ? this.#namespace.neighbours.headerTo(output, nextHop) : undefined;
    const atOnce = way.header !== undefined && output!.up && !output!.tapped && mtu <= output!.mtu;
    way.jack = atOnce ? output!.outputJack : -1;
  }

  /** The same for what is for this host. */
  learnArrival(frame: Frame, input: NetDevice): void {
    if (!this.#mayLearn) return;
    if (this.#conntrack.stateOf(frame) !== 'UNTRACKED') {
      this.learn(frame, input, undefined, ANY, 0);
      return;
    }
    const view = this.#frames.view(frame);
    const at = this.#frames.start[frame]!;
    if (Ipv4.protocol(view, at) !== Ipv4.PROTOCOL_UDP) return;
    const port = Udp.destinationPort(view, at + Ipv4.headerLength(view, at));
    const destination = Ipv4.destinationWord(view, at);
    this.#renew();
    this.#arrivals.set(Ipv4.sourceWord(view, at), { input, destination, port });
  }

  /** There are hooks, so each packet has been tracked; and none of them has to see each. */
  get #mayLearn(): boolean {
    const { hooks, host } = this.#namespace;
    return hooks.steady && !hooks.isEmpty && !host.tracing;
  }

  /** What was learnt in another generation of the flow table is void. Returns the one that is learnt in from now on. */
  #renew(): number {
    const { generation } = this.#host.flows;
    if (this.#learntAt !== generation) this.#arrivals.clear();
    this.#learntAt = generation;
    return generation;
  }
}
