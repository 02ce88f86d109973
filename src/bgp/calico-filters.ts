/**
 * The two filters of Calico's BIRD configuration, over plain data: what goes to BGP peers and what goes to the kernel.
 * `net ~ cidr` of the templates is `Prefix.covers`: equal or more specific.
 */
import * as Prefix from '../addr/prefix.ts';
import { type Filter, type FilterChanges, type FilterVerdict, filter } from './filter.ts';
import type { Route } from './route.ts';

export interface CalicoPool {
  readonly cidr: Prefix.Prefix;
  readonly ipipMode: 'Never' | 'Always' | 'CrossSubnet';
  readonly vxlanMode: 'Never' | 'Always' | 'CrossSubnet';
  readonly disableBGPExport?: boolean;
}

export interface CalicoExportInput {
  readonly pools: readonly CalicoPool[];
  /** This node's confirmed blocks: the aggregate is told, and nothing beneath it. */
  readonly ownBlocks: readonly Prefix.Prefix[];
  /** The session's two ends are in one AS (up to v3.31 always true for the mesh). */
  readonly internalPeer: boolean;
  /** Service addresses this node advertises as static routes. */
  readonly serviceCidrs?: readonly Prefix.Prefix[] | undefined;
  /** `prefixAdvertisements`: communities for what lies in a CIDR. */
  readonly communities?:
    | readonly {
        readonly cidr: Prefix.Prefix;
        readonly communities?: readonly number[];
        readonly largeCommunities?: readonly (readonly [number, number, number])[];
      }[]
    | undefined;
  /** Felix, not BIRD, programs IPIP routes, so that `tunl0` routes are not ours to tell (v3.33). */
  readonly felixOwnsIpip?: boolean | undefined;
}

/** Devices of tunnels: a route through them is another node's, told by that node. */
const isTunnelDevice = (device: string, felixOwnsIpip: boolean): boolean =>
  device.endsWith('.cali') || device.endsWith('.calico') || (felixOwnsIpip && device === 'tunl0');

/** `calico_export_to_bgp_peers(internalPeer)`, then reject. */
export function calicoExportToBgpPeers(input: CalicoExportInput): Filter {
  const { pools, ownBlocks, internalPeer } = input;
  const services = input.serviceCidrs ?? [];
  const felixOwnsIpip = input.felixOwnsIpip ?? false;
  const verdict = ({ prefix, device }: Route): FilterVerdict => {
    const within = (cidr: Prefix.Prefix): boolean => Prefix.covers(cidr, prefix);
    const reject = (because: string): FilterVerdict => ({ accept: false, because });
    const changes = communityChanges(input, prefix);
    const accept = (because: string): FilterVerdict => ({ accept: true, because, ...changes });
    const disabled = pools.find(pool => pool.disableBGPExport && within(pool.cidr));
    if (disabled !== undefined) return reject(`pool ${Prefix.format(disabled.cidr)} is not exported`);
    if (internalPeer && device !== undefined && isTunnelDevice(device, felixOwnsIpip))
      return reject(`through ${device}`);
    for (const block of ownBlocks) {
      if (Prefix.equal(block, prefix)) return accept('own block');
      if (within(block)) return reject(`within own block ${Prefix.format(block)}`);
    }
    if (services.some(within)) return accept('service address');
    const pool = pools.find(p => !p.disableBGPExport && within(p.cidr));
    return pool === undefined
      ? reject('outside of all pools')
      : accept(`in pool ${Prefix.format(pool.cidr)}`);
  };
  return filter('(unnamed)', verdict, `export ${JSON.stringify(input)}`);
}

function communityChanges(
  { communities }: CalicoExportInput,
  prefix: Prefix.Prefix,
): { changes: FilterChanges } | undefined {
  const matching = communities?.filter(c => Prefix.covers(c.cidr, prefix)) ?? [];
  if (matching.length === 0) return undefined;
  const large = matching.flatMap(c => c.largeCommunities ?? []);
  return {
    changes: {
      addCommunities: matching.flatMap(c => c.communities ?? []),
      ...(large.length === 0 ? {} : { addLargeCommunities: large }),
    },
  };
}

export interface CalicoKernelInput {
  readonly pools: readonly CalicoPool[];
  /** The network of this node's own BGP address: who is in it needs no tunnel in CrossSubnet mode. */
  readonly localSubnet: Prefix.Prefix;
  /** Service CIDRs: told to peers, never programmed. */
  readonly rejectCidrs?: readonly Prefix.Prefix[] | undefined;
  /** Classes of pools whose routes Felix programs (VXLAN always is). */
  readonly felixOwns?: { readonly ipip?: boolean; readonly noEncap?: boolean } | undefined;
}

/** `calico_kernel_programming`: who programs a pool's routes, and through which device. */
export function calicoKernelProgramming(input: CalicoKernelInput): Filter {
  // confd sorts the pools' statements as text.
  const pools = [...input.pools]
    .sort((a, b) => (Prefix.format(a.cidr) < Prefix.format(b.cidr) ? -1 : 1))
    .map(pool => ({ cidr: pool.cidr, ...ofPool(pool, input) }));
  const services = input.rejectCidrs ?? [];
  const verdict = ({ prefix, attributes }: Route): FilterVerdict => {
    for (const cidr of services)
      if (Prefix.covers(cidr, prefix)) return { accept: false, because: `service ${Prefix.format(cidr)}` };
    for (const pool of pools) {
      if (!Prefix.covers(pool.cidr, prefix)) continue;
      const nextHop = attributes?.nextHop;
      const isLocal = nextHop !== undefined && Prefix.contains(input.localSubnet, nextHop);
      return isLocal ? pool.local : pool.remote;
    }
    return OUTSIDE;
  };
  return filter('calico_kernel_programming', verdict, `kernel ${JSON.stringify(input)}`);
}

const OUTSIDE: FilterVerdict = { accept: true, because: 'outside of all pools' };

/** What is said of a pool's routes whose next hop is in the own subnet, and of the others. */
function ofPool(
  pool: CalicoPool,
  { felixOwns }: CalicoKernelInput,
): { readonly local: FilterVerdict; readonly remote: FilterVerdict } {
  const name = `pool ${Prefix.format(pool.cidr)}`;
  const always = (verdict: FilterVerdict) => ({ local: verdict, remote: verdict });
  const felix: FilterVerdict = { accept: false, because: `${name}: Felix programs it` };
  if (pool.vxlanMode !== 'Never') return always(felix);
  if (pool.ipipMode === 'Never')
    return always(felixOwns?.noEncap ? felix : { accept: true, because: `${name}: no encapsulation` });
  if (felixOwns?.ipip) return always(felix);
  const tunnelled: FilterVerdict = {
    accept: true,
    changes: { krtTunnel: 'tunl0' },
    because: `${name}: IPIP ${pool.ipipMode}`,
  };
  if (pool.ipipMode === 'Always') return always(tunnelled);
  const because = `${name}: next hop in the own subnet`;
  return { local: { accept: true, changes: { krtTunnel: '' }, because }, remote: tunnelled };
}
