/** Traffic as a security group or a packet filter names it: a protocol, a port, a direction. */
import * as Ethernet from '../wire/ethernet.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Vxlan from '../wire/vxlan.ts';

export interface Traffic {
  /** Of IPv4. */
  readonly protocol: number;
  /** Destination port of TCP or UDP; 0 for any. */
  readonly port: number;
  /** As the node sees it; `both` when it does not matter who sends. */
  readonly direction: 'both' | 'in' | 'out';
}

const BGP_PORT = 179;
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: Ipv4.PROTOCOL_ICMP,
  ipip: Ipv4.PROTOCOL_IPIP,
  tcp: Ipv4.PROTOCOL_TCP,
  udp: Ipv4.PROTOCOL_UDP,
};
const SHORT: Readonly<Record<string, string>> = { vxlan: `udp/${Vxlan.PORT}`, bgp: `tcp/${BGP_PORT}` };

/** `ipip`, `vxlan`, `bgp`, `icmp`, `tcp/179`, `udp/4789`, `proto/4`, each also with ` in` or ` out`. */
export function parseTraffic(text: string): Traffic | undefined {
  const [word = '', direction = 'both', ...more] = text.split(/ +/);
  if (more.length > 0 || (direction !== 'both' && direction !== 'in' && direction !== 'out'))
    return undefined;
  const [name = '', number, ...rest] = (SHORT[word] ?? word).split('/');
  if (rest.length > 0 || (number !== undefined && !/^\d{1,5}$/.test(number))) return undefined;
  if (name === 'proto') {
    const protocol = Number(number);
    return number !== undefined && protocol <= 255 ? { protocol, port: 0, direction } : undefined;
  }
  const protocol = PROTOCOLS[name];
  if (protocol === undefined) return undefined;
  const hasPorts = name === 'tcp' || name === 'udp';
  const port = Number(number ?? 0);
  if ((number !== undefined && !hasPorts) || port > 65_535) return undefined;
  return { protocol, port, direction };
}

/** The other way round, in the shortest form. */
export function trafficText({ protocol, port, direction }: Traffic): string {
  const name = Object.entries(PROTOCOLS).find(([, number]) => number === protocol)?.[0];
  const long = name === undefined ? `proto/${protocol}` : port === 0 ? name : `${name}/${port}`;
  const word = Object.entries(SHORT).find(([, text]) => text === long)?.[0] ?? long;
  return direction === 'both' ? word : `${word} ${direction}`;
}

export const sameTraffic = (a: Traffic, b: Traffic): boolean =>
  a.protocol === b.protocol && a.port === b.port && a.direction === b.direction;

/** Is the IPv4 packet in the Ethernet frame at `[at, end)` meant? Fragments but the first have no ports, and follow it. */
export function isMeant(
  traffic: Traffic,
  outward: boolean,
  view: DataView,
  at: number,
  end: number,
): boolean {
  const { protocol, port, direction } = traffic;
  if (direction !== 'both' && outward !== (direction === 'out')) return false;
  const packet = at + Ethernet.HEADER_LENGTH;
  if (Ipv4.protocol(view, packet) !== protocol) return false;
  if (port === 0) return true;
  if (Ipv4.fragmentOffset(view, packet) !== 0) return false;
  const transport = packet + Ipv4.headerLength(view, packet);
  return end - transport >= PORTS_LENGTH && view.getUint16(transport + 2) === port;
}

/** Both ports are in the first four octets of TCP and UDP. */
const PORTS_LENGTH = 4;
