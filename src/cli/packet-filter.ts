/** tcpdump's filter language for packets of a whole lab, where devices with and without an Ethernet header mix. */
import type { Scenario } from '../scenario/types.ts';
import type { PacketRecord } from '../trace/record.ts';
import { compile, type Filter, FilterError, type FilterOptions } from '../wire/filter.ts';
import * as Pcap from '../wire/pcap.ts';
import { UsageError } from './command-table.ts';

export type PacketFilter = (record: PacketRecord) => boolean;

/** Names of machines are their addresses. Throws `UsageError`. */
export function packetFilter(expression: string, { fabric }: Scenario): PacketFilter {
  const named = new Map([
    ...fabric.nodes.map(({ name, address }) => [name, address] as const),
    ...fabric.hosts.map(({ name, address }) => [name, address] as const),
  ]);
  const resolve = (name: string): number | undefined => named.get(name);
  const ethernet = compiled(expression, { linkType: Pcap.LINKTYPE_ETHERNET, resolve, live: true });
  const raw = compiled(expression, { linkType: Pcap.LINKTYPE_RAW, resolve, live: true });
  // What only one of the two can have (an Ethernet address, say) is no mistake: nothing of the other passes.
  if (ethernet instanceof FilterError && raw instanceof FilterError)
    throw new UsageError(`${ethernet.message}: ${expression}`, 'capture');
  return ({ octets, length, link, direction, index }) => {
    const filter = link === 'raw' ? raw : ethernet;
    if (filter instanceof FilterError) return false;
    return filter({ octets, length, index, inbound: direction === 'receive' });
  };
}

function compiled(expression: string, options: FilterOptions): Filter | FilterError {
  try {
    return compile(expression, options);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
}
