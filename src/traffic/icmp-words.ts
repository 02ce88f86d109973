/** ICMP errors and send errors in the words of iputils' `ping` (`pr_icmph`) and of the C library. */
import type { IcmpErrorReport, SendError } from '../netstack/transport.ts';
import * as Icmp from '../wire/icmpv4.ts';

const UNREACHABLE: readonly string[] = [
  'Destination Net Unreachable',
  'Destination Host Unreachable',
  'Destination Protocol Unreachable',
  'Destination Port Unreachable',
  'Frag needed and DF set',
  'Source Route Failed',
  'Destination Net Unknown',
  'Destination Host Unknown',
  'Source Host Isolated',
  'Destination Net Prohibited',
  'Destination Host Prohibited',
  'Destination Net Unreachable for Type of Service',
  'Destination Host Unreachable for Type of Service',
  'Packet filtered',
  'Precedence Violation',
  'Precedence Cutoff',
];

export function describeError({ type, code, mtu }: Pick<IcmpErrorReport, 'type' | 'code' | 'mtu'>): string {
  switch (type) {
    case Icmp.DESTINATION_UNREACHABLE:
      if (code === Icmp.FRAGMENTATION_NEEDED) return `Frag needed and DF set (mtu = ${mtu})`;
      return UNREACHABLE[code] ?? `Dest Unreachable, Bad Code: ${code}`;
    case Icmp.SOURCE_QUENCH:
      return 'Source Quench';
    case Icmp.TIME_EXCEEDED:
      if (code === Icmp.TTL_EXCEEDED) return 'Time to live exceeded';
      if (code === Icmp.REASSEMBLY_EXCEEDED) return 'Frag reassembly time exceeded';
      return `Time exceeded, Bad Code: ${code}`;
    case Icmp.PARAMETER_PROBLEM:
      return 'Parameter problem: pointer = 0';
    default:
      return `Bad ICMP type: ${type}`;
  }
}

/** strerror(3). */
export const errnoText: Readonly<Record<Exclude<SendError, ''>, string>> = {
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  EMSGSIZE: 'Message too long',
  ENETDOWN: 'Network is down',
};
