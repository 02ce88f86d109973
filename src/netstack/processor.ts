/**
 * The processor of a host that has a cost model: what comes in from the wire, and what comes in from a pod, waits for a
 * core and then goes on as if it had just arrived. A flow keeps to one core (RSS by its hash), so order is kept.
 *
 *   NIC  ──> receive ──> core ──> device.ingress        price: by what the packet is wrapped in
 *   veth ──> backlog ──> core ──> device.ingress        price: by the tunnel that its route leads into
 *
 * Charged are TCP segments with data and UDP datagrams that come from a pod or go to one. A latency meets every packet.
 */
import { Core } from '../cost/core.ts';
import { type Encapsulation, type HostModel, price, type Work } from '../cost/host-model.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { VirtualTime } from '../sim/time.ts';
import * as Ethernet from '../wire/ethernet.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Tcp from '../wire/tcp.ts';
import * as Udp from '../wire/udp.ts';
import * as Vxlan from '../wire/vxlan.ts';
import type { NetHost } from './host.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import { Veth } from './veth.ts';

/** What a host's processor has done. Plain data. */
export interface ProcessorLoad {
  /** ns of work of all cores together. */
  readonly total: number;
  /** ns of work of each core that moves packets: those that send, then those that receive. */
  readonly cores: readonly number[];
}

/** Spreads flows over cores; any odd constant does. */
const MIX = 0x9e37_79b1;

export class Processor {
  readonly #host: NetHost;
  readonly #model: HostModel;
  readonly #senders: readonly Core[];
  readonly #receivers: readonly Core[];
  /** Work that other cores do for a packet, ns. */
  #elsewhere = 0;
  /** What `#classify` found. */
  #work: Work | undefined;
  #payload = 0;
  #isAcknowledgement = false;
  #flow = 0;

  constructor(host: NetHost, model: HostModel) {
    this.#host = host;
    this.#model = model;
    const cores = (): Core[] =>
      Array.from(
        { length: Math.max(1, model.cores) },
        () => new Core(host, host.frames, frame => host.processed(frame)),
      );
    this.#senders = cores();
    this.#receivers = cores();
  }

