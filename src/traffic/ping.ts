/**
 * `ping` (iputils 20221126): when it sends, what it counts, what it prints, how it ends.
 *
 *   every interval   an echo request, 16 octets of time stamp and a ramp
 *   after the last   wait max(interval, 2 × the longest round trip), or -W when nothing came
 *   ends             when replies and errors are as many as requests were asked for, or at the end of that wait
 */
import * as Ipv4 from '../addr/ipv4.ts';
import { type Echo, type EchoReply, IcmpSocket } from '../netstack/icmp-socket.ts';
import type { NetDevice } from '../netstack/netdevice.ts';
import type { IcmpErrorReport } from '../netstack/transport.ts';
import { MICROSECOND, MILLISECOND, SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { describeError, errnoText } from './icmp-words.ts';
import type { PingOptions } from './ping-options.ts';
import { Program, type ProgramContext } from './program.ts';

/** sizeof(struct timeval): with less data there is no room for a time stamp, and no times are printed. */
const TIME_STAMP = 16;
const IP_AND_ICMP = 28;

export interface PingStatistics {
  readonly transmitted: number;
  readonly received: number;
  readonly duplicates: number;
  /** ICMP errors and requests that could not be sent. */
  readonly errors: number;
  /** Round trip times in the order of the replies. */
  readonly roundTrips: readonly VirtualTime[];
}

export class Ping extends Program {
  readonly options: PingOptions;
  readonly #next: Timer;
  readonly #end: Timer;
  readonly #roundTrips: VirtualTime[] = [];
  /** When each request was sent, by sequence number; gone when its reply came. */
  readonly #sentAt = new Map<number, VirtualTime>();
  readonly #answered = new Set<number>();
  #socket: IcmpSocket | undefined;
  #destination = 0;
  #source = 0;
  #device: NetDevice | undefined;
  #transmitted = 0;
  #received = 0;
  #duplicates = 0;
  #errors = 0;
  #longest: VirtualTime = 0;
  /** Most requests that were on their way at once. */
  #pipe = 0;
  #firstSent: VirtualTime = 0;
  #lastSent: VirtualTime = 0;

  constructor(context: ProgramContext, options: PingOptions) {
    super(context);
    this.options = options;
    const { clock } = context.namespace;
    this.#next = clock.timer(() => this.#send());
    this.#end = clock.timer(() => this.#finish());
  }

  get statistics(): PingStatistics {
    return {
      transmitted: this.#transmitted,
      received: this.#received,
      duplicates: this.#duplicates,
      errors: this.#errors,
      roundTrips: this.#roundTrips,
    };
  }

  start(): void {
    const { target, size, deadline } = this.options;
    const destination = this.resolve(target);
    if (destination === undefined) {
      this.#refuse(`${target}: Name or service not known`);
      return;
    }
    this.#destination = destination;
    if (!this.#bind() || !this.#connect()) return;
    const source = this.#device === undefined && this.#source === 0 ? '' : this.#from();
    this.print(
      `PING ${target} (${Ipv4.format(destination)}) ${source}${size}(${size + IP_AND_ICMP}) bytes of data.`,
    );
    this.#socket = new IcmpSocket(this.context.namespace, {
      reply: reply => this.#replied(reply),
      error: (report, sequence) => this.#failed(report, sequence),
    });
    this.#firstSent = this.#now;
    if (deadline > 0) this.#end.arm(this.#now + deadline);
    this.#send();
  }

  protected override interrupt(): void {
    this.#finish();
  }

  protected override release(): void {
    this.#socket?.close();
    this.#next.cancel();
    this.#end.cancel();
  }

  get #now(): VirtualTime {
    return this.context.namespace.clock.now;
  }

  #refuse(message: string): void {
    this.complain(`ping: ${message}`);
    this.exit(2);
  }

  /** -I: a device, or one of our addresses. */
  #bind(): boolean {
    const { from } = this.options;
    const { namespace } = this.context;
    if (from === '') return true;
    const address = Ipv4.parse(from);
    if (address === undefined) {
      this.#device = namespace.device(from);
      if (this.#device === undefined) this.#refuse(`unknown iface: ${from}`);
      return this.#device !== undefined;
    }
    if (!namespace.isLocal(address)) {
      this.#refuse('bind: Cannot assign requested address');
      return false;
    }
    this.#source = address;
    return true;
  }

  /** ping connects a UDP socket first, to see whether there is a way, and with which source address. */
  #connect(): boolean {
    const path = this.#path();
    if (typeof path !== 'string') {
      if (this.#device !== undefined) this.#source = path.source;
      return true;
    }
    if (path === 'EACCES')
      this.#refuse('Do you want to ping broadcast? Then -b. If not, check your local firewall rules');
    else if (path !== '') this.#refuse(`connect: ${errnoText[path]}`);
    return false;
  }

  #path(): ReturnType<ProgramContext['namespace']['path']> {
    return this.context.namespace.path({
      protocol: 17,
      source: this.#source,
      destination: this.#destination,
      ttl: 64,
      tos: this.options.tos,
      pmtu: this.options.pmtu,
      device: this.#device,
      sourcePort: 0,
      destinationPort: 1025,
    });
  }

  #from(): string {
    return `from ${Ipv4.format(this.#source)} ${this.#device?.name ?? ''}: `;
  }

  #echo(sequence: number): Echo {
    const { size, ttl, tos, pmtu } = this.options;
    const head = new Uint8Array(Math.min(size, TIME_STAMP));
    if (size >= TIME_STAMP) {
      const view = new DataView(head.buffer);
      view.setUint32(0, Math.floor(this.#now / SECOND), true);
      view.setUint32(8, Math.floor((this.#now % SECOND) / MICROSECOND), true);
    }
    return {
      destination: this.#destination,
      sequence,
      dataLength: size,
      head,
      source: this.#source,
      tos,
      pmtu,
      tag: this.context.tag,
      ...(ttl === 0 ? {} : { ttl }),
      ...(this.#device === undefined ? {} : { device: this.#device }),
    };
  }

  #send(): void {
    const { count, interval, deadline } = this.options;
    const sequence = (this.#transmitted + 1) & 0xffff;
    const previous = this.#transmitted & 0xffff;
    if (this.options.outstanding && this.#transmitted > 0 && !this.#answered.has(previous))
      this.print(`${this.#stamp()}no answer yet for icmp_seq=${previous}`);
    this.#transmitted++;
    this.#lastSent = this.#now;
    this.#sentAt.set(sequence, this.#now);
    this.#answered.delete(sequence);
    const echo = this.#echo(sequence);
    const error = this.#socket!.send(echo);
    if (error === 'EMSGSIZE') {
      this.#errors++;
      this.complain(`ping: local error: message too long, mtu=${this.#socket!.mtu(echo)}`);
    } else if (error !== '') this.complain(`ping: sendmsg: ${errnoText[error]}`);
    if (this.#isComplete()) return;
    if (count === 0 || this.#transmitted < count) this.#next.arm(this.#now + interval);
    else if (deadline === 0) this.#end.arm(this.#now + this.#wait());
  }

  /** How long to wait behind the last request (`__schedule_exit`). */
  #wait(): VirtualTime {
    const { interval, linger } = this.options;
    return this.#received > 0 ? Math.max(interval, 2 * this.#longest) : linger;
  }

  #replied(reply: EchoReply): void {
    const { size, quiet } = this.options;
    this.#acknowledge(reply.sequence);
    const duplicate = this.#answered.has(reply.sequence);
    if (duplicate) this.#duplicates++;
    else this.#received++;
    this.#answered.add(reply.sequence);
    let time = '';
    const sentAt = this.#sentAt.get(reply.sequence);
    if (size >= TIME_STAMP && sentAt !== undefined) {
      this.#roundTrips.push(this.#now - sentAt);
      this.#longest = Math.max(this.#longest, this.#now - sentAt);
      time = ` time=${formatTime(this.#now - sentAt)}`;
    }
    const from = Ipv4.format(reply.from);
    if (!quiet)
      this.print(
        `${this.#stamp()}${reply.length} bytes from ${from}: icmp_seq=${reply.sequence} ttl=${reply.ttl}${time}${duplicate ? ' (DUP!)' : ''}`,
      );
    this.#isComplete();
  }

  #failed(report: IcmpErrorReport, sequence: number): void {
    this.#errors++;
    this.#acknowledge(sequence);
    if (!this.options.quiet)
      this.print(
        `${this.#stamp()}From ${Ipv4.format(report.from)} icmp_seq=${sequence} ${describeError(report)}`,
      );
    this.#isComplete();
  }

  /** `-D`: `[1726970010.820401] `. */
  #stamp(): string {
    if (!this.options.stamped) return '';
    const micro = (this.context.epochMs ?? 0) * 1000 + Math.floor(this.#now / 1000);
    return `[${Math.floor(micro / 1e6)}.${String(micro % 1e6).padStart(6, '0')}] `;
  }

  /** Something came for `sequence`: so many were on their way. */
  #acknowledge(sequence: number): void {
    const behind = (this.#transmitted - sequence) & 0xffff;
    if (behind <= 0x7fff) this.#pipe = Math.max(this.#pipe, behind + 1);
  }

  /** As many replies and errors as were asked for: the end. */
  #isComplete(): boolean {
    const { count } = this.options;
    if (count === 0 || this.#received + this.#errors < count) return false;
    this.#finish();
    return true;
  }

  #finish(): void {
    const lost = ((this.#transmitted - this.#received) * 100) / this.#transmitted;
    const elapsed = Math.floor((this.#lastSent - this.#firstSent) / MILLISECOND + 0.5);
    this.print('');
    this.print(`--- ${this.options.target} ping statistics ---`);
    this.print(
      `${this.#transmitted} packets transmitted, ${this.#received} received` +
        (this.#duplicates > 0 ? `, +${this.#duplicates} duplicates` : '') +
        (this.#errors > 0 ? `, +${this.#errors} errors` : '') +
        `, ${formatPercent(lost)}% packet loss, time ${elapsed}ms`,
    );
    const parts = this.#roundTrips.length > 0 ? [formatRoundTrips(this.#roundTrips)] : [];
    if (this.#pipe > 1) parts.push(`pipe ${this.#pipe}`);
    this.print(parts.join(', '));
    const { deadline, count } = this.options;
    const failed = this.#received === 0 || (deadline > 0 && this.#received < count);
    this.exit(failed ? 1 : 0);
  }
}

/** Microseconds, half up: the unit in which ping keeps its times. */
const microseconds = (time: VirtualTime): number => Math.floor((time + 500) / MICROSECOND);

/** `0.412 ms`, `1.98 ms`, `12.3 ms`, `104 ms`: three digits, more or less. */
export function formatTime(time: VirtualTime): string {
  const us = microseconds(time);
  const ms = (value: number, digits: number): string =>
    `${Math.floor(value / 1000)}.${String(value % 1000)
      .padStart(3, '0')
      .slice(0, digits)} ms`;
  if (us >= 100_000 - 50) return `${Math.floor((us + 500) / 1000)} ms`;
  if (us >= 10_000 - 5) return ms(us + 50, 1);
  return us >= 1_000 ? ms(us + 5, 2) : ms(us, 3);
}

/** printf's %g of a float: six digits, no zeros at the end. */
const formatPercent = (percent: number): string => String(Number(Math.fround(percent).toPrecision(6)));

/** `rtt min/avg/max/mdev = 1.374/5.206/12.262/4.995 ms`, computed in whole microseconds as ping does. */
export function formatRoundTrips(times: readonly VirtualTime[]): string {
  const all = times.map(microseconds);
  const sum = all.reduce((a, b) => a + b, 0);
  const squares = all.reduce((a, b) => a + b * b, 0);
  const average = Math.floor(sum / all.length);
  const variance = (squares - Math.floor((sum * sum) / all.length)) / all.length;
  const deviation = Math.floor(Math.sqrt(Math.max(0, variance)));
  const shortest = all.reduce((a, b) => Math.min(a, b));
  const longest = all.reduce((a, b) => Math.max(a, b));
  const text = (us: number): string => `${Math.floor(us / 1000)}.${String(us % 1000).padStart(3, '0')}`;
  return `rtt min/avg/max/mdev = ${[shortest, average, longest, deviation].map(text).join('/')} ms`;
}
