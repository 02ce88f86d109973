/** What differs between a recording and what the product does: one list of differences and a count for each table. */
import type { Observation } from './observe.ts';
import { answering, arpIdentities, bulkForms, packetForms, withoutAnsweredArp } from './packet-form.ts';
import {
  bgp,
  type Hooks,
  interfacesOf,
  type Mode,
  type PacketRow,
  packets,
  probes,
  states,
} from './recording.ts';

export interface Comparison {
  readonly table: string;
  compared: number;
  readonly differing: string[];
}

export function compare(mode: Mode, hooks: Hooks, seen: Observation): Comparison[] {
  const tables = hooks === 'none' ? [...compareStates(mode, seen), compareBgp(mode, seen)] : [];
  return [...tables, compareOutputs(mode, hooks, seen), ...comparePackets(mode, hooks, seen)];
}

const lines = (text: string): string[] => text.split('\n').filter(line => line !== '');

/** Two lists, in order: the longest common part is equal, what is left over on either side differs. */
export function difference(recorded: readonly string[], ours: readonly string[]): string[] {
  if (recorded.length === ours.length && recorded.every((line, i) => line === ours[i])) return [];
  const longest: number[][] = Array.from({ length: recorded.length + 1 }, () =>
    new Array<number>(ours.length + 1).fill(0),
  );
  for (let i = recorded.length - 1; i >= 0; i--) {
    for (let j = ours.length - 1; j >= 0; j--) {
      longest[i]![j] =
        recorded[i] === ours[j]
          ? longest[i + 1]![j + 1]! + 1
          : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!);
    }
  }
  const different: string[] = [];
  let i = 0;
  let j = 0;
  while (i < recorded.length || j < ours.length) {
    if (i < recorded.length && j < ours.length && recorded[i] === ours[j]) {
      i++;
      j++;
    } else if (j >= ours.length || (i < recorded.length && longest[i + 1]![j]! >= longest[i]![j + 1]!))
      different.push(`- ${recorded[i++]}`);
    else different.push(`+ ${ours[j++]}`);
  }
  return different;
}

/** Tables whose order means nothing; that of BIRD's protocols is its configuration's, which was written by hand. */
const SETS = ['neigh', 'fdb', 'bird-protocols', 'bird-protocols-all'];
export const STATE_TABLES = [
  'route',
  'route-table-all',
  'neigh',
  'fdb',
  'link',
  'addr',
  'bird-protocols',
  'bird-protocols-all',
  'bird-route',
  'bird-route-all',
];

function compareStates(mode: Mode, seen: Observation): Comparison[] {
  const comparisons = new Map(
    STATE_TABLES.map(table => [table, { table, compared: 0, differing: [] as string[] }]),
  );
  for (const [key, text] of states(mode)) {
    const table = key.slice(key.indexOf('.') + 1);
    const comparison = comparisons.get(table);
    if (comparison === undefined) throw new Error(`no rule for ${key}`);
    const sorted = (list: string[]): string[] => (SETS.includes(table) ? list.sort() : list);
    const form = (whole: string): string[] => sorted(linesOf(table, stateForm(table, whole)));
    const recorded = form(text);
    comparison.compared += Math.max(1, recorded.length);
    const ours = seen.states.get(key);
    if (ours === undefined) comparison.differing.push(`${key}: nothing to compare with`);
    else comparison.differing.push(...difference(recorded, form(ours)).map(d => `${key}: ${d}`));
  }
  return [...comparisons.values()];
}

/** Of `show protocols all`, each line after the protocol that it is about. */
function linesOf(table: string, text: string): string[] {
  if (table !== 'bird-protocols-all') return lines(text);
  return text.split('\n\n').flatMap(block => {
    const list = lines(block);
    const protocol = list.findLast(line => /^\w/.test(line))?.split(' ')[0];
    return list.map(line => `${protocol}: ${line}`);
  });
}

