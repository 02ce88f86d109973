/**
 * tcpdump's filter language for packets of a whole lab, where devices with and without an Ethernet header mix. What only
 * one of the two can have (an Ethernet address, say) is no mistake: nothing of the other passes.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { compile, type Filter, FilterError, type FilterOptions } from '../wire/filter.ts';
import * as Pcap from '../wire/pcap.ts';
import type { PacketRecord } from './record.ts';

export type PacketFilter = (
  record: Pick<PacketRecord, 'octets' | 'length' | 'link' | 'direction' | 'index'>,
) => boolean;

/** `resolve`: the addresses of names. Throws `FilterError` for what no device understands. */
export function packetFilter(
  expression: string,
  resolve: (name: string) => Ipv4Address | undefined,
): PacketFilter {
  const ethernet = compiled(expression, { linkType: Pcap.LINKTYPE_ETHERNET, resolve, live: true });
  const raw = compiled(expression, { linkType: Pcap.LINKTYPE_RAW, resolve, live: true });
  if (ethernet instanceof FilterError && raw instanceof FilterError) throw ethernet;
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
