/**
 * `tracepath` (iputils 20221126): datagrams as large as the path's MTU, to a port nobody has, with a TTL that grows; it needs no
 * privileges and finds where packets become too large. Without an answer a hop is asked three times.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { IcmpErrorReport } from '../netstack/transport.ts';
import { udpOf } from '../netstack/udp.ts';
import type { UdpSocket } from '../netstack/udp-socket.ts';
import * as Payload from '../sim/payload.ts';
import { SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import * as Icmp from '../wire/icmpv4.ts';
import { errnoText } from './icmp-words.ts';
import * as Options from './options.ts';
import { Program, type ProgramContext, UsageError } from './program.ts';

export interface TracepathOptions {
  readonly target: string;
  /** -m. */
  readonly maxHops: number;
  /** -l: the first packet's length; 0 = the device's MTU. */
  readonly length: number;
  /** -p. */
  readonly port: number;
}

const NOT_EMULATED = '6bhV';
/** IPv4 and UDP. */
const HEADERS = 28;
const FIRST_PORT = 44_444;
const PATIENCE = SECOND;
const TRIES = 3;
const HOST_COLUMNS = 52;

/** `args` without the program's name. Throws `UsageError` with what `tracepath` prints. */
export function parseTracepath(args: readonly string[]): TracepathOptions {
  let line: Options.CommandLine;
  try {
    line = Options.parse(args, `4nm:l:p:${NOT_EMULATED}`);
  } catch (error) {
    if (error instanceof Options.OptionError)
      throw new UsageError(`tracepath: ${error.message}\n${USAGE}`, 255);
    throw error;
  }
  const { options, operands } = line;
  const missing = [...options.keys()].find(letter => NOT_EMULATED.includes(letter));
  if (missing !== undefined) throw new UsageError(`tracepath -${missing}: not emulated in this lab`, 2);
  const [target, port] = operands;
  if (target === undefined) throw new UsageError(USAGE, 255);
  const number = (text: string | undefined, otherwise: number, low: number, high: number): number => {
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high)
      throw new UsageError(
        `tracepath: invalid argument: '${text}': out of range: ${low} <= value <= ${high}`,
        1,
      );
    return value;
  };
  return {
    target,
    maxHops: number(options.get('m'), 30, 0, 255),
    length: number(options.get('l'), 0, HEADERS, 65_535),
    port: number(options.get('p') ?? port, FIRST_PORT, 0, 65_535),
  };
}

const USAGE = `
Usage
  tracepath [options] <destination>

Options:
  -4             use IPv4
  -6             use IPv6
  -b             print both name and IP
  -l <length>    use packet <length>
  -m <hops>      use maximum <hops>
  -n             no reverse DNS name resolution
  -p <port>      use destination <port>
  -V             print version and exit
  <destination>  DNS name or IP address

For more details see tracepath(8).`;

export class Tracepath extends Program {
  readonly options: TracepathOptions;
  readonly #timer: Timer;
  #destination = 0;
  #socket: UdpSocket | undefined;
  #mtu = 65_535;
  #ttl = 0;
  #tries = 0;
  #sentAt: VirtualTime = 0;
  #port: number;
  /** The MTU changed while this hop was asked: it is asked once more. */
  #again = false;

  constructor(context: ProgramContext, options: TracepathOptions) {
    super(context);
    this.options = options;
    this.#port = options.port;
    this.#timer = context.namespace.clock.timer(() => this.#silent());
  }

  start(): void {
    const { target, length } = this.options;
    const destination = this.resolve(target);
    if (destination === undefined) {
      this.complain(`tracepath: ${target}: Name or service not known`);
      this.exit(1);
      return;
    }
    this.#destination = destination;
    if (length > 0) this.#mtu = length;
    this.#nextHop();
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#socket?.close();
  }