/** Network cards of machines: the recording's are veths to bridges. */
const CARD = /^(\d+: eth\d)@if\d+(: .*\n {4}link\/ether \S+ brd \S+)( link-netns (?:swA|swB))/gm;

function stateForm(table: string, text: string): string {
  if (table === 'neigh') return text.replace(/(REACHABLE|STALE|DELAY|PROBE) $/gm, 'KNOWN ');
  if (table.startsWith('bird'))
    return text
      .replace(/\d\d:\d\d:\d\d/g, 'TIME')
      .replace(/(timer: +)\d+\//g, '$1N/')
      .replace(/^( +Export updates: ).*$/gm, '$1N');
  if (table !== 'link' && table !== 'addr') return text;
  return text
    .replace(CARD, '$1$2')
    .replace(/^(\d+: eth[12]: .*\n.*\n {4}|2: eth0: .*\n.*\n {4})veth /gm, '$1')
    .replace(/^(\d+: (?:eth[12]|eth0): .*\n.*maxmtu 65535 )\n {4}(?!veth)/gm, '$1')
    .replace(/link-netns(id)? \S+/g, 'link-netns NAME')
    .replace(/promiscuity \d/g, 'promiscuity N');
}

function compareOutputs(mode: Mode, hooks: Hooks, seen: Observation): Comparison {
  const comparison: Comparison = { table: 'output', compared: 0, differing: [] };
  for (const { name, output } of probes(mode, hooks)) {
    const recorded = outputForm(output);
    comparison.compared += recorded.length;
    const ours = outputForm(seen.outputs.get(name) ?? []);
    comparison.differing.push(...difference(recorded, ours).map(d => `${name}: ${d}`));
  }
  return comparison;
}

const outputForm = (output: readonly string[]): string[] =>
  output
    .filter(line => line !== '' && !/^(Traceback| {2})/.test(line.replace(/^ {1,2}\d /, '')))
    .map(line =>
      line
        .replace(/time=[\d.]+ ms/, 'time=T ms')
        .replace(/, time \d+ms/, ', time T')
        .replace(/= [\d./]+ ms(, pipe \d)?$/, '= T ms')
        .replace(/ {1,2}[\d.]+ ms/g, ' T ms')
        .replace(/^[\d.]+s mss/, 'Ts mss'),
    );

const COLD = /^base\.0[12]-/;
const BULK = /-tcp-(upload|download)-/;

function comparePackets(mode: Mode, hooks: Hooks, seen: Observation): Comparison[] {
  const recorded = packets(mode, hooks);
  const both = [...recorded.values(), ...seen.packets.values()];
  const present = answering(both.flatMap(byProbe => [...byProbe.values()].flat()));
  return interfacesOf(mode).map(at => {
    const comparison: Comparison = { table: `packets ${at}`, compared: 0, differing: [] };
    const rowsOf = (name: string): readonly PacketRow[] => recorded.get(at)?.get(name) ?? [];
    const names = probes(mode, hooks).map(probe => probe.name);
    // A transfer's recording was cut after some packets; what the others have may be missing in one.
    const transfers = names.filter(name => BULK.test(name)).map(name => bulkForms(rowsOf(name)).kinds);
    const possible = new Set(transfers.flatMap(kinds => [...kinds]));
    // The few probes with natOutgoing were in the same lab.
    const identities = arpIdentities([...(packets(mode, 'none').get(at)?.values() ?? [])].flat());
    if (hooks === 'none') comparison.compared += identities.size;
    const strangers = [...arpIdentities([...(seen.packets.get(at)?.values() ?? [])].flat())].filter(
      identity => !identities.has(identity),
    );
    comparison.differing.push(...strangers.map(identity => `ARP: + ${identity}`));
    for (const name of names) {
      const here = seen.packets.get(at)?.get(name) ?? [];
      const [there, ours] = COLD.test(name)
        ? [rowsOf(name), here]
        : [withoutAnsweredArp(rowsOf(name), present), withoutAnsweredArp(here, present)];
      if (BULK.test(name)) compareTransfer(comparison, name, there, ours, possible);
      else {
        comparison.compared += there.length;
        const areSame = there.length === ours.length && there.every((row, i) => row === ours[i]);
        const differences = areSame ? [] : difference(packetForms(there), packetForms(ours));
        comparison.differing.push(...differences.map(d => `${name}: ${d}`));
      }
    }
    return comparison;
  });
}

/** `possible`: what passes here in any transfer. */
function compareTransfer(
  comparison: Comparison,
  name: string,
  there: readonly PacketRow[],
  here: readonly PacketRow[],
  possible: ReadonlySet<string>,
): void {
  const [recorded, ours] = [bulkForms(there), bulkForms(here)];
  comparison.compared += recorded.handshake.length + recorded.kinds.size;
  const differences = [
    ...difference(recorded.handshake, ours.handshake),
    ...[...recorded.kinds].filter(kind => !ours.kinds.has(kind)).map(kind => `- ${kind}`),
    ...[...ours.kinds].filter(kind => !possible.has(kind)).map(kind => `+ ${kind}`),
  ];
  comparison.differing.push(...differences.map(d => `${name}: ${d}`));
}

/** The connection between `a` and `b` that carried messages; others were refused because the peer had not started. */
function established(rows: readonly PacketRow[], a: string, b: string): PacketRow[] {
  const between = rows.filter(
    row => [row['source'], row['destination']].sort().join() === [a, b].sort().join(),
  );
  const connection = (row: PacketRow): string => [row['tcp.srcport'], row['tcp.dstport']].sort().join();
  const used = between.find(row => row['payload'] !== '');
  return between.filter(row => used !== undefined && connection(row) === connection(used));
}

/** One side of a session: how its SYN or SYN-ACK and its data look, then its messages in order. */
function sideForm(rows: readonly PacketRow[], from: string): string[] {
  const own = rows.filter(row => row['source'] === from);
  const outside = ({ ttl, dsfield, df, mss }: PacketRow): string =>
    `ttl ${ttl} tos ${dsfield} df ${df} mss ${mss}`;
  const opening = own
    .filter(row => row['flags']!.includes('S'))
    .map(row => `SYN ${outside(row)} window ${row['window']}`);
  const data = own.filter(row => row['payload'] !== '');
  const stream = data.map(row => row['payload']).join('');
  return [...opening, ...new Set(data.map(outside)), ...messages(stream)];
}

/** Messages of a stream of octets in hex, cut at their lengths (RFC 4271 §4.1). */
function messages(stream: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < stream.length; ) {
    const octets = Number.parseInt(stream.slice(at + 32, at + 36), 16);
    found.push(stream.slice(at, at + octets * 2));
    at += octets * 2;
  }
  return found;
}

/** Each side of both recorded sessions; ours goes on after the last message of the recording. */
function compareBgp(mode: Mode, seen: Observation): Comparison {
  const comparison: Comparison = { table: 'bgp', compared: 0, differing: [] };
  const sessions = [
    ['m-w1', '192.168.10.10', '192.168.10.101'],
    ['w1-w0', '192.168.10.101', '192.168.20.100'],
  ] as const;
  for (const [session, a, b] of sessions) {
    const there = bgp(mode).filter(row => row['session'] === session);
    const here = established(seen.bgp, a, b).map(row => ({
      source: row['source']!,
      ttl: row['ip.ttl']!,
      dsfield: row['ip.dsfield']!,
      df: row['ip.flags.df']!,
      flags: row['tcp.flags.str']!,
      mss: row['tcp.options.mss_val'] ?? '',
      window: row['tcp.window_size_value']!,
      payload: row['payload']!,
    }));
    for (const from of [a, b]) {
      const recorded = sideForm(there, from);
      const ours = sideForm(here, from).slice(0, recorded.length);
      comparison.compared += recorded.length;
      comparison.differing.push(...difference(recorded, ours).map(d => `${session} ${from}: ${d}`));
    }
  }
  return comparison;
}
