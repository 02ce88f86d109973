/** `ss`: TCP sockets. */
import * as Ipv4 from '../../addr/ipv4.ts';
import type { SocketView } from '../../node/command.ts';
import { type Command, failed, printed } from '../command.ts';
import { parseFlags } from '../options.ts';

const FLAGS = {
  tcp: { short: 't', value: false },
  udp: { short: 'u', value: false },
  numeric: { short: 'n', value: false },
  all: { short: 'a', value: false },
  listening: { short: 'l', value: false },
  processes: { short: 'p', value: false },
  info: { short: 'i', value: false },
  options: { short: 'o', value: false },
  memory: { short: 'm', value: false },
  extended: { short: 'e', value: false },
  ipv4: { short: '4', value: false },
  'no-header': { short: 'H', value: false },
} as const;

const NAMES: Readonly<Record<string, string>> = { '179': 'bgp', '80': 'http', '443': 'https', '22': 'ssh' };

export const ss: Command = async (args, { cluster, place }) => {
  const parsed = parseFlags(args, FLAGS);
  if (parsed.unknown !== undefined)
    return failed(`ss: invalid option -- '${parsed.unknown.slice(1)}'\n`, 255);
  const { flags } = parsed;
  if (parsed.words.length > 0) return failed('ss: filters are not emulated in this lab, use grep\n', 2);
  if (!flags.has('tcp')) return failed('ss: only -t is emulated in this lab\n', 2);
  const all = await cluster.controller.ask<SocketView[]>(place.machine, {
    do: 'sockets',
    namespace: place.namespace,
  });
  const shown = all.filter(s => flags.has('all') || (s.state === 'LISTEN') === flags.has('listening'));
  const port = (n: number): string =>
    n === 0 ? '*' : flags.has('numeric') ? String(n) : (NAMES[n] ?? String(n));
  const rows = shown.map(s => [
    s.state,
    String(s.receiveQueue),
    String(s.sendQueue),
    Ipv4.format(s.localAddress),
    port(s.localPort),
    Ipv4.format(s.remoteAddress),
    port(s.remotePort),
  ]);
  const header = ['State', 'Recv-Q', 'Send-Q', 'Local Address', 'Port', 'Peer Address', 'Port'];
  const table = flags.has('no-header') ? rows : [header, ...rows];
  const widths = header.map((title, c) => Math.max(title.length, ...rows.map(row => row[c]!.length)));
  const line = (row: readonly string[]): string => {
    const [state, receive, send, local, localPort, peer, peerPort] = row.map((cell, c) =>
      c === 3 || c === 5 ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!),
    );
    return `${state} ${receive} ${send} ${local}:${localPort} ${peer}:${peerPort} ${row === header ? 'Process' : ''}`.trimEnd();
  };
  return printed(table.map(row => `${line(row)}\n`).join(''));
};
