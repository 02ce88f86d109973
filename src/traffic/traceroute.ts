/**
 * `traceroute` (Dmitry Butskoy's 2.1): probes with growing TTLs, by UDP to ports that nobody listens on,
 * by ICMP echo or by TCP SYN.
 *
 *   probes    hop 1: 0 1 2    hop 2: 3 4 5    …          all of them in one list
 *                    ^ start: printed up to here    ^ start + window: sent up to here    end: behind the last hop
 *
 * A probe is done when it is answered or has waited too long. Whoever answers from the destination makes its hop the last.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { IcmpErrorReport } from '../netstack/transport.ts';
import { MILLISECOND, NEVER, type Timer, type VirtualTime } from '../sim/time.ts';
import * as Icmp from '../wire/icmpv4.ts';
import { errnoText } from './icmp-words.ts';
import { Program, type ProgramContext } from './program.ts';
import { type TraceSender, traceSender } from './trace-senders.ts';
import type { TracerouteOptions } from './traceroute-options.ts';

type IcmpError = Pick<IcmpErrorReport, 'type' | 'code' | 'mtu' | 'from'>;

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
  #sender: TraceSender | undefined;
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
    const { target, maxHops, packetLength, probesPerHop, firstHop, method, port } = this.options;
    const { namespace, tag } = this.context;
    const destination = this.resolve(target);
    if (destination === undefined) {
      this.complain(`${target}: Name or service not known`);
      this.complain(`Cannot handle "host" cmdline arg \`${target}' on position 1 (argc 1)`);
      this.exit(2);
      return;
    }
    this.print(
      `traceroute to ${target} (${Ipv4.format(destination)}), ${maxHops} hops max, ${packetLength} byte packets`,
    );
    for (let i = 0; i < maxHops * probesPerHop; i++) {
      const ttl = Math.floor(i / probesPerHop) + 1;
      const silent = { answeredAt: NEVER, done: false, final: false, from: 0, note: '' };
      this.#probes.push({ ttl, sentAt: NEVER, ...silent });
    }
    this.#first = (firstHop - 1) * probesPerHop;
    this.#start = this.#first;
    this.#end = this.#probes.length;
    this.#sender = traceSender(
      method,
      { namespace, tag, destination, port, packetLength },
      {
        answered: (index, from) => this.#answered(this.#first + index, from, '', true),
        reported: (index, report) => this.#reported(this.#first + index, report),
      },
    );
    this.#advance();
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#sender?.close();
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
    const error = this.#sender!.send(index - this.#first, probe.ttl);
    if (error === '' || error === 'EMSGSIZE') return true;
    this.#flush();
    this.complain(`${this.options.method === 'icmp' ? 'send' : 'connect'}: ${errnoText[error]}`);
    this.exit(1);
    return false;
  }

  /** An ICMP error about probe `index`. */
  #reported(index: number, report: IcmpError): void {
    const { type, code } = report;
    if (type === Icmp.TIME_EXCEEDED && code === Icmp.TTL_EXCEEDED)
      this.#answered(index, report.from, '', false);
    else this.#answered(index, report.from, annotation(report), true);
  }

  #answered(index: number, from: number, note: string, final: boolean): void {
    const probe = this.#probes[index];
    if (probe === undefined || probe.done || probe.sentAt === NEVER) return;
    Object.assign(probe, { answeredAt: this.#now, done: true, final, from, note });
    this.#sender!.forget(index - this.#first);
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
function annotation({ type, code, mtu }: IcmpError): string {
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
