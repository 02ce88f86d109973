/** The command line of `ping` (iputils 20221126), as far as it is understood here. */
import type { SendRequest } from '../netstack/transport.ts';
import { MILLISECOND, SECOND, type VirtualTime } from '../sim/time.ts';
import * as Options from './options.ts';
import { UsageError } from './program.ts';

export interface PingOptions {
  /** As it was typed. */
  readonly target: string;
  /** -c: 0 = until it is stopped. */
  readonly count: number;
  /** -i. */
  readonly interval: VirtualTime;
  /** -s: octets behind the ICMP header. */
  readonly size: number;
  /** -M. */
  readonly pmtu: SendRequest['pmtu'];
  /** -I: a device or an address; '' for neither. */
  readonly from: string;
  /** -t: 0 = the system's default. */
  readonly ttl: number;
  /** -Q. */
  readonly tos: number;
  /** -W: how long to wait when nothing at all has come. */
  readonly linger: VirtualTime;
  /** -w: when to end, whatever came; 0 = no such time. */
  readonly deadline: VirtualTime;
  /** -q. */
  readonly quiet: boolean;
}

const USAGE =
  'Usage: ping [-nq] [-c count] [-i interval] [-s size] [-M want|do|dont|probe] [-I interface|address]\n            [-t ttl] [-Q tos] [-W timeout] [-w deadline] destination';
const MAX_SIZE = 65_507;
const LONG_MAX = '9223372036854775807';

/** `args` without the program's name. Throws `UsageError` with what `ping` prints. */
export function parsePing(args: readonly string[]): PingOptions {
  let line: Options.CommandLine;
  try {
    line = Options.parse(args, 'nqc:i:s:M:I:t:Q:W:w:');
  } catch (e) {
    if (e instanceof Options.OptionError) throw new UsageError(`ping: ${e.message}\n${USAGE}`, 2);
    throw e;
  }
  const { options, operands } = line;
  const [target] = operands;
  if (target === undefined) throw new UsageError('ping: usage error: Destination address required', 1);
  return {
    target,
    count: integer(options.get('c'), 0, 1, Number.MAX_SAFE_INTEGER),
    interval: Math.max(MILLISECOND, seconds(options.get('i'), SECOND)),
    size: integer(options.get('s'), 56, 0, MAX_SIZE),
    pmtu: discovery(options.get('M')),
    from: options.get('I') ?? '',
    ttl: integer(options.get('t'), 0, 0, 255),
    tos: typeOfService(options.get('Q')),
    linger: seconds(options.get('W'), 10 * SECOND),
    deadline: integer(options.get('w'), 0, 0, 2 ** 31 - 1) * SECOND,
    quiet: options.has('q'),
  };
}

function integer(text: string | undefined, otherwise: number, low: number, high: number): number {
  if (text === undefined) return otherwise;
  if (!/^-?\d+$/.test(text)) throw new UsageError(`ping: invalid argument: '${text}'`, 1);
  const value = Number(text);
  if (value >= low && value <= high) return value;
  const highest = high === Number.MAX_SAFE_INTEGER ? LONG_MAX : high;
  const range = `out of range: ${low} <= value <= ${highest}`;
  throw new UsageError(`ping: invalid argument: '${text}': ${range}`, 1);
}

/** Seconds with decimals. */
function seconds(text: string | undefined, otherwise: VirtualTime): VirtualTime {
  if (text === undefined) return otherwise;
  if (!/^\d*\.?\d+$/.test(text)) throw new UsageError(`ping: option argument contains garbage: ${text}`, 2);
  return Math.floor(Number(text) * SECOND + 0.5);
}

function discovery(text: string | undefined): SendRequest['pmtu'] {
  switch (text) {
    case undefined:
      return 'want';
    case 'do':
    case 'dont':
    case 'want':
    case 'probe':
      return text;
    default:
      throw new UsageError(`ping: invalid -M argument: ${text}`, 2);
  }
}

function typeOfService(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new UsageError(`ping: bad TOS value: ${text}`, 2);
  const value = Number(text);
  if (value > 255)
    throw new UsageError(`ping: the decimal value of TOS bits must be in range 0-255: ${value}`, 2);
  return value;
}
