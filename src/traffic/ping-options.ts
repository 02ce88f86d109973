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
  /** -D: the time of day in front of each answer. */
  readonly stamped: boolean;
  /** -O: says so when no answer has come until the next request. */
  readonly outstanding: boolean;
}

const USAGE = `
Usage
  ping [options] <destination>

Options:
  <destination>      DNS name or IP address
  -a                 use audible ping
  -A                 use adaptive ping
  -B                 sticky source address
  -c <count>         stop after <count> replies
  -C                 call connect() syscall on socket creation
  -D                 print timestamps
  -d                 use SO_DEBUG socket option
  -e <identifier>    define identifier for ping session, default is random for
                     SOCK_RAW and kernel defined for SOCK_DGRAM
                     Imply using SOCK_RAW (for IPv4 only for identifier 0)
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -L                 suppress loopback of multicast packets
  -l <preload>       send <preload> number of packages while waiting replies
  -m <mark>          tag the packets going out
  -M <pmtud opt>     define path MTU discovery, can be one of <do|dont|want|probe>
  -n                 no reverse DNS name resolution, override -H
  -H                 force reverse DNS name resolution (useful for numeric
                     destinations or for -f), override -n
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -S <size>          use <size> as SO_SNDBUF socket option value
  -t <ttl>           define time to live
  -U                 print user-to-user latency
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

IPv4 options:
  -4                 use IPv4
  -b                 allow pinging broadcast
  -R                 record route
  -T <timestamp>     define timestamp, can be one of <tsonly|tsandaddr|tsprespec>

IPv6 options:
  -6                 use IPv6
  -F <flowlabel>     define flow label, default is random
  -N <nodeinfo opt>  use IPv6 node info query, try <help> as argument

For more details see ping(8).`;
/** What the real one has besides: those that take a value marked so. */
const NOT_EMULATED = 'aAe:fLl:m:p:RS:T:v6F:N:h';
const MAX_SIZE = 65_507;
const LONG_MAX = '9223372036854775807';

/** `args` without the program's name. Throws `UsageError` with what `ping` prints. */
export function parsePing(args: readonly string[]): PingOptions {
  let line: Options.CommandLine;
  try {
    line = Options.parse(args, `nqDO4bBCdHUVc:i:s:M:I:t:Q:W:w:${NOT_EMULATED}`);
  } catch (e) {
    if (e instanceof Options.OptionError) throw new UsageError(`ping: ${e.message}\n${USAGE}`, 2);
    throw e;
  }
  const { options, operands } = line;
  if (options.has('V')) throw new UsageError('ping from iputils 20221126', 0);
  const missing = [...options.keys()].find(letter => NOT_EMULATED.includes(letter));
  if (missing !== undefined) throw new UsageError(`ping -${missing}: not emulated in this lab`, 2);
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
    stamped: options.has('D'),
    outstanding: options.has('O'),
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
