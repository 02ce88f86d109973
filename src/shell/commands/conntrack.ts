/** `conntrack -L|-C|-D|-F` (conntrack-tools 1.4.6): the connections that the node tracks. */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import type { ConnectionView } from '../../node/command.ts';
import { conntrackLine } from '../../report/conntrack-text.ts';
import { type Command, type CommandIo, failed, printed } from '../command.ts';
import { type Parsed, parseFlags } from '../options.ts';

const FLAGS = {
  dump: { short: 'L', value: false },
  count: { short: 'C', value: false },
  delete: { short: 'D', value: false },
  flush: { short: 'F', value: false },
  event: { short: 'E', value: false },
  stats: { short: 'S', value: false },
  proto: { short: 'p', value: true },
  src: { short: 's', value: true },
  dst: { short: 'd', value: true },
  sport: { value: true },
  dport: { value: true },
  'orig-port-src': { value: true },
  'orig-port-dst': { value: true },
  'reply-src': { short: 'r', value: true },
  'reply-dst': { short: 'q', value: true },
  state: { value: true },
  'src-nat': { short: 'n', value: false },
  'dst-nat': { short: 'g', value: false },
  'any-nat': { short: 'j', value: false },
  output: { short: 'o', value: true },
  family: { short: 'f', value: true },
} as const;

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17 };
const HEAD = 'conntrack v1.4.6 (conntrack-tools): ';

export const conntrack: Command = async (args, io) => {
  const parsed = parseFlags(args, FLAGS);
  const { flags } = parsed;
  const help = "Try `conntrack -h' or 'conntrack --help' for more information.\n";
  if (parsed.unknown !== undefined)
    return failed(
      `conntrack: invalid option -- '${parsed.unknown.slice(1)}'\n${HEAD}unknown argument\n${help}`,
      2,
    );
  if (flags.has('event') || flags.has('stats'))
    return failed(`conntrack ${flags.has('event') ? '-E' : '-S'}: not emulated in this lab\n`, 2);
  const table = parsed.words[0] ?? 'conntrack';
  if (table !== 'conntrack') return failed(`conntrack -L ${table}: not emulated in this lab\n`, 2);
  const fits = chooser(parsed);
  if (typeof fits === 'string') return failed(`${HEAD}${fits}\n${help}`, 2);
  const { machine, namespace } = io.place;
  const all = await io.cluster.controller.ask<ConnectionView[]>(machine, { do: 'conntrack', namespace });
  if (flags.has('count')) return printed(`${all.length}\n`);
  if (flags.has('flush')) {
    await forget('all', io);
    return { stdout: '', stderr: `${HEAD}connection tracking table has been emptied.\n`, exitCode: 0 };
  }
  const chosen = all.filter(fits);
  const stdout = chosen.map(each => conntrackLine(each, flags.get('output') === 'extended')).join('');
  if (flags.has('delete')) {
    await forget(chosen, io);
    return {
      stdout,
      stderr: `${HEAD}${chosen.length} flow entries have been deleted.\n`,
      exitCode: chosen.length === 0 ? 1 : 0,
    };
  }
  if (!flags.has('dump')) return failed(`${HEAD}you need to supply a valid command\n${help}`, 2);
  return { stdout, stderr: `${HEAD}${chosen.length} flow entries have been shown.\n`, exitCode: 0 };
};

async function forget(
  chosen: readonly ConnectionView[] | 'all',
  { cluster, place }: CommandIo,
): Promise<void> {
  const { machine, namespace } = place;
  const tuples = chosen === 'all' ? chosen : chosen.map(each => each.tuples[0]);
  await cluster.controller.ask(machine, { do: 'conntrack-forget', namespace, tuples });
}

/** What the options let through, or what is wrong with them. */
function chooser({ flags }: Parsed): ((connection: ConnectionView) => boolean) | string {
  const tests: ((connection: ConnectionView) => boolean)[] = [];
  const proto = flags.get('proto');
  if (proto !== undefined) {
    const number = PROTOCOLS[proto] ?? Number(proto);
    if (!Number.isInteger(number)) return `\`${proto}' unsupported protocol`;
    tests.push(each => each.protocol === number);
  }
  for (const [name, of] of ENDS) {
    const text = flags.get(name);
    if (text === undefined) continue;
    const alone = Ipv4.parse(text);
    const prefix = alone === undefined ? Prefix.parse(text) : { address: alone, length: 32 };
    if (prefix === undefined) return `Invalid IP address: ${text}`;
    tests.push(each => Prefix.contains(prefix, of(each)));
  }
  for (const [name, of] of PORTS) {
    const text = flags.get(name);
    if (text !== undefined) tests.push(each => each.protocol !== 1 && of(each) === Number(text));
  }
  const state = flags.get('state');
  if (state !== undefined) tests.push(each => each.tcpState === state);
  if (flags.has('src-nat')) tests.push(each => each.sourceNat);
  if (flags.has('dst-nat')) tests.push(each => each.destinationNat);
  if (flags.has('any-nat')) tests.push(each => each.sourceNat || each.destinationNat);
  return each => tests.every(test => test(each));
}

type Of = (connection: ConnectionView) => number;
const ENDS: readonly (readonly [name: string, of: Of])[] = [
  ['src', each => each.tuples[0].source],
  ['dst', each => each.tuples[0].destination],
  ['reply-src', each => each.tuples[1].source],
  ['reply-dst', each => each.tuples[1].destination],
];
const sourcePort: Of = each => each.tuples[0].ports >>> 16;
const destinationPort: Of = each => each.tuples[0].ports & 0xffff;
const PORTS: readonly (readonly [name: string, of: Of])[] = [
  ['sport', sourcePort],
  ['orig-port-src', sourcePort],
  ['dport', destinationPort],
  ['orig-port-dst', destinationPort],
];
