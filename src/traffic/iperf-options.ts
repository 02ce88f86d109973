/** The command line of `iperf3` (3.9). */
import * as Ipv4 from '../addr/ipv4.ts';
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
  /** -u. */
  readonly udp: boolean;
  /** -b: bit/s of each stream; 0 = as fast as it goes. */
  readonly rateBps: number;
  /** -l: octets of a datagram or of a write; 0 = what fits. */
  readonly length: number;
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
  /** -J: nothing but one JSON object, at the end. */
  readonly json: boolean;
  /** -B: the client's own address; 0 = as the route says. */
  readonly bind: Ipv4.Ipv4Address;
  /** -S. */
  readonly tos: number;
  /** -C; undefined = what the host uses. */
  readonly congestionControl: 'reno' | 'cubic' | undefined;
}

const USAGE = "Usage: iperf3 [-s|-c host] [options]\nTry `iperf3 --help' for more information.";
const BINARY: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const DECIMAL: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

const LETTERS: Readonly<Record<string, string>> = {
  bandwidth: 'b',
  bind: 'B',
  bitrate: 'b',
  bytes: 'n',
  client: 'c',
  congestion: 'C',
  daemon: 'D',
  interval: 'i',
  json: 'J',
  length: 'l',
  'no-delay': 'N',
  'one-off': '1',
  parallel: 'P',
  port: 'p',
  reverse: 'R',
  server: 's',
  time: 't',
  tos: 'S',
  udp: 'u',
  version: 'v',
  version4: '4',
  zerocopy: 'Z',
};
/** What the real one has besides. */
const NOT_EMULATED =
  /^-(?:[wMOfkFTLXAVdIh6]|-(?:window|set-mss|omit|format|blockcount|file|title|flowlabel|xbind|affinity|verbose|debug|pidfile|help|version6|bidir|fq-rate|pacing-timer|get-server-output|logfile|forceflush|timestamps|connect-timeout|repeating-payload|dont-fragment|nstreams|cport|extra-data|dscp|udp-counters-64bit|length)\b)/;

/** `args` without the program's name. Throws `UsageError` with what `iperf3` prints. */
export function parseIperf(args: readonly string[]): IperfOptions {
  const { options } = commandLine(args);
  const server = options.has('s');
  const target = options.get('c') ?? '';
  const problem =
    server && target !== ''
      ? 'cannot be both server and client'
      : 'must either be a client (-c) or server (-s)';
  if (server === (target !== '')) refuse(problem);
  if (server && options.has('u')) refuse('some option you are trying to set is client only');
  const udp = options.has('u');
  const rateBps = amount(options.get('b'), DECIMAL, 'bitrate') ?? (udp ? UDP_RATE : 0);
  if (udp && rateBps === 0)
    throw new UsageError('iperf3 -u -b 0: not emulated in this lab, give it a bitrate', 2);
  const length = amount(options.get('l'), BINARY, 'block size') ?? 0;
  if (udp && length > 65_507) refuse(`block size too large (maximum = 65507 bytes)`);
  if (udp && length > 0 && length < 16)
    refuse('block size invalid (minimum = 16 bytes, maximum = 65507 bytes)');
  const congestionControl = options.get('C');
  if (congestionControl !== undefined && congestionControl !== 'cubic' && congestionControl !== 'reno')
    throw new UsageError(`iperf3 -C ${congestionControl}: only cubic and reno are emulated in this lab`, 2);
  const bind = options.get('B');
  const address = bind === undefined ? 0 : Ipv4.parse(bind);
  if (address === undefined)
    throw new UsageError(`iperf3 -B ${bind}: only addresses are emulated in this lab`, 2);
  return {
    server,
    target,
    port: number(options, 'p', PORT, 1, 65535, 'port number'),
    udp,
    rateBps,
    length,
    duration: number(options, 't', 10, 1, 86_400, 'test duration') * SECOND,
    octets: amount(options.get('n'), BINARY, 'number of bytes') ?? 0,
    interval: number(options, 'i', 1, 1, 60, 'report interval') * SECOND,
    parallel: number(options, 'P', 1, 1, 128, 'number of parallel streams'),
    reverse: options.has('R'),
    once: options.has('1'),
    json: options.has('J'),
    bind: address,
    tos: options.has('S') ? Number(options.get('S')) & 0xff : 0,
    congestionControl,
  };
}

/** Bit/s of a UDP stream that nobody gave a rate. */
const UDP_RATE = 2 ** 20;

/** What `-v` prints, and ends. */
const VERSION = 'iperf 3.9 (cJSON 1.7.13)';

function commandLine(args: readonly string[]): Options.CommandLine {
  const words = args.flatMap(word => {
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    if (name === undefined) return [word];
    const letter = Object.hasOwn(LETTERS, name) ? LETTERS[name] : undefined;
    if (letter === undefined && !NOT_EMULATED.test(word))
      throw new UsageError(`iperf3: unrecognized option '${word}'\n${USAGE}`, 1);
    return letter === undefined ? [word] : [`-${letter}`, ...(value === undefined ? [] : [value])];
  });
  const missing = words.find(word => NOT_EMULATED.test(word));
  if (missing !== undefined) throw new UsageError(`iperf3 ${missing}: not emulated in this lab`, 2);
  if (words.includes('-v')) throw new UsageError(VERSION, 0);
  try {
    return Options.parse(words, 'sc:p:ub:l:t:n:i:P:R1JB:S:C:4NZD');
  } catch (e) {
    if (e instanceof Options.OptionError) throw new UsageError(`iperf3: ${e.message}\n${USAGE}`, 1);
    throw e;
  }
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

/** `10M`: octets in units of 1024, rates in units of 1000. */
function amount(
  text: string | undefined,
  units: Readonly<Record<string, number>>,
  what: string,
): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/i.exec(text);
  if (match === null) refuse(`bad ${what}: ${text}`);
  return Math.floor(Number(match[1]) * units[match[2]!.toUpperCase()]!);
}
