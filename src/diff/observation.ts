/** A lab as `tunlab diff` sees it: its tables, and for each pair the way its packets take and their size on the wire. */
import type { Cluster } from '../controller/cluster.ts';
import type { Observed } from '../controller/controller.ts';
import type { ProbeOutcome } from '../controller/probes.ts';
import { pathOf } from '../runner/reachability.ts';
import type { SnapshotPart } from '../scenario/types.ts';
import { fateOf, type LabState, stateOf } from '../snapshot/lab-state.ts';
import { pairsOf, talkers } from '../snapshot/talkers.ts';
import type { PacketRecord } from '../trace/record.ts';
import * as Ethernet from '../wire/ethernet.ts';
import * as Icmp from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Udp from '../wire/udp.ts';
import * as Vxlan from '../wire/vxlan.ts';

export interface PairView {
  readonly from: string;
  readonly to: string;
  readonly answered: boolean;
  /** `tunl0`, or where and why it died. */
  readonly fate: string;
  /** Machines that the question was seen to pass. */
  readonly hops: readonly string[];
  /** Length of its frame where it left the sender's node, without FCS; undefined when it did not. */
  readonly octets: number | undefined;
}

export interface Observation {
  readonly state: LabState;
  /** By `pod1 -> pod3`. */
  readonly pairs: ReadonlyMap<string, PairView>;
  readonly outcomes: readonly ProbeOutcome[];
}

/** Neighbour tables are left out: they tell who talked lately. */
const PARTS: readonly SnapshotPart[] = ['fib', 'bgp', 'ipam'];
/** All headers, outer and inner. */
const SNAP_LENGTH = 128;

export async function observe(cluster: Cluster): Promise<Observation> {
  const sizes = await WireSizes.begin(cluster);
  const outcomes = await cluster.probe(pairsOf(await talkers(cluster)));
  await sizes.end();
  const state = await stateOf(cluster, PARTS);
  const pairs = new Map(
    outcomes.map(outcome => {
      const { from, to, result } = outcome;
      const view: PairView = {
        from: from.name,
        to: to.name,
        answered: result.answered,
        fate: fateOf(outcome),
        hops: pathOf(outcome).passed,
        octets: sizes.of(from.machine, to.address),
      };
      return [`${from.name} -> ${to.name}`, view];
    }),
  );
  return { state, pairs, outcomes };
}

/** Echo requests as they leave the NICs of nodes, by sender's machine and innermost destination. */
class WireSizes {
  readonly #cluster: Cluster;
  readonly #sizes = new Map<string, number>();
  readonly #captures = new Map<number, string>();
  readonly #heard = (observed: Observed<PacketRecord>): void => this.#take(observed);

  static async begin(cluster: Cluster): Promise<WireSizes> {
    const sizes = new WireSizes(cluster);
    const { controller, scenario } = cluster;
    controller.on('packet', sizes.#heard);
    for (const { name, interface: nic } of scenario.fabric.nodes)
      sizes.#captures.set(await controller.startCapture(name, '', nic, SNAP_LENGTH), name);
    return sizes;
  }

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async end(): Promise<void> {
    const { controller } = this.#cluster;
    controller.off('packet', this.#heard);
    for (const [capture, machine] of this.#captures) await controller.stopCapture(machine, capture);
  }

  of(machine: string, destination: number): number | undefined {
    return this.#sizes.get(`${machine} ${destination}`);
  }

  #take({ machine, record }: Observed<PacketRecord>): void {
    if (!this.#captures.has(record.capture) || record.direction !== 'transmit') return;
    const destination = echoRequest(record.octets);
    const key = `${machine} ${destination}`;
    if (destination !== undefined && !this.#sizes.has(key)) this.#sizes.set(key, record.length);
  }
}

/** The destination of the innermost packet of a frame, if that is an echo request. */
function echoRequest(octets: Uint8Array): number | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const end = view.byteLength;
  if (end < Ethernet.HEADER_LENGTH || Ethernet.etherType(view, 0) !== Ethernet.TYPE_IPV4) return undefined;
  for (let at: number = Ethernet.HEADER_LENGTH; at + Ipv4.MIN_HEADER_LENGTH <= end; ) {
    const behind = at + Ipv4.headerLength(view, at);
    const protocol = Ipv4.protocol(view, at);
    if (protocol === Ipv4.PROTOCOL_ICMP)
      return behind < end && Icmp.type(view, behind) === Icmp.ECHO_REQUEST
        ? Ipv4.destination(view, at)
        : undefined;
    if (protocol === Ipv4.PROTOCOL_IPIP) at = behind;
    else if (protocol === Ipv4.PROTOCOL_UDP && isVxlan(view, behind))
      at = behind + Udp.HEADER_LENGTH + Vxlan.HEADER_LENGTH + Ethernet.HEADER_LENGTH;
    else return undefined;
  }
  return undefined;
}

/** By its header: the port is a setting of Felix. */
const isVxlan = (view: DataView, at: number): boolean =>
  at + Udp.HEADER_LENGTH + Vxlan.HEADER_LENGTH <= view.byteLength &&
  Vxlan.flags(view, at + Udp.HEADER_LENGTH) === Vxlan.FLAG_VNI;