  get #now(): VirtualTime {
    return this.context.namespace.clock.now;
  }

  #nextHop(): void {
    this.#ttl++;
    this.#tries = 0;
    if (this.#ttl > this.options.maxHops) {
      this.print(`     Too many hops: pmtu ${this.#mtu}`);
      this.#resume('');
    } else this.#probe();
  }

  #probe(): void {
    const { namespace, tag } = this.context;
    this.#socket?.close();
    const socket = udpOf(namespace).socket();
    this.#socket = socket;
    socket.tag = tag;
    socket.ttl = this.#ttl;
    socket.pmtu = 'probe';
    socket.receivesErrors = true;
    socket.onError = (_error, report) => this.#reported(report);
    socket.onReceive = () => {
      this.print(`${this.#number()}?: reply received 8)`);
      this.#resume('');
    };
    const problem = socket.connect(this.#destination, this.#port);
    this.#port = (this.#port + 1) & 0xffff;
    if (problem !== '') {
      this.complain(`tracepath: ${errnoText[problem]}`);
      this.exit(1);
      return;
    }
    this.#sentAt = this.#now;
    const size = Math.max(0, this.#mtu - HEADERS);
    const error = socket.send({ pattern: Payload.ZERO, offset: 0, length: size, bytes: null });
    if (error === 'EMSGSIZE') {
      this.#mtu = socket.mtu;
      this.print(`${this.#number()}?: ${'[LOCALHOST]'.padEnd(32)} pmtu ${this.#mtu}`);
      this.#again = true;
      this.#probe();
    } else if (error !== '') {
      this.print(`${this.#number()}:  send failed`);
      this.#resume('');
    } else this.#timer.arm(this.#now + PATIENCE);
  }

  #number(): string {
    return String(this.#ttl).padStart(2);
  }

  /** Nothing came within a second. */
  #silent(): void {
    if (++this.#tries < TRIES) {
      this.#probe();
      return;
    }
    this.print(`${this.#number()}:  no reply`);
    this.#nextHop();
  }

  #reported(report: IcmpErrorReport): void {
    const { from, type, code, mtu } = report;
    this.#timer.cancel();
    const micro = Math.floor((this.#now - this.#sentAt) / 1000);
    const time = `${String(Math.floor(micro / 1000)).padStart(3)}.${String(micro % 1000).padStart(3, '0')}ms `;
    const start = `${this.#number()}:  ${Ipv4.format(from).padEnd(HOST_COLUMNS)}${time}`;
    const back = hopsBack(report.ttl ?? 64);
    if (type === Icmp.TIME_EXCEEDED && code === Icmp.TTL_EXCEEDED) {
      this.print(`${start}${back === this.#ttl ? '' : `asymm ${String(back).padStart(2)} `}`);
      this.#answered();
    } else if (type !== Icmp.DESTINATION_UNREACHABLE) {
      this.print(`${start}!P`);
      this.#resume('');
    } else if (code === Icmp.FRAGMENTATION_NEEDED) {
      this.#mtu = mtu;
      this.print(`${start}pmtu ${mtu}`);
      this.#again = true;
      this.#answered();
    } else if (code === Icmp.PORT_UNREACHABLE) {
      this.print(`${start}reached`);
      this.#resume(`hops ${this.#ttl} back ${back} `);
    } else {
      this.print(`${start}${SIGNS[code] ?? '!H'}`);
      this.#resume('');
    }
  }

  /** On to the next hop, unless this one was asked with another size. */
  #answered(): void {
    if (!this.#again) {
      this.#nextHop();
      return;
    }
    this.#again = false;
    this.#tries = 0;
    this.#probe();
  }

  #resume(hops: string): void {
    this.print(`     Resume: pmtu ${this.#mtu} ${hops}`);
    this.exit(0);
  }
}

/** What stands for an unreachable. */
const SIGNS: Readonly<Record<number, string>> = {
  [Icmp.NET_UNREACHABLE]: '!N',
  [Icmp.HOST_UNREACHABLE]: '!H',
  [Icmp.PROTOCOL_UNREACHABLE]: '!P',
  [Icmp.NET_PROHIBITED]: '!A',
  [Icmp.HOST_PROHIBITED]: '!A',
  [Icmp.COMMUNICATION_PROHIBITED]: '!A',
};

/** How many hops an answer took, by the TTL that most systems begin with. */
const hopsBack = (ttl: number): number => (ttl <= 64 ? 65 - ttl : ttl <= 128 ? 129 - ttl : 256 - ttl);
