/** Tracked connections as `conntrack -L` of conntrack-tools 1.4.6 prints them. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { ConnectionView } from '../node/command.ts';

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };

/** What libnetfilter_conntrack has no name for it calls so. */
export const protocolName = (protocol: number): string => NAMES[protocol] ?? 'unknown';

/** One connection, a line. `extended`: `-o extended`, with the network protocol in front. */
export function conntrackLine(connection: ConnectionView, extended: boolean): string {
  const { protocol, secondsLeft, tcpState, seenReply, assured, tuples } = connection;
  const family = extended ? 'ipv4     2 ' : '';
  const state = protocol === 6 ? `${tcpState} ` : '';
  const [original, reply] = tuples.map(tuple => tupleText(protocol, tuple));
  const marks = `${seenReply ? '' : '[UNREPLIED] '}`;
  const end = `${assured ? '[ASSURED] ' : ''}mark=0 use=1`;
  return `${family}${protocolName(protocol).padEnd(8)} ${protocol} ${secondsLeft} ${state}${original}${marks}${reply}${end}\n`;
}

function tupleText(
  protocol: number,
  { source, destination, ports }: ConnectionView['tuples'][number],
): string {
  const ends = `src=${Ipv4.format(source)} dst=${Ipv4.format(destination)} `;
  if (protocol === 6 || protocol === 17) return `${ends}sport=${ports >>> 16} dport=${ports & 0xffff} `;
  if (protocol === 1) return `${ends}type=${(ports >>> 8) & 255} code=${ports & 255} id=${ports >>> 16} `;
  return ends;
}
