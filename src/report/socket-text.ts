/** Sockets as iproute2 6.1's `ss` prints them where its output is no terminal: columns just as wide as they must be. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { SocketView } from '../node/command.ts';

export interface SocketStyle {
  /** Sockets of more than one protocol were asked for. */
  readonly withProtocol: boolean;
  /** All shown are in one state, and it was asked for by name. */
  readonly withoutState: boolean;
  readonly numeric: boolean;
  readonly heading: boolean;
}

/** /etc/services, as far as anything here listens. */
const SERVICES: Readonly<Record<string, string>> = {
  'tcp/22': 'ssh',
  'tcp/80': 'http',
  'tcp/179': 'bgp',
  'tcp/443': 'https',
};

const HEADING = [
  'Netid',
  'State',
  'Recv-Q',
  'Send-Q',
  'Local Address:',
  'Port',
  'Peer Address:',
  'Port',
  'Process',
];
/** What stands between a column and the one before. */
const BEFORE = ['', ' ', ' ', ' ', ' ', '', ' ', '', ''];
const TO_THE_RIGHT = new Set([4, 6]);

export function socketText(sockets: readonly SocketView[], style: SocketStyle): string {
  const left = [...(style.withProtocol ? [] : [0]), ...(style.withoutState ? [1] : [])];
  const columns = HEADING.map((_, c) => c).filter(c => !left.includes(c));
  const rows = sockets.map(socket => cells(socket, style.numeric));
  const all = style.heading ? [HEADING, ...rows] : rows;
  const widths = HEADING.map((_, c) => Math.max(0, ...all.map(row => row[c]!.length)));
  return all
    .map(row => {
      const parts = columns.map((c, i) => {
        const text = TO_THE_RIGHT.has(c) ? row[c]!.padStart(widths[c]!) : row[c]!.padEnd(widths[c]!);
        return (i === 0 ? '' : BEFORE[c]!) + text;
      });
      return `${parts.join('')}\n`;
    })
    .join('');
}

function cells(socket: SocketView, numeric: boolean): string[] {
  const { protocol, state, receiveQueue, sendQueue } = socket;
  const port = (number: number): string =>
    number === 0 ? '*' : ((numeric ? undefined : SERVICES[`${protocol}/${number}`]) ?? String(number));
  return [
    protocol,
    state,
    String(receiveQueue).padEnd(6),
    String(sendQueue).padEnd(6),
    `${Ipv4.format(socket.localAddress)}:`,
    port(socket.localPort),
    `${Ipv4.format(socket.remoteAddress)}:`,
    port(socket.remotePort),
    '',
  ];
}
