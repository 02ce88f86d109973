/**
 * `traceroute` (Dmitry Butskoy's 2.1): probes with growing TTLs, by UDP to ports that nobody listens on or by ICMP echo.
 *
 *   probes    hop 1: 0 1 2    hop 2: 3 4 5    …          all of them in one list
 *                    ^ start: printed up to here    ^ start + window: sent up to here    end: behind the last hop
 *
 * A probe is done when it is answered or has waited too long. Whoever answers from the destination makes its hop the last.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import { IcmpSocket } from '../netstack/icmp-socket.ts';
import type { IcmpErrorReport, SendError } from '../netstack/transport.ts';
import { udpOf } from '../netstack/udp.ts';
import { octets, type UdpSocket } from '../netstack/udp-socket.ts';
import { MILLISECOND, NEVER, type Timer, type VirtualTime } from '../sim/time.ts';
import * as Icmp from '../wire/icmpv4.ts';
import { errnoText } from './icmp-words.ts';
import { Program, type ProgramContext } from './program.ts';
import type { TracerouteOptions } from './traceroute-options.ts';

const HEADERS = 28;
/** IcmpSocket takes so many real octets. */
const MAX_HEAD = 64;

interface TraceProbe {
  readonly ttl: number;
  sentAt: VirtualTime;
  /** `NEVER` without an answer. */
  answeredAt: VirtualTime;
  done: boolean;
  /** It reached the destination, or an error that ends the trace. */
  final: boolean;
  /** Who answered; 0 = nobody. */
  from: number;
  /** `!H` and the like. */
  note: string;
  socket: UdpSocket | undefined;
}

/** One answered or lost probe, for those who want numbers. */
export interface TraceHop {
  readonly ttl: number;
  /** 0 = no answer. */
  readonly from: number;
  readonly roundTrip: VirtualTime;
  readonly note: string;
}

export class Traceroute extends Program {
  readonly options: TracerouteOptions;
  readonly #probes: TraceProbe[] = [];
  readonly #timer: Timer;
  #icmp: IcmpSocket | undefined;
  #destination = 0;
  /** The first probe that is sent at all: ports and sequence numbers count from there. */
  #first = 0;
  /** The first probe that is not printed yet, and the one behind the last that will be. */
  #start = 0;
  #end = 0;
  #line = '';

  constructor(context: ProgramContext, options: TracerouteOptions) {
    super(context);
    this.options = options;
    this.#timer = context.namespace.clock.timer(() => this.#advance());
  }

  /** Every probe that was sent so far, in order. */
  get hops(): readonly TraceHop[] {
    return this.#probes
      .filter(probe => probe.done)
      .map(({ ttl, from, answeredAt, sentAt, note }) => ({
        ttl,
        from,
        roundTrip: answeredAt - sentAt,
        note,
      }));
  }

