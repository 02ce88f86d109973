/** tcpdump's filter language for packets of a whole lab, where devices with and without an Ethernet header mix. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Scenario } from '../scenario/types.ts';
import type { PacketRecord } from '../trace/record.ts';
import { compile, FilterError } from '../wire/filter.ts';
import * as Pcap from '../wire/pcap.ts';
import { UsageError } from './command-table.ts';

export type PacketFilter = (record: PacketRecord) => boolean;

/** Names of machines are their addresses. Throws `UsageError`. */
export function packetFilter(expression: string, { fabric }: Scenario): PacketFilter {
  const named = new Map([
    ...fabric.nodes.map(({ name, address }) => [name, address] as const),
    ...fabric.hosts.map(({ name, address }) => [name, address] as const),
  ]);
  try {
    const filter = compile(expression, name => Ipv4.parse(name) ?? named.get(name));
    return ({ octets, length, link }) => {
      const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
      return filter(view, link === 'raw' ? Pcap.LINKTYPE_RAW : Pcap.LINKTYPE_ETHERNET, length);
    };
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new UsageError(`${error.message}: ${expression}`, 'capture');
  }
}
