/** The command line of `iperf3`, TCP only. */
import { SECOND, type VirtualTime } from '../sim/time.ts';
import { PORT } from './iperf-protocol.ts';
import * as Options from './options.ts';
import { UsageError } from './program.ts';

export interface IperfOptions {
  /** -s. */
  readonly server: boolean;
  /** -c: as it was typed. */
  readonly target: string;
  /** -p. */
  readonly port: number;
  /** -t. */
  readonly duration: VirtualTime;
  /** -n: octets to send over all streams instead; 0 = by time. */
  readonly octets: number;
  /** -i. */
  readonly interval: VirtualTime;
  /** -P. */
  readonly parallel: number;
  /** -R: the server sends. */
  readonly reverse: boolean;
  /** -1: a server ends behind its first test. */
  readonly once: boolean;
}

const USAGE = "Usage: iperf3 [-s|-c host] [options]\nTry `iperf3 --help' for more information.";
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `args` without the program's name. Throws `UsageError` with what `iperf3` prints. */
export function parseIperf(args: readonly string[]): IperfOptions {
  let line: Options.CommandLine;
  try {
    line = Options.parse(args, 'sc:p:t:n:i:P:R1');
  } catch (e) {
    if (e instanceof Options.OptionError) throw new UsageError(`iperf3: ${e.message}\n${USAGE}`, 1);
    throw e;
  }
  const { options } = line;
  const server = options.has('s');
  const target = options.get('c') ?? '';
  const problem =
    server && target !== ''
      ? 'cannot be both server and client'
      : 'must either be a client (-c) or server (-s)';
  if (server === (target !== '')) refuse(problem);
  return {
    server,
    target,
    port: number(options, 'p', PORT, 1, 65535, 'port number'),
    duration: number(options, 't', 10, 1, 86_400, 'test duration') * SECOND,
    octets: amount(options.get('n')),
    interval: number(options, 'i', 1, 1, 60, 'report interval') * SECOND,
    parallel: number(options, 'P', 1, 1, 128, 'number of parallel streams'),
    reverse: options.has('R'),
    once: options.has('1'),
  };
}

function refuse(problem: string): never {
  throw new UsageError(`iperf3: parameter error - ${problem}\n\n${USAGE}`, 1);
}

function number(
  options: ReadonlyMap<string, string>,
  letter: string,
  otherwise: number,
  low: number,
  high: number,
  what: string,
): number {
  const text = options.get(letter);
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) refuse(`bad ${what}: ${text} (${low} to ${high})`);
  return value;
}

/** `10M`: units of 1024. */
function amount(text: string | undefined): number {
  if (text === undefined) return 0;
  const match = /^(\d+)([KMGT]?)$/i.exec(text);
  if (match === null) refuse(`bad number of bytes: ${text}`);
  return Number(match[1]) * UNITS[match[2]!.toUpperCase()]!;
}