  start(): void {
    const { target, maxHops, packetLength, probesPerHop, firstHop, method } = this.options;
    const { namespace } = this.context;
    const destination = this.resolve(target);
    if (destination === undefined) {
      this.complain(`${target}: Name or service not known`);
      this.complain(`Cannot handle "host" cmdline arg \`${target}' on position 1 (argc 1)`);
      this.exit(2);
      return;
    }
    this.#destination = destination;
    this.print(
      `traceroute to ${target} (${Ipv4.format(destination)}), ${maxHops} hops max, ${packetLength} byte packets`,
    );
    for (let i = 0; i < maxHops * probesPerHop; i++) {
      const ttl = Math.floor(i / probesPerHop) + 1;
      const silent = { answeredAt: NEVER, done: false, final: false, from: 0, note: '', socket: undefined };
      this.#probes.push({ ttl, sentAt: NEVER, ...silent });
    }
    this.#first = (firstHop - 1) * probesPerHop;
    this.#start = this.#first;
    this.#end = this.#probes.length;
    if (method === 'icmp') {
      this.#icmp = new IcmpSocket(namespace, {
        reply: ({ sequence, from }) => this.#answered(this.#first + sequence - 1, from, '', true),
        error: (report, sequence) => this.#reported(this.#first + sequence - 1, report),
      });
    }
    this.#advance();
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#icmp?.close();
    for (const probe of this.#probes) probe.socket?.close();
  }

  get #now(): VirtualTime {
    return this.context.namespace.clock.now;
  }

  /** Give up what waited too long, print what is done, send what the window lets, and wait for the next of these. */
  #advance(): void {
    const { simultaneous, probesPerHop } = this.options;
    let next = NEVER;
    let waiting = 0;
    for (let i = this.#start; i < this.#end && waiting < simultaneous; i++) {
      const probe = this.#probes[i]!;
      if (!probe.done && probe.sentAt !== NEVER && this.#now - probe.sentAt >= this.#patience(i))
        probe.done = true;
      if (probe.done) {
        if (i === this.#start) this.#printProbe(this.#start++);
        if (probe.final) this.#end = Math.ceil((i + 1) / probesPerHop) * probesPerHop;
        continue;
      }
      if (probe.sentAt === NEVER && !this.#send(i)) return;
      // The answer may have been here at once (a local error, the loopback).
      if (probe.done) {
        i--;
        continue;
      }
      next = Math.min(next, probe.sentAt + this.#patience(i));
      waiting++;
    }
    if (this.#start < this.#end) {
      this.#timer.arm(next);
      return;
    }
    this.print(this.#line);
    this.exit(0);
  }

  /** How long to wait for probe `index`, by -w. */
  #patience(index: number): VirtualTime {
    const { wait, hereFactor, nearFactor, probesPerHop } = this.options;
    const limit = (probe: TraceProbe | undefined, factor: number): VirtualTime | undefined =>
      factor > 0 && probe !== undefined && probe.answeredAt !== NEVER
        ? Math.min(wait, (probe.answeredAt - probe.sentAt) * factor)
        : undefined;
    const first = index - (index % probesPerHop);
    for (let i = first; i < first + probesPerHop; i++) {
      const here = limit(this.#probes[i], hereFactor);
      if (here !== undefined) return here;
    }
    for (let i = index + 1; i < this.#probes.length && this.#probes[i]!.sentAt !== NEVER; i++) {
      const near = limit(this.#probes[i], nearFactor);
      if (near !== undefined) return near;
    }
    return wait;
  }

  /** False when that was the end of the program. */
  #send(index: number): boolean {
    const probe = this.#probes[index]!;
    probe.sentAt = this.#now;
    const error = this.options.method === 'icmp' ? this.#sendEcho(index) : this.#sendDatagram(index);
    if (error === '' || error === 'EMSGSIZE') return true;
    this.#flush();
    this.complain(
      this.options.method === 'icmp' ? `send: ${errnoText[error]}` : `connect: ${errnoText[error]}`,
    );
    this.exit(1);
    return false;
  }

  /** What traceroute fills its packets with: `@ABC…`, counted from the start of the ICMP message or the UDP data. */
  #data(from: number): Uint8Array {
    return Uint8Array.from(
      { length: this.options.packetLength - HEADERS },
      (_, i) => 0x40 + ((i + from) & 0x3f),
    );
  }

  #sendEcho(index: number): SendError {
    const data = this.#data(Icmp.HEADER_LENGTH);
    return this.#icmp!.send({
      destination: this.#destination,
      sequence: index - this.#first + 1,
      dataLength: data.length,
      head: data.subarray(0, MAX_HEAD),
      ttl: this.#probes[index]!.ttl,
      pmtu: 'dont',
      tag: this.context.tag,
    });
  }

  #sendDatagram(index: number): SendError {
    const probe = this.#probes[index]!;
    const socket = udpOf(this.context.namespace).socket();
    socket.ttl = probe.ttl;
    socket.pmtu = 'dont';
    socket.tag = this.context.tag;
    socket.receivesErrors = true;
    socket.onError = (_error, report) => this.#reported(index, report);
    socket.onReceive = datagram => this.#answered(index, datagram.source, '', true);
    const refused = socket.connect(this.#destination, this.options.port + index - this.#first);
    if (refused !== '') return refused;
    probe.socket = socket;
    return socket.send(octets(this.#data(0))) as SendError;
  }

  /** An ICMP error about probe `index`. */
  #reported(index: number, report: IcmpErrorReport): void {
    const { type, code } = report;
    if (type === Icmp.TIME_EXCEEDED && code === Icmp.TTL_EXCEEDED)
      this.#answered(index, report.from, '', false);
    else this.#answered(index, report.from, annotation(report), true);
  }

  #answered(index: number, from: number, note: string, final: boolean): void {
    const probe = this.#probes[index];
    if (probe === undefined || probe.done || probe.sentAt === NEVER) return;
    Object.assign(probe, { answeredAt: this.#now, done: true, final, from, note });
    probe.socket?.close();
    probe.socket = undefined;
    // Not from inside a send: the timer brings us back at this very instant.
    this.#timer.arm(this.#now);
  }

  #printProbe(index: number): void {
    const { probesPerHop, numeric } = this.options;
    const probe = this.#probes[index]!;
    const place = index % probesPerHop;
    if (place === 0) {
      this.#flush();
      this.#line = `${String(probe.ttl).padStart(2)} `;
    }
    if (probe.from === 0) {
      this.#line += ' *';
      return;
    }
    const earlier = this.#probes.slice(index - place, index).findLast(other => other.from !== 0);
    const address = Ipv4.format(probe.from);
    if (earlier?.from !== probe.from) this.#line += numeric ? ` ${address}` : ` ${address} (${address})`;
    this.#line += `  ${((probe.answeredAt - probe.sentAt) / MILLISECOND).toFixed(3)} ms`;
    if (probe.note !== '') this.#line += ` ${probe.note}`;
  }

  #flush(): void {
    if (this.#line !== '') this.print(this.#line);
    this.#line = '';
  }
}

/** What stands behind the time of an unreachable: nothing for a closed port, which is how UDP probes arrive. */
function annotation({ type, code, mtu }: IcmpErrorReport): string {
  if (type !== Icmp.DESTINATION_UNREACHABLE) return `!<${type}-${code}>`;
  switch (code) {
    case Icmp.NET_UNREACHABLE:
    case Icmp.NET_UNKNOWN:
      return '!N';
    case Icmp.HOST_UNREACHABLE:
    case Icmp.HOST_UNKNOWN:
      return '!H';
    case Icmp.PROTOCOL_UNREACHABLE:
      return '!P';
    case Icmp.PORT_UNREACHABLE:
      return '';
    case Icmp.FRAGMENTATION_NEEDED:
      return `!F-${mtu}`;
    case Icmp.SOURCE_ROUTE_FAILED:
      return '!S';
    case Icmp.NET_PROHIBITED:
    case Icmp.HOST_PROHIBITED:
    case Icmp.COMMUNICATION_PROHIBITED:
      return '!X';
    case 14:
      return '!V';
    case 15:
      return '!C';
    default:
      return `!<${code}>`;
  }
}
