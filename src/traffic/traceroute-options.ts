/** The command line of `traceroute` (the one of Dmitry Butskoy, 2.1), as far as it is understood here. */
import { SECOND, type VirtualTime } from '../sim/time.ts';
import * as Options from './options.ts';
import { UsageError } from './program.ts';
import type { TraceMethod } from './trace-senders.ts';

export interface TracerouteOptions {
  /** As it was typed. */
  readonly target: string;
  /** UDP by default; -I; -T. */
  readonly method: TraceMethod;
  /** -n. */
  readonly numeric: boolean;
  /** -q. */
  readonly probesPerHop: number;
  /** -N: how many probes are on their way at once. */
  readonly simultaneous: number;
  /** -w MAX,HERE,NEAR: wait no longer than MAX, … */
  readonly wait: VirtualTime;
  /** … nor HERE times as long as an answer from the same hop took, … */
  readonly hereFactor: number;
  /** … nor NEAR times as long as one from a hop behind it. 0: no such limit. */
  readonly nearFactor: number;
  /** -f. */
  readonly firstHop: number;
  /** -m. */
  readonly maxHops: number;
  /** -p: the destination port; of UDP, that of the first probe. */
  readonly port: number;
  /** Length of the whole packet, in octets. */
  readonly packetLength: number;
}

const USAGE =
  'Usage:\n  traceroute [ -InT ] [ -f first_ttl ] [ -m max_ttl ] [ -N squeries ] [ -p port ] [ -w MAX,HERE,NEAR ] [ -q nqueries ] host [ packetlen ]';

/** What the real one has besides: those that take a value marked so. */
const NOT_EMULATED = '6dFrAVUeg:i:l:s:t:z:M:O:S';

/** IPv4 and UDP or ICMP headers. */
const HEADERS = 28;

/** `args` without the program's name. Throws `UsageError` with what `traceroute` prints. */
export function parseTraceroute(args: readonly string[]): TracerouteOptions {
  let line: Options.CommandLine;
  try {
    line = Options.parse(args, `InT4q:N:w:m:f:p:${NOT_EMULATED}`);
  } catch (e) {
    if (e instanceof Options.OptionError) throw new UsageError(`traceroute: ${e.message}\n${USAGE}`, 2);
    throw e;
  }
  const { options, operands } = line;
  const missing = [...options.keys()].find(letter => NOT_EMULATED.includes(letter));
  if (missing !== undefined) throw new UsageError(`traceroute -${missing}: not emulated in this lab`, 2);
  const [target, length] = operands;
  if (target === undefined) throw new UsageError(`Specify "host" missing argument.\n${USAGE}`, 2);
  const maxHops = number(options, 'm', 30);
  const firstHop = number(options, 'f', 1);
  const probesPerHop = number(options, 'q', 3);
  if (firstHop < 1 || firstHop > maxHops) throw new UsageError('first hop out of range', 2);
  if (maxHops > 255) throw new UsageError('max hops cannot be more than 255', 2);
  if (probesPerHop < 1 || probesPerHop > 10) throw new UsageError('no more than 10 probes per hop', 2);
  const method = options.has('I') ? 'icmp' : options.has('T') ? 'tcp' : 'udp';
  const waits = options.get('w')?.split(',').map(Number) ?? [5, 3, 10];
  if (waits.some(value => !(value >= 0)))
    throw new UsageError(`bad wait specifications \`${options.get('w')}' used`, 2);
  return {
    target,
    method,
    numeric: options.has('n'),
    probesPerHop,
    simultaneous: Math.max(1, number(options, 'N', 16)),
    wait: Math.floor(waits[0]! * SECOND + 0.5),
    hereFactor: waits[1] ?? 0,
    nearFactor: waits[2] ?? 0,
    firstHop,
    maxHops,
    port: number(options, 'p', method === 'tcp' ? 80 : 33434),
    packetLength: Math.max(HEADERS, length === undefined ? 60 : positive(length, 'packetlen')),
  };
}

const number = (options: ReadonlyMap<string, string>, letter: string, otherwise: number): number => {
  const text = options.get(letter);
  return text === undefined ? otherwise : positive(text, `-${letter}`);
};

function positive(text: string, what: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`Cannot handle "${what}" option with arg \`${text}'`, 2);
  return Number(text);
}