  /** When the core that sends has brought out what it was given: a sender's system call returns then. */
  get sendingUntil(): VirtualTime {
    let until = 0;
    for (const core of this.#senders) until = Math.max(until, core.busyUntil);
    return until;
  }

  get load(): ProcessorLoad {
    const cores = [...this.#senders, ...this.#receivers].map(core => core.done);
    return { total: cores.reduce((sum, one) => sum + one, this.#elsewhere), cores };
  }

  /** A frame came in from the wire. True when it waits for a core, or was dropped; it is not the caller's any more. */
  receive(device: NetDevice, frame: Frame): boolean {
    const { namespace } = device;
    const { frames } = namespace;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const end = frames.end[frame]!;
    const ipAt = at + Ethernet.HEADER_LENGTH;
    if (end - ipAt < Ipv4.MIN_HEADER_LENGTH || Ethernet.etherType(view, at) !== Ethernet.TYPE_IPV4)
      return false;
    const protocol = Ipv4.protocol(view, ipAt);
    const behind = ipAt + Ipv4.headerLength(view, ipAt);
    let encapsulation: Encapsulation = 'none';
    let innerAt = ipAt;
    if (protocol === Ipv4.PROTOCOL_IPIP) {
      encapsulation = 'ipip';
      innerAt = behind;
    } else if (isVxlan(namespace, view, protocol, behind, end)) {
      encapsulation = 'vxlan';
      innerAt = behind + Udp.HEADER_LENGTH + Vxlan.HEADER_LENGTH + Ethernet.HEADER_LENGTH;
    } else if (namespace.isLocal(Ipv4.destination(view, ipAt))) return false;
    if (!this.#classify(view, innerAt, end)) return false;
    return this.#charge(device, frame, encapsulation, 'receive', this.#receivers);
  }

  /** A frame came in from a pod. As `receive`. */
  backlog(device: NetDevice, frame: Frame): boolean {
    const { namespace } = device;
    if (!(device instanceof Veth) || namespace !== this.#host.namespaces[0]) return false;
    const { frames } = namespace;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const end = frames.end[frame]!;
    const ipAt = at + Ethernet.HEADER_LENGTH;
    if (end - ipAt < Ipv4.MIN_HEADER_LENGTH || Ethernet.etherType(view, at) !== Ethernet.TYPE_IPV4)
      return false;
    if (!this.#classify(view, ipAt, end)) return false;
    const out = namespace.fib.lookup(Ipv4.destination(view, ipAt))?.nextHops[0]?.device;
    let encapsulation: Encapsulation = 'none';
    if (out !== undefined && out === namespace.ipip) encapsulation = 'ipip';
    else if (out !== undefined && out === namespace.vxlan) encapsulation = 'vxlan';
    return this.#charge(device, frame, encapsulation, 'send', this.#senders);
  }

  /** Everything that waits: the power is gone. */
  *drain(): Generator<Frame> {
    for (const core of [...this.#senders, ...this.#receivers]) yield* core.drain();
  }

  /** Is the packet at `at` one that the model has a price for? What it is goes to the fields. */
  #classify(view: DataView, at: number, end: number): boolean {
    if (end - at < Ipv4.MIN_HEADER_LENGTH) return false;
    const protocol = Ipv4.protocol(view, at);
    const headerLength = Ipv4.headerLength(view, at);
    const transport = at + headerLength;
    const fragment = Ipv4.isFragment(view, at);
    let payload = Ipv4.totalLength(view, at) - headerLength;
    if (protocol === Ipv4.PROTOCOL_TCP) {
      this.#work = this.#model.tcp;
      if (!fragment && end - transport >= Tcp.MIN_HEADER_LENGTH) payload -= Tcp.headerLength(view, transport);
    } else if (protocol === Ipv4.PROTOCOL_UDP) {
      this.#work = this.#model.udp;
      if (!fragment) payload -= Udp.HEADER_LENGTH;
    } else this.#work = undefined;
    this.#payload = payload;
    this.#isAcknowledgement = protocol === Ipv4.PROTOCOL_TCP && payload === 0;
    const ports = fragment || end - transport < 4 ? 0 : view.getUint32(transport);
    const flow = Ipv4.source(view, at) ^ Ipv4.destination(view, at) ^ ports;
    this.#flow = Math.imul(flow, MIX) >>> 16;
    return this.#work !== undefined || this.#model.latency !== undefined;
  }

  #charge(
    device: NetDevice,
    frame: Frame,
    encapsulation: Encapsulation,
    direction: 'send' | 'receive',
    cores: readonly Core[],
  ): boolean {
    const latency = this.#model.latency?.[encapsulation] ?? 0;
    const core = cores[this.#flow % cores.length]!;
    let total = this.#work === undefined ? 0 : price(this.#work[direction][encapsulation], this.#payload);
    if (this.#isAcknowledgement) total = 0;
    if (total === 0 && latency === 0 && !core.isBusy) return false;
    if (cores.some(other => other !== core && other.isBusy))
      total *= this.#model.parallelPenalty[encapsulation];
    const work = total * (this.#work?.coreShare ?? 0);
    const host = this.#host;
    host.frames.meta[frame] = device.number;
    if (core.submit(frame, work, latency)) this.#elsewhere += total - work;
    else host.drop(frame, 'BACKLOG_FULL', device.namespace, device);
    return true;
  }
}

const isVxlan = (namespace: Namespace, view: DataView, protocol: number, at: number, end: number): boolean =>
  protocol === Ipv4.PROTOCOL_UDP &&
  namespace.vxlan !== undefined &&
  end - at >= Udp.HEADER_LENGTH &&
  Udp.destinationPort(view, at) === namespace.vxlan.port;
